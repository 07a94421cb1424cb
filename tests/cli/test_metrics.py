"""Metrics files: declared under `metrics`, read after a run, stored in its record."""

from __future__ import annotations

import os
from typing import Any

import pytest
from harness import ProjectDir

from weaselish.api.project import Project


@pytest.fixture
def training(project: ProjectDir) -> ProjectDir:
    """A step whose metrics are what `wanted` holds."""
    project.project(
        """
        vars: {lr: 0.1}
        commands:
          - name: train
            shell: true
            script: ["cp wanted metrics.json && echo ${vars.lr} > model"]
            deps: [wanted]
            outputs: [model]
            metrics: [metrics.json]
          - name: report
            script: [cp metrics.json report.json]
            deps: [metrics.json]
            outputs: [report.json]
        """
    )
    project.write("wanted", '{"accuracy": 0.5, "f": {"de": 0.25}}')
    return project


def metrics_of(project: ProjectDir, command: str = "train") -> Any:
    """Return the metrics of the last run of a command."""
    (run,) = [run for run in Project(project.path).log() if run.command == command][-1:]
    return run.metrics


def test_a_run_records_its_metrics(training: ProjectDir) -> None:
    assert training.proj("run", "train").code == 0
    assert metrics_of(training) == {"metrics.json": {"accuracy": 0.5, "f.de": 0.25}}


def test_metrics_are_checked_like_optional_outputs(training: ProjectDir) -> None:
    training.proj("run", "train")
    assert training.proj("status", "train", "--json").json[0]["state"] == "up to date"
    training.write("metrics.json", "{}")
    assert training.proj("status", "train", "--json").json[0]["reasons"] == ["output changed: metrics.json"]
    training.remove("metrics.json")
    assert training.proj("status", "train", "--json").json[0]["reasons"] == ["output missing: metrics.json"]


def test_metrics_are_not_part_of_the_key(training: ProjectDir) -> None:
    training.proj("run", "train")
    key = training.proj("status", "train", "--json").json[0]["key"]
    training.project(training.read("project.yml").replace("metrics: [metrics.json]", ""))
    (step,) = training.proj("status", "train", "--json").json
    assert step["key"] == key
    assert step["reasons"] == ["outputs list changed: metrics.json"]


def test_a_consumer_of_a_metrics_file_runs_after_its_producer(training: ProjectDir) -> None:
    done = training.proj("run", "report", "-j", "2", "--json")
    assert done.code == 0
    assert training.exists("report.json")
    assert "s0 --> s1" in training.proj("graph", "report", "--mermaid").out


def test_a_metrics_file_that_is_also_an_output_is_pushed(training: ProjectDir) -> None:
    training.project(training.read("project.yml").replace("outputs: [model]", "outputs: [model, metrics.json]"))
    assert training.proj("run", "train").code == 0
    assert "listed twice" not in training.proj("validate").err
    training.proj("push", "../remote", "-c", "train")
    assert {output["path"] for run in training.proj("ls", "../remote", "--json").json for output in run["outputs"]} == {
        "model",
        "metrics.json",
    }


def test_a_metrics_file_inside_an_output_directory_counts_once(project: ProjectDir) -> None:
    project.project(
        """
        commands:
          - name: train
            shell: true
            script: ["mkdir -p model && echo 'loss: 2' > model/m.yaml"]
            outputs: [model]
            metrics: [model/m.yaml]
        """
    )
    assert project.proj("run", "train").code == 0
    assert [out["path"] for out in project.lock()["train"]["outs"]] == ["model"]
    assert metrics_of(project) == {"model/m.yaml": {"loss": 2}}


def test_metrics_travel_with_push_and_pull(training: ProjectDir) -> None:
    training.proj("run", "train")
    assert training.proj("push", "../remote", "-c", "train").code == 0
    other = training.beside("other")
    other.project(training.read("project.yml"))
    other.write("wanted", training.read("wanted"))
    assert other.proj("pull", str(training.path.parent / "remote"), "-c", "train").code == 0
    assert metrics_of(other) == {"metrics.json": {"accuracy": 0.5, "f.de": 0.25}}
    assert not other.exists("metrics.json")


