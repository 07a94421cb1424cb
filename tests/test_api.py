"""proj from Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from weaselish import Project, project_run
from weaselish.engine import events
from weaselish.engine.events import StepState
from weaselish.errors import InvalidProject, UnknownName, UsageError

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
