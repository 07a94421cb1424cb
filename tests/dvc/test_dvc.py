"""`proj dvc`: what it writes, and that the real DVC makes the same outputs of it as `proj run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from environments import environment
from harness import TIMEOUT, Done, ProjectDir

from weaselish.files import yaml12

PROJECT = """\
vars: {times: 1}
env: {who: WHO}
commands:
  - {name: setup, script: ["true"]}
  - name: a.b
    script: ["sh make.sh ${vars.times}"]
    deps: [make.sh, raw.txt]
    outputs: [tree/]
    outputs_no_cache: [n.txt]
  - name: use it
    shell: true
    script: ["cat data/* tree/a > all.txt"]
    deps: ["data/*.csv", "tree/*"]
    outputs: [all.txt]
  - {name: greet, shell: true, script: ["echo '${env.who}' > who.txt"], deps: [all.txt], outputs: [who.txt]}
  - name: own
    shell: true
    script: ["cat raw.txt >> log.txt"]
    deps: [raw.txt, log.txt]
    outputs: [log.txt]
    no_skip: true
  - {name: show, script: ["cat who.txt"], deps: [who.txt]}
workflows:
  all: [setup, "a.b", "use it", greet, show]
  last: [greet]
  adding: [own]
  nothing: [setup]
"""


@pytest.fixture
def pipeline(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    project.write(
        "make.sh", "mkdir -p tree/b && for i in $(seq $1); do cat raw.txt; done > tree/a && echo $1 > n.txt\n"
    )
    project.write("raw.txt", "one\n")
    project.write("data/1.csv", "two\n")
    return project


def stages(project: ProjectDir) -> Any:
    return yaml12.read(project.read("dvc.yaml"), file="dvc.yaml")[0]["stages"]


def test_each_step_is_a_stage(pipeline: ProjectDir) -> None:
    done = pipeline.proj("dvc", ".", "all")
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "warning: left out, because DVC cannot order what has no deps and outputs: `setup`\n"
        "wrote dvc.yaml: 4 stages\n"
        "  hint: `dvc init` first, then `dvc repro` runs it\n"
    )
    kept = {"persist": True}
    assert stages(pipeline) == {
        "a.b": {
            "cmd": "proj run a.b --only",
            "deps": ["project.yml", "make.sh", "raw.txt"],
            "outs": [{"tree": kept}, {"n.txt": {"cache": False, **kept}}],
        },
        "use it": {
            "cmd": "proj run 'use it' --only",
            "deps": ["project.yml", "tree"],
            "outs": [{"all.txt": kept}],
            "always_changed": True,  # DVC has no globs
        },
        "greet": {
            "cmd": "proj run greet --only",
            "deps": ["project.yml", "all.txt"],
            "outs": [{"who.txt": kept}],
            "always_changed": True,  # DVC does not see the environment
        },
        "show": {"cmd": "proj run show --only", "deps": ["project.yml", "who.txt"]},
    }


def test_no_skip_and_a_dep_that_is_an_output(pipeline: ProjectDir) -> None:
    pipeline.proj("dvc", "adding")
    assert stages(pipeline)["own"]["always_changed"] is True
    assert stages(pipeline)["own"]["deps"] == ["project.yml", "raw.txt"]


def test_what_makes_the_deps_is_brought_in(pipeline: ProjectDir) -> None:
    pipeline.proj("dvc", "last")
    assert list(stages(pipeline)) == ["a.b", "use it", "greet"]


def test_words_may_stand_as_in_weasel_or_alone(pipeline: ProjectDir) -> None:
    elsewhere = pipeline.beside("elsewhere")
    assert elsewhere.proj("dvc", str(pipeline.path), "last").code == 0
    assert list(stages(pipeline)) == ["a.b", "use it", "greet"]
    done = pipeline.proj("dvc")
    assert done.err.startswith("warning: no workflow named; using the first one, `all`\n")
    assert pipeline.proj("dvc", ".").code == 0
    assert pipeline.proj("dvc", ".", "all", "last").code == 2


def test_verbose_and_quiet(pipeline: ProjectDir) -> None:
    assert "stage use it\n" in pipeline.proj("dvc", "last", "-V").err
    assert pipeline.proj("dvc", "last", "-F", "-q").err == ""


def test_another_workflow_is_written_and_the_same_one_is_not(pipeline: ProjectDir) -> None:
    pipeline.proj("dvc", "all")
    first = pipeline.read("dvc.yaml")
    assert pipeline.proj("dvc", "all").err == "dvc.yaml is up to date\n"
    assert pipeline.proj("dvc", "last").code == 0
    second = pipeline.read("dvc.yaml")
    assert len({text.splitlines()[0] for text in (first, second)}) == 2
    pipeline.project(PROJECT.replace("make.sh, raw.txt", "make.sh"))
    assert pipeline.proj("dvc", "last").code == 0
    assert "raw.txt" not in pipeline.read("dvc.yaml")


def test_one_of_your_own_is_kept_but_with_force(pipeline: ProjectDir) -> None:
    pipeline.proj("dvc", "all")
    for text in ("stages: {}\n", pipeline.read("dvc.yaml") + "  mine: {cmd: ls}\n", "# " + "0" * 32 + "\nstages: {}\n"):
        pipeline.write("dvc.yaml", text)
        done = pipeline.proj("dvc", "all")
        assert (done.code, pipeline.read("dvc.yaml")) == (1, text)
        assert done.err == ("error: dvc.yaml was edited, or `proj` did not write it\n  hint: `--force` replaces it\n")
    assert pipeline.proj("dvc", "all", "--force").code == 0
    assert len(stages(pipeline)) == 4


def test_one_of_weasels_is_replaced(pipeline: ProjectDir) -> None:
    pipeline.write("dvc.yaml", f"# {'0' * 32}\n# This file is auto-generated by Weasel from it\nstages: {{}}\n")
    assert pipeline.proj("dvc", "all").code == 0
    assert len(stages(pipeline)) == 4


def test_overrides_are_passed_on_but_no_secrets(pipeline: ProjectDir) -> None:
    pipeline.proj("dvc", "last", "--vars.times", "2 3")
    assert stages(pipeline)["a.b"]["cmd"] == "proj run a.b --only '--vars.times=2 3'"
    assert "#   proj dvc . last '--vars.times=2 3'\n" in pipeline.read("dvc.yaml")
    pipeline.project(PROJECT.replace("vars: {times: 1}", "vars: {times: 1, api_key: x}"))
    done = pipeline.proj("dvc", "all", "--vars.api_key", "s3cr3t")
    assert (done.code, "s3cr3t" in done.err + pipeline.read("dvc.yaml")) == (1, False)


@pytest.mark.parametrize(
    ("workflow", "code", "message"),
    [
        ("al", 2, "error: no workflow named `al`\n  hint: did you mean `all`?\n"),
        ("nothing", 1, "error: no command of `nothing` has deps or outputs\n"),
    ],
)
def test_an_impossible_request_is_an_error(pipeline: ProjectDir, workflow: str, code: int, message: str) -> None:
    done = pipeline.proj("dvc", workflow)
    assert (done.code, pipeline.exists("dvc.yaml")) == (code, False)
    assert done.err.startswith(message)


def test_two_producers_of_one_path_are_refused(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, script: [x], outputs: [out]}, {name: b, script: [x], outputs: [out/b]}]\n"
        "workflows: {all: [a, b]}"
    )
    assert project.proj("dvc", "all").err == (
        "error: `a` produces `out` and `b` produces `out/b`\n"
        "  hint: DVC allows one producer: put alternatives into workflows of their own\n"
    )
    project.project("commands: [{name: a, script: [x]}]")
    assert project.proj("dvc").err.startswith("error: project.yml defines no workflow\n")


# -- the real DVC -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def dvc_tool() -> Path:
    return environment("dvc", ["dvc>=3,<4"]) / "bin" / "dvc"


class Dvc:
    """DVC in a project, with a `proj` on PATH."""

    def __init__(self, tool: Path, project: ProjectDir, scratch: Path) -> None:
        self._tool, self._project = tool, project
        scratch.mkdir()
        proj = scratch / "proj"
        proj.write_text(f'#!/bin/sh\nexec {sys.executable} -m weaselish "$@"\n')
        proj.chmod(0o755)
        path = os.pathsep.join([str(scratch), str(tool.parent), project.environ["PATH"]])
        project.environ.update(PATH=path, DVC_NO_ANALYTICS="1")
        self("init", "--no-scm", "--quiet")

    def __call__(self, *words: str, env: dict[str, str] | None = None) -> Done:
        done = subprocess.run(
            [self._tool, *words],
            cwd=self._project.path,
            env={**self._project.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT * 2,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def dvc(dvc_tool: Path, pipeline: ProjectDir, tmp_path: Path) -> Dvc:
    return Dvc(dvc_tool, pipeline, tmp_path / "bin")


OUTPUTS = ("tree/a", "n.txt", "all.txt", "who.txt")


def test_dvc_makes_the_same_outputs_as_proj(dvc: Dvc, pipeline: ProjectDir) -> None:
    other = pipeline.beside("run-by-proj")
    for name in ("project.yml", "make.sh", "raw.txt", "data/1.csv"):
        other.write(name, pipeline.read(name))
    assert other.proj("run", "all").code == 0

    assert pipeline.proj("dvc", ".", "all").err.endswith("hint: `dvc repro` runs it\n")
    dvc("repro")
    assert [pipeline.read(name) for name in OUTPUTS] == [other.read(name) for name in OUTPUTS]
    assert pipeline.proj("run", "all", "--json").json["steps"][1]["result"] == "up to date"

    # a variable, a file that a glob matches, a value of the environment: DVC asks proj, and proj knows
    for change, redone in (
        (lambda: pipeline.project(PROJECT.replace("times: 1", "times: 2")), "one\none\n"),
        (lambda: pipeline.write("data/2.csv", "three\n"), "three\n"),
    ):
        change()
        dvc("repro", env={"WHO": "Ada"})
        assert redone in pipeline.read("all.txt")
    assert pipeline.read("who.txt") == "Ada\n"
    assert "didn't change, skipping" in dvc("repro", env={"WHO": "Ada"}).out