def test_accepted_outputs_bring_their_metrics(training: ProjectDir) -> None:
    training.write("model", "1")
    training.write("metrics.json", '{"accuracy": 1}')
    assert training.proj("lock", "accept", "train").code == 0
    assert metrics_of(training) == {"metrics.json": {"accuracy": 1}}


def test_variables_are_replaced_in_the_paths_of_metrics(project: ProjectDir) -> None:
    project.project(
        """
        vars: {name: v1}
        env: {where: WHERE}
        commands:
          - name: a
            script: [sh a.sh]
            outputs: [out]
            metrics: ["${vars.name}.json", "${env.where}/m.toml"]
        """
    )
    project.write("a.sh", "mkdir -p there; echo '{\"a\": 1}' > v1.json; echo 'b = 2' > there/m.toml; echo > out\n")
    assert project.proj("run", "a", env={"WHERE": "there"}).code == 0
    assert metrics_of(project, "a") == {"v1.json": {"a": 1}, "there/m.toml": {"b": 2}}


# -- files that cannot be read ----------------------------------------------------------------------------------------

BROKEN = {
    "missing": ("true", "does not exist"),
    "no JSON": ("printf '{\\n \"a\": }' > m.json", "m.json:2:7: expecting value"),
    "too large": ("head -c 1048577 /dev/zero > m.json", "is larger than 1 MiB"),
    "binary": ('printf \'{"a": "\\377"}\' > m.json', "m.json:1:8: `m.json` is not text in UTF-8: byte 0xff"),
    "a directory": ("mkdir m.json", "is a directory, not a file"),
    "a pipe": ("mkfifo m.json", "is a named pipe, not a file"),
    "a link to itself": ("ln -s m.json m.json", "cannot be read"),
    "a dangling link": ("ln -s nowhere m.json", "is a link to `nowhere`, which does not exist"),
    "too many values": ("sh many.sh > m.json", "it has more than 1,000 values"),
    "too deep": ("sh deep.sh > m.json", "nested"),
    "two of a name": ('echo \'{"a.b": 1, "a": {"b": 2}}\' > m.json', "two values are named `a.b`"),
    "no names": ("echo 0.97 > m.json", "it must hold a mapping"),
    "empty": (": > m.json", "m.json:1:1: expecting value"),
    "a number of 5,000 digits": ("sh digits.sh > m.json", "digits"),
}


