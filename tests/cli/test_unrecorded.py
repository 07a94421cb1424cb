"""Outputs that exist although no run of their step is recorded: only naming the step replaces them."""

from __future__ import annotations

import json
import shutil

import pytest
from harness import ProjectDir, ran

PROJECT = """\
commands:
  - {name: get, script: [sh step.sh get raw.txt], deps: [source.txt], outputs: [raw.txt]}
  - {name: train, script: [sh step.sh train model.txt], deps: [raw.txt], outputs: [model.txt]}
  - {name: report, script: [cp model.txt page.txt], deps: [model.txt], outputs: [page.txt]}
workflows:
  all: [get, train, report]
"""


@pytest.fixture
def trained(project: ProjectDir) -> ProjectDir:
    """A clone that holds a trained model, but neither the data nor a record of the training."""
    project.project(PROJECT)
    project.write("step.sh", "echo $1 >> ran; echo by $1 > $2\n")
    project.write("model.txt", "trained for a week\n")
    return project


def states(project: ProjectDir, *words: str) -> dict[str, str]:
    return {step["step"]: step["state"] for step in project.proj(*words, "--json").json}


def test_an_unrecorded_output_counts_as_a_source_of_the_named_step(trained: ProjectDir) -> None:
    done = trained.proj("run", "report")
    assert done.code == 0
    assert (trained.read("model.txt"), trained.read("page.txt")) == ("trained for a week\n", "trained for a week\n")
    assert ran(trained) == [], "neither `train` nor the steps upstream of it ran"
    assert done.err.startswith(
        "warning: `train` will not run: its outputs exist, but no run of it is recorded; they are used as they are\n"
        "  hint: `proj run train` produces them again; `proj lock accept train` records them as produced\n"
    )
    assert done.err.count("will not run") == 1
    assert trained.locked() == ["report"]


def test_a_workflow_does_not_name_its_steps_one_by_one(trained: ProjectDir) -> None:
    trained.write("source.txt")
    done = trained.proj("run", "all", "--json")
    assert [(step["step"], step["result"]) for step in done.json["steps"]] == [
        ("get", "ran"),
        ("train", "unrecorded"),
        ("report", "ran"),
    ]
    assert trained.read("model.txt") == "trained for a week\n"
    assert states(trained, "status") == {"get": "up to date", "train": "unrecorded", "report": "up to date"}


def test_naming_the_step_runs_it(trained: ProjectDir) -> None:
    trained.write("source.txt")
    assert trained.proj("run", "train", "all").code == 0
    assert trained.read("model.txt") == "by train\n"
    assert "unrecorded" not in states(trained, "status").values()


def test_force_names_every_step_of_a_workflow(trained: ProjectDir) -> None:
    trained.write("source.txt")
    assert trained.proj("run", "all", "--force").code == 0
    assert trained.read("model.txt") == "by train\n"


def test_only_respects_unrecorded_outputs_too(trained: ProjectDir) -> None:
    trained.project(PROJECT + "  late: [train, report]\n")
    assert trained.proj("run", "late", "--only").code == 0
    assert trained.read("page.txt") == "trained for a week\n"


def test_accepting_the_outputs_records_them(trained: ProjectDir) -> None:
    trained.write("source.txt")
    trained.proj("run", "get")
    assert trained.proj("lock", "accept", "train").code == 0
    done = trained.proj("run", "report")
    assert "will not run" not in done.err
    assert states(trained, "status") == {"get": "up to date", "train": "up to date", "report": "up to date"}


def test_dry_run_status_and_graph_agree_with_the_run(trained: ProjectDir) -> None:
    trained.write("source.txt")
    assert states(trained, "run", "all", "--dry") == {"get": "never ran", "train": "unrecorded", "report": "never ran"}
    assert states(trained, "status") == {"get": "never ran", "train": "unrecorded", "report": "never ran"}
    dry = trained.proj("run", "all", "--dry")
    assert "train: unrecorded, would not run\n" in dry.out
    assert "warning: `train` will not run" in dry.err
    assert "upstream will run: train" not in dry.out
    named = {step["step"]: step for step in trained.proj("run", "train", "--dry", "--json").json}
    assert (named["train"]["runs"], named["train"]["state"]) == (True, "never ran")
    assert "◇ train" in trained.proj("graph").out
    assert trained.proj("status", "--check").code == 1, "no record vouches for the model"


