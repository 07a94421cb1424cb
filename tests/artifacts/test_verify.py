"""`proj artifact verify`: the bytes of a version, and the run that produced it, computed again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness import ProjectDir

PENGUINS = """\
version: "1.0.0"
remotes: {default: ../remote}
artifacts:
  model: {path: out, equivalent: {metrics.json: {acc: 0.002}}}
commands:
  - name: prepare
    shell: true
    script: [sort raw.txt > data.txt]
    deps: [raw.txt]
    outputs: [data.txt]
  - name: train
    script: [python train.py]
    deps: [train.py, data.txt]
    outputs: [out]
"""
TRAIN = """\
import json, os, pathlib
library = pathlib.Path(os.environ["LIBRARY"]).read_text().strip()
out = pathlib.Path("out")
out.mkdir(exist_ok=True)
(out / "weights.txt").write_text(pathlib.Path("data.txt").read_text() + library)
(out / "metrics.json").write_text(json.dumps({"acc": 0.9 + float(library) / 1000}))
"""


@pytest.fixture
def penguins(project: ProjectDir) -> ProjectDir:
    """A published version, whose numbers depend on a library outside the project."""
    project.project(PENGUINS)
    project.write("train.py", TRAIN)
    project.write("raw.txt", "b\na\n")
    library(project, "1")
    assert project.proj("run", "train").code == 0
    assert project.proj("artifact", "push", "model").code == 0
    return project


def library(project: ProjectDir, version: str) -> None:
    path = project.path.parent / "library"
    path.write_text(version)
    project.environ["LIBRARY"] = str(path)


def outcomes(project: ProjectDir) -> list[str]:
    checks = project.path.parent / "remote" / ".proj" / "artifacts" / "model" / "checks" / "1.0.0"
    return [json.loads(file.read_text())["outcome"] for file in sorted(checks.glob("*.json"))]


def test_the_bytes_are_verified(penguins: ProjectDir) -> None:
    done = penguins.proj("artifact", "verify", "model@1.0.0")
    assert (done.code, "model 1.0.0: intact" in done.err) == (0, True)
    file = penguins.path.parent / "remote" / "model_v1.0.0.tar.gz"
    file.write_bytes(file.read_bytes()[:-9] + b"\0" * 9)
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--json")
    assert (done.code, done.json["state"]) == (1, "damaged")
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert done.code == 1
    assert "✘ model 1.0.0: damaged" in done.err


def test_a_rerun_reproduces_the_version_in_a_clean_directory(penguins: ProjectDir) -> None:
    before = penguins.files()
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "model 1.0.0: computed again: identical" in done.err) == (0, True), done.err
    changed = {path for path, content in penguins.files().items() if before.get(path) != content}
    assert not {path for path in changed if not path.startswith(".proj/")}
    assert outcomes(penguins) == ["identical"]
    assert "identical" in penguins.proj("artifact", "show", "model@1.0.0").out


def test_other_numbers_within_the_tolerance_are_equivalent(penguins: ProjectDir) -> None:
    library(penguins, "2")
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "computed again: equivalent" in done.err) == (0, True), done.err
    library(penguins, "9")
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun", "--json")
    assert done.code == 1
    assert done.json["state"] == "different"
    assert done.json["differences"][0]["metric"] == "acc"
    assert outcomes(penguins) == ["equivalent", "different"]


def test_other_bytes_without_tolerances_are_different(penguins: ProjectDir) -> None:
    penguins.project(penguins.read("project.yml").replace(", equivalent: {metrics.json: {acc: 0.002}}", ""))
    library(penguins, "2")
    assert penguins.proj("artifact", "verify", "model@1.0.0", "--rerun").code == 1


def test_a_script_that_fails_is_a_failed_check(penguins: ProjectDir) -> None:
    library(penguins, "no number")
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "computed again: failed" in done.err) == (1, True)
    assert outcomes(penguins) == ["failed"]


def test_old_deps_come_from_git(penguins: ProjectDir) -> None:
    penguins.git("init", "-q")
    penguins.git("add", "train.py", "raw.txt", "project.yml")
    penguins.git("commit", "-qm", "first")
    penguins.write("train.py", "raise SystemExit(1)\n")
    penguins.git("commit", "-qam", "second")
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "identical" in done.err) == (0, True), done.err


def test_old_deps_come_from_the_objects_of_the_remote(penguins: ProjectDir) -> None:
    assert penguins.proj("push").code == 0
    penguins.write("raw.txt", "z\n")
    penguins.proj("run", "prepare")
    assert penguins.read("data.txt") == "z\n"
    done = penguins.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "identical" in done.err) == (0, True), done.err


def test_a_colleague_needs_the_record_and_the_deps(penguins: ProjectDir) -> None:
    other = penguins.beside("project2")
    for name in ("project.yml", "train.py", "raw.txt"):
        other.write(name, penguins.read(name).replace("../remote", str(penguins.path.parent / "remote")))
    done = other.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert done.code == 1
    assert "is neither here nor on remote `default`" in done.err
    assert "`proj push default -c train`" in done.err
    assert penguins.proj("push", "default", "-c", "train").code == 0
    done = other.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "`data.txt` as it was then is neither in the working tree" in done.err) == (1, True)
    assert penguins.proj("push").code == 0
    assert other.proj("artifact", "verify", "model@1.0.0", "--rerun").code == 0


def test_an_unattested_version_cannot_be_computed_again(penguins: ProjectDir, tmp_path: Path) -> None:
    (penguins.path.parent / "remote" / "model_v0.9.0.tar.gz").write_bytes(b"x")
    done = penguins.proj("artifact", "verify", "model@0.9.0", "--rerun")
    assert done.code == 1


def test_two_versions_are_compared(penguins: ProjectDir) -> None:
    penguins.proj("push")
    penguins.write("raw.txt", "c\n")
    penguins.proj("run", "train")
    penguins.proj("push")
    assert penguins.proj("artifact", "push", "model", "--version", "1.1.0").code == 0
    done = penguins.proj("artifact", "diff", "model", "1.0.0", "1.1.0")
    assert done.code == 0
    assert "changed weights.txt" in done.out
    assert "dep changed: data.txt" in done.out
    assert penguins.proj("artifact", "diff", "model", "1.0.0", "1.0.0").out.endswith("the same content\n")
    shutil.rmtree(penguins.path / "out")
    assert penguins.proj("artifact", "diff", "model", "1.0.0", "newest", "--json").json["files"] == [
        {"change": "changed", "path": "weights.txt"}
    ]


MEASURED = """\
version: "1.0.0"
remotes: {default: ../remote}
artifacts:
  model: {path: model, equivalent: {metrics.json: {acc: 0.002}}}
