"""proj from Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from weaselish import Project, project_run
from weaselish.cancel import Cancel, Level
from weaselish.engine import events
from weaselish.engine.events import StepState
from weaselish.engine.status import Status
from weaselish.errors import Cancelled, InvalidProject, UnknownName, UsageError

TWO = """
vars: {word: hello}
commands:
  - name: make
    script: ["cp in.txt ${vars.word}.txt"]
    deps: [in.txt]
    outputs: ["${vars.word}.txt"]
  - name: use
    script: ["cp ${vars.word}.txt out.txt"]
    deps: ["${vars.word}.txt"]
    outputs: [out.txt]
  - name: fail
    script: ["sh -c 'echo last words; exit 7'"]
workflows: {all: [make, use]}
"""


@pytest.fixture
def two(project: ProjectDir) -> Path:
    project.write("project.yml", TWO)
    project.write("in.txt", "1")
    return project.path


def test_run_brings_a_workflow_up_to_date_and_returns_how_each_step_ended(two: Path) -> None:
    loaded = Project.load(two)
    assert loaded.commands == ("make", "use", "fail")
    assert loaded.workflows == {"all": ("make", "use")}
    result = loaded.run("all", jobs=2)
    assert result.exit_code == 0
    assert [(one.step, one.state) for one in result.results] == [("make", StepState.RAN), ("use", StepState.RAN)]
    assert (two / "out.txt").read_text() == "1"
    assert {one.state for one in loaded.run("all").results} == {StepState.UP_TO_DATE}


def test_status_and_plan_change_nothing(two: Path) -> None:
    loaded = Project.load(two)
    assert loaded.plan("use").steps == ("make", "use")
    assert [str(reason) for reason in loaded.status("use")[0].reasons] == ["never ran"]
    assert sorted(path.name for path in two.iterdir()) == ["in.txt", "project.yml"]


def test_events_come_in_order_and_hold_the_output(two: Path) -> None:
    received: list[events.Event] = []
    result = Project.load(two).run("fail", on_event=received.append)
    assert result.exit_code == 7
    assert [type(event) for event in received if not isinstance(event, events.StepOutput)] == [
        events.RunStarted,
        events.StepStarted,
        events.StepFailed,
        events.RunFinished,
    ]
    output = b"".join(event.data for event in received if isinstance(event, events.StepOutput))
    assert output.endswith(b"last words\n")


def test_without_on_event_output_goes_to_stdout(two: Path, capsys: Any) -> None:
    Project.load(two).run("fail")
    out = capsys.readouterr().out
    assert "last words\n" in out
    assert "`fail` failed with exit code 7\n" in out


def test_overrides_replace_variables(two: Path) -> None:
    Project.load(two, overrides={"vars.word": "servus"}).run("make")
    assert (two / "servus.txt").exists()


def test_errors_are_raised_before_anything_runs(two: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no command or workflow named `maek`"):
        Project.load(two).run("maek")
    with pytest.raises(UsageError):
        Project.load(tmp_path / "nowhere")
    (two / "project.yml").write_text("commands: 5\n")
    with pytest.raises(InvalidProject) as caught:
        Project.load(two)
    assert caught.value.problems[0].line == 1


def test_project_run_captures_what_a_failing_script_wrote(two: Path) -> None:
    project_run(two, "all", capture=True)
    with pytest.raises(subprocess.SubprocessError) as caught:
        project_run(two, "fail", capture=True)
    assert isinstance(caught.value, subprocess.CalledProcessError)
    assert caught.value.returncode == 7
    assert "last words" in caught.value.output


def test_project_run_without_capture_ends_the_process_with_the_scripts_code(two: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        project_run(two, "fail")
    assert caught.value.code == 7


def test_project_run_dry_prints_the_lines_only(two: Path, capsys: Any) -> None:
    project_run(two, "make", dry=True, overrides={"vars.word": "x"})
    assert capsys.readouterr().out == "Running command: cp in.txt x.txt\n"
    assert not (two / "x.txt").exists()


def test_importing_the_package_imports_no_engine() -> None:
    code = "import sys, weaselish; print([name for name in sys.modules if name.startswith('weaselish.')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_preview_shows_reasons_and_lines_and_changes_nothing(two: Path) -> None:
    steps = Project(two).preview("use")
    assert [(step.step, step.lines) for step in steps] == [
        ("make", ("cp in.txt hello.txt",)),
        ("use", ("cp hello.txt out.txt",)),
    ]
    assert not (two / ".proj").exists()


def test_status_tells_what_a_failed_step_exited_with(two: Path) -> None:
    project = Project(two)
    project.run("fail")
    [step] = project.status("fail")
    assert (step.status, step.exit_code) == (Status.FAILED, 7)


def test_a_graph_has_the_plan_and_the_status_of_its_steps(two: Path) -> None:
    graph = Project(two).graph("all")
    assert graph.plan.producers["use"] == ("make",)
    assert [step.status for step in graph.steps] == [Status.NEVER_RAN, Status.NEVER_RAN]


def test_push_pull_and_ls_work_on_a_remote_by_its_path(two: Path, tmp_path: Path) -> None:
    project, remote = Project(two), str(tmp_path / "remote")
    project.run("all")
    received: list[events.Event] = []
    pushed = project.push(remote, on_event=received.append)
    assert [(one.command, one.refused) for one in pushed] == [("make", None), ("use", None)]
    assert any(isinstance(event, events.CommandPushed) for event in received)
    assert [run.command for run in project.ls(remote)] == ["make", "use"]
    (two / "out.txt").unlink()
    assert [one.restored for one in project.pull(remote)] == [(), ("out.txt",)]
    assert [step.on_remote for step in project.status("all", remote=remote)] == ["there", "there"]
    assert [step.error for step in project.probe(remote).steps] == [None] * 4


def test_records_can_be_reset_and_accepted(two: Path) -> None:
    project = Project(two)
    project.run("all")
    assert project.reset("all") == ("make", "use")
    assert [step.status for step in project.status("all")] == [Status.UNRECORDED, Status.UNRECORDED]
    assert [command.name for command, _ in project.acceptable()] == ["make", "use"]
    assert [(one.command, one.error) for one in project.accept("all")] == [("make", None), ("use", None)]
    assert {step.status for step in project.status("all")} == {Status.UP_TO_DATE}


def test_the_log_holds_the_last_runs_of_what_is_named(two: Path) -> None:
    project = Project(two)
    project.run("all")
    project.run("fail")
    assert [run.command for run in project.log()] == ["make", "use", "fail"]
    assert [run.command for run in project.log("all", most=1)] == ["use"]
    with pytest.raises(UnknownName):
        project.log("nothing")


def test_the_project_describes_itself(two: Path) -> None:
    project = Project(two, overrides={"vars.word": "hi"})
    assert project.model.commands["make"].outputs == ("hi.txt",)
    assert [(variable.name, variable.value) for variable in project.vars()] == [("vars.word", "hi")]
    assert project.validate() == []
    assert project.remotes == ()
    assert "make" in project.document()
    assert project.root == two


def test_assets_are_fetched_and_reported(two: Path) -> None:
    (two / "project.yml").write_text(f"{TWO}assets: [{{dest: data.txt, url: in.txt}}]\n")
    [asset] = Project(two).assets()
    assert (asset.dest, asset.state.value) == ("data.txt", "fetched")
    assert (two / "data.txt").read_text() == "1"


def test_a_template_can_be_cloned(tmp_path: Path) -> None:
    assert "minimal" in Project.templates()
    cloned = Project.clone("minimal", tmp_path / "copy")
    assert (cloned.path, cloned.has_project) == (tmp_path / "copy", True)


def test_a_cancelled_run_returns_and_other_cancelled_calls_raise(two: Path, tmp_path: Path) -> None:
    project = Project(two)
    with Cancel() as cancel:

        def interrupt(event: events.Event) -> None:
            if isinstance(event, events.StepStarted):
                cancel.request(Level.INTERRUPT)

        result = project.run("all", cancel=cancel, on_event=interrupt)
        assert result.exit_code == 130
        assert [one.state for one in result.results][1:] == [StepState.BLOCKED]
        with pytest.raises(Cancelled):
            project.pull(str(tmp_path / "remote"), cancel=cancel)


def test_each_call_reads_project_yml_anew(two: Path) -> None:
    project = Project(two)
    assert list(project.commands) == ["make", "use", "fail"]
    (two / "project.yml").write_text("commands: [{name: other}]\n")
    assert list(project.commands) == ["other"]


def test_no_file_stays_open_between_calls(two: Path, tmp_path: Path) -> None:
    project = Project(two)
    project.run("all")
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(2):
        project.run("all", jobs=2)
        project.status()
        project.push(str(tmp_path / "remote"))
        project.pull(str(tmp_path / "remote"))
        project.ls(str(tmp_path / "remote"))
    assert set(os.listdir("/proc/self/fd")) == before