def test_push_refuses_unrecorded_outputs_with_the_reason(trained: ProjectDir) -> None:
    trained.project(PROJECT + "remotes: {default: store}\n")
    trained.write("source.txt")
    trained.proj("run", "all")
    done = trained.proj("push")
    assert "train: not pushed: unrecorded" in done.out + done.err
    assert "proj lock accept train" in done.out + done.err


def test_a_failed_step_is_not_unrecorded_and_runs_again(trained: ProjectDir) -> None:
    trained.write("source.txt")
    (trained.path / "model.txt").unlink()
    trained.write("step.sh", "echo $1 >> ran; echo half > $2; test $1 != train\n")
    assert trained.proj("run", "all").code == 1
    assert trained.read("model.txt") == "half\n"
    assert ran(trained) == ["get", "train"]
    assert states(trained, "status")["train"] == "failed"
    trained.write("step.sh", "echo $1 >> ran; echo by $1 > $2\n")
    assert trained.proj("run", "all").code == 0
    assert ran(trained) == ["train"]


def test_an_interrupted_step_is_not_unrecorded_and_runs_again(project: ProjectDir) -> None:
    project.project("""\
        commands: [{name: a, shell: true, script: [echo half > out, sh wait.sh a], outputs: [out]}]
        workflows: {all: [a]}
        """)
    project.write_wait()
    running = project.start("run", "all")
    project.wait_for("a")
    import signal

    running.signal(signal.SIGTERM)
    assert running.wait().code == 143
    project.let_go("a")
    assert "was interrupted" in project.proj("status").out
    assert project.proj("run", "all").code == 0
    assert project.locked() == ["a"]


def test_a_step_whose_outputs_exist_in_part_runs(project: ProjectDir) -> None:
    project.project("""\
        commands: [{name: a, script: [touch one two], outputs: [one, two]}]
        workflows: {all: [a]}
        """)
    project.write("one")
    assert project.proj("run", "all").code == 0
    assert project.exists("two")


@pytest.mark.parametrize("content", [None, "out/.gitkeep", "out/deep/.gitignore"])
def test_a_directory_without_files_is_not_an_output_that_exists(project: ProjectDir, content: str | None) -> None:
    project.project("""\
        directories: [out]
        commands: [{name: a, script: [touch out/x], outputs: [out]}]
        workflows: {all: [a]}
        """)
    (project.path / "out").mkdir()
    if content is not None:
        project.write(content)
    assert project.proj("run", "all").code == 0
    assert project.exists("out/x")


def test_an_output_that_the_step_reads_itself_does_not_show_that_it_ran(project: ProjectDir) -> None:
    project.project("""\
        commands: [{name: grow, shell: true, script: [echo more >> log], deps: [log], outputs: [log]}]
        workflows: {all: [grow]}
        """)
    project.write("log", "first\n")
    assert project.proj("run", "all").code == 0
    assert project.read("log") == "first\nmore\n"


def test_an_optional_output_must_exist_only_if_another_step_needs_it(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: train
            shell: true
            script: ["echo new > model; touch metrics"]
            outputs: [model]
            outputs_no_cache: [metrics]
          - {name: use, script: [cp model page], deps: [model], outputs: [page]}
          - {name: show, script: [cp metrics table], deps: [metrics], outputs: [table]}
        """)
    project.write("model", "trained\n")
    assert project.proj("run", "use").code == 0
    assert project.read("page") == "trained\n"
    assert project.proj("run", "show").code == 0
    assert project.read("model") == "new\n", "`show` needs the metrics, which only a run of `train` produces"


def test_the_rule_holds_where_several_commands_produce_the_path(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: small, script: [cp one model], deps: [one], outputs: [model]}
          - {name: large, script: [cp two model], deps: [two], outputs: [model]}
          - {name: use, script: [cp model page], deps: [model], outputs: [page]}
        workflows: {all: [small, use], both: [small, use, large, use]}
        """)
    project.write("model", "trained\n")
    project.write("one", "1\n")
    project.write("two", "2\n")
    done = project.proj("run", "use")
    assert (done.code, project.read("page")) == (0, "trained\n")
    assert "`model` is used as it is: `small`, `large` produce it, but no run is recorded" in done.err
    assert "proj run small" in done.err and "proj lock accept small" in done.err
    assert project.proj("run", "all").code == 0
    assert project.read("model") == "trained\n"
    assert project.proj("run", "small").code == 0
    assert project.read("model") == "1\n"
    assert project.proj("run", "both").code == 0
    assert project.read("model") == "2\n", "a record of `small` explains the model, so that `large` may replace it"