@pytest.mark.parametrize(("line", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_a_metrics_file_that_cannot_be_read_is_a_warning(project: ProjectDir, line: str, why: str) -> None:
    project.project(
        """
        commands:
          - {name: a, script: [sh a.sh], outputs: [out], metrics: [m.json, good.json]}
        """
    )
    project.write("many.sh", "echo '[0'; i=0; while [ $i -lt 1000 ]; do echo ,1; i=$((i+1)); done; echo ']'\n")
    project.write("deep.sh", "head -c 100000 /dev/zero | tr '\\0' '['\n")
    project.write("digits.sh", "echo '['; head -c 5000 /dev/zero | tr '\\0' '1'; echo ']'\n")
    project.write("a.sh", f"echo '{{\"b\": 1}}' > good.json; echo > out; {line}\n")
    done = project.proj("run", "a")
    assert done.code == 0, done.err
    assert "warning: `a`: no metrics from `m.json`: " in done.err
    assert why in done.err
    assert metrics_of(project, "a") == {"good.json": {"b": 1}}
    assert project.proj("status", "--check").code == 0


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [("m.yaml", "a: 1\nb: [", "m.yaml:"), ("m.toml", "a = 1\nb = = 2\n", "m.toml:2:5: ")],
)
def test_broken_yaml_and_toml_are_located(project: ProjectDir, name: str, content: str, place: str) -> None:
    project.project(f"commands: [{{name: a, script: [cp source {name}], deps: [source], metrics: [{name}]}}]")
    project.write("source", content)
    done = project.proj("run", "a")
    assert done.code == 0
    assert f"no metrics from `{name}`: {place}" in done.err


def test_numbers_that_are_not_finite_survive_as_text(training: ProjectDir) -> None:
    training.write("wanted", '{"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e999}')
    training.proj("run", "train")
    assert metrics_of(training) == {"metrics.json": {"a": "nan", "b": "inf", "c": "-inf", "d": "inf"}}
    for journal in (training.path / ".proj" / "runs").rglob("*.jsonl"):
        assert "NaN" not in journal.read_text() and "Infinity" not in journal.read_text()


def test_secrets_in_metrics_are_masked(training: ProjectDir) -> None:
    training.project("env: {token: HUB_TOKEN}\n" + training.read("project.yml"))
    training.write("wanted", '{"by": "user sesame99", "sesame99": 1, "code": 77335599, "ok": 0.5}')
    training.proj("run", "train", env={"HUB_TOKEN": "sesame99"})
    assert metrics_of(training) == {"metrics.json": {"by": "user ***", "***": 1, "code": 77335599, "ok": 0.5}}
    training.proj("run", "train", "-F", env={"HUB_TOKEN": "77335599"})
    assert metrics_of(training)["metrics.json"]["code"] == "***"


def test_the_warning_about_broken_metrics_masks_secrets(training: ProjectDir) -> None:
    training.project("env: {token: HUB_TOKEN}\n" + training.read("project.yml"))
    training.write("wanted", '{"sesame99.b": 1, "sesame99": {"b": 2}}')
    done = training.proj("run", "train", env={"HUB_TOKEN": "sesame99"})
    assert "two values are named `***.b`" in done.err
    assert "sesame99" not in done.err


# -- project.yml ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("metrics.csv", "a metrics file cannot be `metrics.csv`"),
        ("*.json", "a metrics file cannot be a glob"),
        ("project.yml", "a metrics file cannot be `project.yml`"),
        (".git/m.json", "a metrics file cannot be `.git/m.json`"),
        ("${vars.none}.json", "unknown variable `${vars.none}`"),
    ],
)
def test_a_path_that_cannot_be_a_metrics_file_is_an_error(project: ProjectDir, path: str, why: str) -> None:
    project.project(f"commands:\n  - name: a\n    script: [echo]\n    metrics:\n      - '{path}'\n")
    done = project.proj("validate")
    assert done.code == 2
    assert f"project.yml:5:9: error: {why}" in done.err


def test_a_metrics_file_may_be_outside_the_project(training: ProjectDir) -> None:
    text = training.read("project.yml").replace("metrics: [metrics.json]", "metrics: [../m.json]")
    training.project(text.replace("wanted metrics.json", "wanted ../m.json"))
    assert training.proj("run", "train").code == 0
    assert os.path.exists(training.path / "../m.json")
    assert metrics_of(training) == {"../m.json": {"accuracy": 0.5, "f.de": 0.25}}


def test_the_steps_of_a_matrix_need_metrics_files_of_their_own(project: ProjectDir) -> None:
    project.project(
        """
        commands:
          - name: train
            matrix: {lang: [de, en]}
            script: ["cp ${matrix.lang}.txt metrics/${matrix.lang}.json"]
            deps: ["${matrix.lang}.txt"]
            metrics: [metrics.json]
        """
    )
    done = project.proj("validate")
    assert "project.yml:7:15: error: `train@de` and `train@en` both produce `metrics.json`" in done.err
    project.project(project.read("project.yml").replace("[metrics.json]", "['metrics/${matrix.lang}.json']"))
    project.write("de.txt", '{"a": 1}')
    project.write("en.txt", '{"a": 2}')
    project.write("metrics/.keep")
    assert project.proj("run", "train").code == 0
    assert metrics_of(project, "train@en") == {"metrics/en.json": {"a": 2}}