commands:
  - {name: train, script: [python train.py], deps: [train.py, data.txt], outputs: [model]}
  - name: evaluate
    script: [python evaluate.py]
    deps: [evaluate.py, model, test.txt]
    outputs: [predictions.txt]
    metrics: [metrics.json]
"""
MEASURED_TRAIN = """\
import os, pathlib
library = pathlib.Path(os.environ["LIBRARY"]).read_text().strip()
pathlib.Path("model").write_text(pathlib.Path("data.txt").read_text() + library)
"""
EVALUATE = """\
import json, pathlib
quality = float(pathlib.Path("model").read_text().split()[-1]) + len(pathlib.Path("test.txt").read_text())
pathlib.Path("metrics.json").write_text(json.dumps({"acc": quality / 1000}))
pathlib.Path("predictions.txt").write_text("x")
"""


@pytest.mark.parametrize("measured", ["here", "on the remote", "nowhere"])
def test_numbers_of_a_run_that_read_the_version_are_compared(project: ProjectDir, measured: str) -> None:
    project.project(MEASURED)
    for name, text in (
        ("train.py", MEASURED_TRAIN),
        ("evaluate.py", EVALUATE),
        ("data.txt", "a\n"),
        ("test.txt", "t"),
    ):
        project.write(name, text)
    library(project, "1")
    assert project.proj("run", "train" if measured == "nowhere" else "evaluate").code == 0
    assert project.proj("artifact", "push", "model").code == 0
    if measured == "on the remote":
        assert project.proj("push").code == 0
        shutil.rmtree(project.path / ".proj")
        for name in ("project.lock", "metrics.json", "predictions.txt"):
            project.remove(name)
    library(project, "2")
    done = project.proj("artifact", "verify", "model@1.0.0", "--rerun")
    expected = "different" if measured == "nowhere" else "equivalent"
    assert f"computed again: {expected}" in done.err, done.err
    library(project, "9")
    done = project.proj("artifact", "verify", "model@1.0.0", "--rerun", "--json")
    assert (done.code, done.json["state"]) == (1, "different")


def test_a_step_with_roles_is_computed_again_with_the_recorded_replicas(project: ProjectDir) -> None:
    text = """\
        remotes: {default: ../remote}
        version: "1.0.0"
        artifacts: {model: {path: model}}
        commands:
          - name: train
            shell: true
            outputs: [model]
            roles:
              helper: {keep_alive: true, script: [exec sleep 1000]}
              worker: {replicas: 2, script: ['test $RANK != 0 || echo $WORLD_SIZE > model']}
        """
    project.project(text)
    assert project.proj("run", "train").code == 0
    assert project.proj("artifact", "push", "model").code == 0
    project.project(text.replace("replicas: 2", "replicas: 3").replace("> model", "> elsewhere"))
    done = project.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "computed again: identical" in done.err) == (0, True), done.err
    project.project(text.replace("helper:", "other:"))
    done = project.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert done.code == 1
    assert "its run had the role `helper`, and `train` has none of that name now" in done.err


def test_a_rerun_needs_no_variable_that_was_not_set_before(project: ProjectDir) -> None:
    project.project("""\
        version: "1.0.0"
        env: {x: NOT_SET_ANYWHERE}
        remotes: {default: ../remote}
        artifacts: {model: {path: model}}
        commands: [{name: train, shell: true, script: ["echo 1${env.x} > model"], deps: [], outputs: [model]}]
        """)
    assert "NOT_SET_ANYWHERE is not set" in project.proj("run", "train").err
    project.proj("push")
    assert project.proj("artifact", "push", "model").code == 0
    done = project.proj("artifact", "verify", "model@1.0.0", "--rerun")
    assert (done.code, "computed again: identical" in done.err) == (0, True), done.err
