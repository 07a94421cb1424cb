"""`proj diff`: two runs, or the last run and the current state."""

from __future__ import annotations

import json

import pytest
from harness import ProjectDir

from weaselish.api.project import Project


@pytest.fixture
def twice(project: ProjectDir) -> ProjectDir:
    """A step that ran twice, with another script line, dep, variable, output and metric."""
    project.project(
        """
        vars: {n: 1}
        env: {token: HUB_TOKEN}
        commands:
          - name: train
            shell: true
            script: ["echo ${vars.n}", "cp data/a.txt model", "cp wanted metrics.json"]
            deps: [data, wanted]
            env: {TOKEN: "${env.token}"}
            outputs: [model]
            metrics: [metrics.json]
          - {name: other, script: [cp model copy], deps: [model], outputs: [copy]}
        """
    )
    project.write("data/a.txt", "1")
    project.write("data/b.txt", "1")
    project.write("wanted", json.dumps({"accuracy": 0.5, "gone": 1, "same": 2}))
    assert project.proj("run", "other", env={"HUB_TOKEN": "sesame99"}).code == 0
    project.write("data/a.txt", "2")
    project.write("wanted", json.dumps({"accuracy": 0.75, "new": "x", "same": 2}))
    assert project.proj("run", "other", "--vars.n", "2", env={"HUB_TOKEN": "sesame00"}).code == 0
    return project


def runs_of(project: ProjectDir, command: str) -> list[str]:
    return [str(run.run) for run in Project(project.path).log(command)]


def test_two_runs_are_compared(twice: ProjectDir) -> None:
    old, new = runs_of(twice, "train")
    done = twice.proj("diff", old[-6:], new)
    assert done.code == 0
    heading, *lines = done.out.splitlines()
    assert heading.startswith(f"train: run {old[-6:]} (") and f"→ run {new[-6:]} (" in heading
    assert lines == [
        "  script",
        "    - echo 1",
        "    + echo 2",
        "      cp data/a.txt model",
        "      cp wanted metrics.json",
        "  deps",
        "    changed  data (changed a.txt)",
        "    changed  wanted",
        "  env",
        "    changed  TOKEN",
        "    changed  env.token",
        "  outputs",
        "    changed  metrics.json",
        "    changed  model",
        "  metrics",
        "    accuracy  0.5 → 0.75  (+0.25)",
        "    gone      1 → –",
        "    new       – → x",
    ]
    assert "sesame" not in done.out


def test_one_run_is_compared_with_the_last(twice: ProjectDir) -> None:
    old, new = runs_of(twice, "train")
    assert twice.proj("diff", "train", old).out == twice.proj("diff", old, new).out
    assert twice.proj("diff", "train", new).out.splitlines()[1:] == ["  nothing differs"]


def test_the_last_run_is_compared_with_the_current_state(twice: ProjectDir) -> None:
    twice.write("model", "by hand")
    twice.write("metrics.json", json.dumps({"accuracy": 1}))
    twice.remove("data/b.txt")
    done = twice.proj("diff", "train", "--json", "--vars.n", "2", env={"HUB_TOKEN": "sesame00"})
    (found,) = done.json
    assert (found["new"], found["script"], found["env"]) == (None, [], [])
    assert found["deps"] == [{"kind": "changed", "name": "data", "detail": "gone b.txt"}]
    assert [change["name"] for change in found["outputs"]] == ["metrics.json", "model"]
    assert {"file": "metrics.json", "name": "accuracy", "old": 0.75, "new": 1, "delta": 0.25} in found["metrics"]


def test_without_a_step_only_those_that_differ_are_shown(twice: ProjectDir) -> None:
    twice.write("model", "by hand")
    words = ("diff", "--json", "--vars.n", "2")
    assert [one["command"] for one in twice.proj(*words, env={"HUB_TOKEN": "sesame00"}).json] == ["train", "other"]
    twice.write("model", "2")
    done = twice.proj("diff", "--vars.n", "2", env={"HUB_TOKEN": "sesame00"})
    assert (done.out, done.err) == ("", "nothing differs from the last runs\n")


def test_runs_of_different_steps_can_be_compared(twice: ProjectDir) -> None:
    train, other = runs_of(twice, "train")[0], runs_of(twice, "other")[0]
    assert twice.proj("diff", train, other).out.startswith(f"other: train run {train[-6:]}")


def test_the_comparison_as_markdown(twice: ProjectDir) -> None:
    out = twice.proj("diff", *runs_of(twice, "train"), "--md").out
    assert out.startswith("### train: run ")
    assert "```diff\n- echo 1\n+ echo 2\n" in out
    assert "| accuracy | 0.5 | 0.75 | +0.25 |" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nope"], "no command or workflow named `nope`"),
        (["0000000000"], "no run `0000000000` is on record"),
        (["train", "0000000000"], "no run `0000000000` is on record"),
        (["0000", "0000", "0000"], "at most two runs"),
    ],
)
def test_what_does_not_exist_is_an_error(twice: ProjectDir, words: list[str], why: str) -> None:
    done = twice.proj("diff", *words)
    assert done.code == 2
    assert why in done.err


def test_a_run_of_another_step_or_without_result_is_an_error(twice: ProjectDir) -> None:
    assert "is one of `other`" in twice.proj("diff", "train", runs_of(twice, "other")[0]).err
    twice.project("commands: [{name: bad, script: ['false'], outputs: [x]}]")
    twice.proj("run", "bad")
    done = twice.proj("diff", runs_of(twice, "bad")[0])
    assert "of `bad` has no result to compare: failed" in done.err
    assert twice.proj("diff", "bad").code == 1
    assert "no run of `bad` is recorded" in twice.proj("diff", "bad").err


def test_a_fresh_clone_compares_with_the_lock_file(twice: ProjectDir) -> None:
    other = twice.beside("other")
    for path in ("project.yml", "project.lock", "data/a.txt", "data/b.txt", "wanted", "model"):
        other.write(path, twice.read(path))
    (found,) = other.proj("diff", "train", "--json", "--vars.n", "2", env={"HUB_TOKEN": "sesame00"}).json
    assert [(change["kind"], change["name"]) for change in found["outputs"]] == [("removed", "metrics.json")]
    assert found["script"] == [] and found["deps"] == []


def test_digests_of_different_algorithms_are_not_compared(twice: ProjectDir) -> None:
    twice.project("digest: blake3\n" + twice.read("project.yml"))
    twice.proj("run", "train", "-F", "--vars.n", "2", env={"HUB_TOKEN": "sesame00"})
    (found,) = twice.proj("diff", *runs_of(twice, "train")[1:], "--json").json
    assert found["deps"] == [] and found["outputs"] == []