def test_a_step_that_is_deleted_during_the_run_runs_at_its_turn(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: clean, script: [rm -f model]}
          - {name: train, shell: true, script: [echo new > model], outputs: [model]}
        workflows: {all: [clean, train]}
        """)
    project.write("model", "old\n")
    assert project.proj("run", "all").code == 0
    assert project.read("model") == "new\n"


def test_outputs_of_a_clone_without_its_records_are_kept_but_those_of_a_lock_are_verified(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [echo new > out], outputs: [out]}]\nworkflows: {w: [a]}")
    assert project.proj("run", "w").code == 0
    shutil.rmtree(project.path / ".proj")
    assert project.proj("run", "w").err == "✔ all up to date (1 step)\n"
    project.write("out", "changed\n")
    assert project.proj("run", "w").code == 0
    assert project.read("out") == "new\n", "a recorded step that is out of date runs"
    shutil.rmtree(project.path / ".proj")
    project.remove("project.lock")
    project.write("out", "mine\n")
    assert project.proj("run", "w").code == 0
    assert project.read("out") == "mine\n"


def test_json_names_the_state_in_every_report(trained: ProjectDir) -> None:
    trained.write("source.txt")
    for words in (["run", "all", "--dry"], ["status", "all"]):
        rows = json.loads(trained.proj(*words, "--json").out)
        assert {row["step"]: row["state"] for row in rows}["train"] == "unrecorded"


BRANCHES = """\
commands:
  - name: train
    matrix: {rate: [1]}
    shell: true
    script: ["cat code > m-${matrix.rate}"]
    deps: [code]
    outputs: ["m-${matrix.rate}"]
"""


@pytest.fixture
def branches(project: ProjectDir) -> ProjectDir:
    """A project whose other branch has run `train@2`, of which this project.lock knows nothing."""
    project.project(BRANCHES)
    project.write("code", "one\n")
    project.proj("run", "train")
    lock = project.read("project.lock")
    project.project(BRANCHES.replace("[1]", "[1, 2]"))
    project.proj("run", "train")
    project.write("project.lock", lock)
    return project


def test_what_another_branch_left_counts_by_its_record(branches: ProjectDir) -> None:
    assert states(branches, "status") == {"train@1": "up to date", "train@2": "up to date"}
    assert branches.proj("run", "train").err == "✔ all up to date (2 steps)\n"
    assert branches.locked() == ["train@1", "train@2"], "project.lock names it again"
    assert branches.proj("run", "train").err == "✔ all up to date (2 steps)\n"


def test_what_another_branch_left_with_other_inputs_is_out_of_date(branches: ProjectDir) -> None:
    branches.write("code", "two\n")
    found = {step["step"]: (step["state"], step["reasons"]) for step in branches.proj("status", "--json").json}
    assert found["train@2"] == ("out of date", ["dep changed: code"])
    assert branches.proj("run", "train").code == 0
    assert branches.read("m-2") == "two\n"
    branches.write("m-2", "edited\n")
    assert states(branches, "status")["train@2"] == "out of date"


def test_a_reset_forgets_the_journals_too(branches: ProjectDir) -> None:
    branches.proj("lock", "reset", "train")
    assert states(branches, "status") == {"train@1": "unrecorded", "train@2": "unrecorded"}


def test_a_renamed_command_counts_by_the_record_of_its_old_name(project: ProjectDir) -> None:
    text = "vars: {n: 1}\ncommands: [{name: old, shell: true, script: ['echo ${vars.n} > out'], outputs: [out]}]\n"
    project.project(text)
    project.proj("run", "old")
    project.project(text.replace("name: old", "name: new"))
    assert states(project, "status") == {"new": "up to date"}
    assert project.proj("run", "new").err == "✔ all up to date (1 step)\n"
    assert project.locked() == ["new", "old"]


def test_a_renamed_command_with_another_script_is_out_of_date(project: ProjectDir) -> None:
    text = "vars: {n: 1}\ncommands: [{name: old, shell: true, script: ['echo ${vars.n} > out'], outputs: [out]}]\n"
    project.project(text)
    project.proj("run", "old")
    project.project(text.replace("name: old", "name: new").replace("n: 1", "n: 2") + "workflows: {all: [new]}\n")
    (step,) = project.proj("status", "--json").json
    assert (step["state"], step["reasons"]) == ("out of date", ["script changed: line 1 (`echo 1` → `echo 2`)"])
    assert project.proj("run", "all").code == 0
    assert project.read("out") == "2\n"
