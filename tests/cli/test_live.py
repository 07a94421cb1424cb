"""The live view of a parallel run."""

from __future__ import annotations

import signal

import pytest
from harness import ProjectDir

from weaselish.cli.live_rows import LiveRows
from weaselish.cli.region import Line, Size
from weaselish.engine import events
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import make_plan
from weaselish.plan.sequence import Step

from .screen import Screen


def test_the_last_line_of_each_running_step_is_shown_in_place(project: ProjectDir) -> None:
    project.write_wait()
    project.project("""\
        commands:
          - {name: bar, shell: true, script: ["printf 'begin\\\\n10%%\\\\r55%% of it\\\\r'; sh wait.sh bar"]}
          - {name: bad, shell: true, script: ["seq 30; sh wait.sh bad; exit 3"]}
        """)
    screen = Screen(project, "run", "bar", "bad", "-j2", "-k")
    screen.sees("55% of it")
    screen.sees("0/2 done · 2 running")
    screen.sees(lambda lines: any("bad" in line and line.endswith("30") for line in lines))
    assert "begin" not in screen.text
    project.wait_for("bad")
    project.let_go("bad")
    screen.sees("1/2 done · 1 running")
    screen.sees("✘ ")
    project.wait_for("bar")
    project.let_go("bar")
    assert screen.ends() != 0
    text = "\n".join(screen.history)
    assert "running" not in text
    assert "55%" not in text
    assert "✔ bar" in text
    tail = text.partition("the last lines of bad:\n")[2].splitlines()
    assert tail[:20] == [f"bad | {number}" for number in range(11, 31)]
    assert not screen.is_cursor_hidden


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_many_steps_are_shown_without_a_row_that_wraps(project: ProjectDir, columns: int) -> None:
    project.write_wait()
    project.write("step.sh", f"seq -s, 200\nprintf '{'語' * 150}\\n'\nsh wait.sh $1\n")
    rows = (f"- {{name: prepare-step-{number}, script: [sh step.sh {number}]}}" for number in range(30))
    project.write("project.yml", "commands:\n" + "\n".join(rows))
    names = [f"prepare-step-{number}" for number in range(30)]
    screen = Screen(project, "run", *names, "-j4", columns=columns, rows=24)
    screen.sees(lambda lines: sum("prepare-step" in line and "語" in line for line in lines) == 4)
    shown = [line for line in screen.lines if "語" in line]
    assert len(shown) == len(screen.lines) - 1
    assert screen.lines[-1] == "0/30 done · 4 running"
    assert screen.cursor[1] == 0
    for number in range(30):
        project.let_go(str(number))
    assert screen.ends() == 0
    done = [line for line in screen.history if line.startswith("✔ prepare-step")]
    assert len(done) == 30
    assert not [line for line in screen.history if "語" in line or "running" in line]


def test_the_time_left_does_not_count_what_is_up_to_date(project: ProjectDir) -> None:
    project.write_wait()
    project.write("data", "old")
    project.project("""\
        commands:
          - {name: slow, shell: true, script: [sh wait.sh slow; touch slow], deps: [data], outputs: [slow]}
          - {name: accepted, script: [touch accepted], outputs: [accepted]}
        """)
    project.let_go("slow")
    project.write("accepted")
    project.proj("run", "slow")
    project.proj("lock", "accept", "accepted")  # it never ran: how long it takes is not known
    project.remove("slow.go")
    project.write("data", "new")
    screen = Screen(project, "run", "slow", "accepted", "--output", "live")
    screen.sees("0/2 done · 1 running · about ")
    project.let_go("slow")
    assert screen.ends() == 0


def test_the_view_fits_a_window_that_changes_its_size(project: ProjectDir) -> None:
    project.write_wait()
    names = [f"step-{number}" for number in range(6)]
    rows = (f"- {{name: {name}, shell: true, script: ['seq -s, 200; sh wait.sh {name}']}}" for name in names)
    project.write("project.yml", "commands:\n" + "\n".join(rows))
    screen = Screen(project, "run", *names, "-j4", columns=200, rows=30)
    screen.sees(lambda lines: lines[-1:] == ["0/6 done · 4 running"] and len(lines) == 5)
    for columns, height, count in ((50, 30, 4), (120, 5, 1), (40, 10, 4)):
        screen.resize(columns, height)
        screen.sees(
            lambda lines, columns=columns, count=count: (  # type: ignore[misc]
                lines[-1:] == ["0/6 done · 4 running"]
                and sum(line.endswith("…") and len(line) == columns - 1 for line in lines) == count
            )
        )
    for name in names:
        project.let_go(name)
    assert screen.ends() == 0
    assert not [line for line in screen.lines if "running" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_clean_screen(project: ProjectDir, number: signal.Signals) -> None:
    project.write_wait()
    project.project("""\
        commands:
          - {name: a, script: [sh wait.sh a]}
          - {name: b, script: [sh wait.sh b]}
        """)
    screen = Screen(project, "run", "a", "b", "-j2")
    screen.sees("2 running")
    if number == signal.SIGINT:
        screen.types("\x03")
    else:
        screen.signal(number)
    assert screen.ends() == 128 + number
    text = "\n".join(screen.history)
    assert "running" not in text.replace("while running", "")
    assert [line for line in screen.history if line.startswith(("Interrupting.", "Terminating."))]
    assert screen.cursor[1] == 0
    assert not screen.is_cursor_hidden


def test_a_question_stays_on_the_screen(project: ProjectDir) -> None:
    project.write_wait()
    project.project("""\
        commands:
          - {name: a, script: [sh wait.sh a]}
          - {name: b, script: [touch b.txt], confirm: "Really?"}
        """)
    screen = Screen(project, "run", "a", "b", "-j2")
    screen.sees("Really? [y/N]")
    screen.types("y\n")
    screen.sees("1/2 done · 1 running")
    project.wait_for("a")
    project.let_go("a")
    assert screen.ends() == 0


def test_an_interactive_step_has_the_terminal_to_itself(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, script: [echo silent]}
          - {name: b, script: ["sh -c 'echo Name?; read name; echo hello $name'"], interactive: true}
        """)
    screen = Screen(project, "run", "a", "b", "-j2")
    screen.sees("Name?")
    screen.types("Ann\n")
    screen.sees("hello Ann")
    assert screen.ends() == 0
    assert "silent" not in screen.text
    assert "running" not in screen.text


@pytest.mark.parametrize("words", [["-v"], ["-q"], ["--output", "prefix"], ["--json-lines"]], ids=" ".join)
def test_other_modes_have_no_live_view(project: ProjectDir, words: list[str]) -> None:
    assert b"\x1b[?2026" not in run_two(project, *words).raw


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_a_terminal_without_a_screen_or_utf_8_shows_prefixed_lines(project: ProjectDir, env: dict[str, str]) -> None:
    screen = run_two(project, env=env)
    assert b"\x1b[?2026" not in screen.raw
    assert "a | Running command: sh wait.sh a" in screen.text


def run_two(project: ProjectDir, *words: str, env: dict[str, str] | None = None) -> Screen:
    project.write_wait()
    project.project("commands: [{name: a, script: [sh wait.sh a]}, {name: b, script: [sh wait.sh b]}]")
    screen = Screen(project, "run", "a", "b", "-j2", *words, env=env, columns=100)
    for name in ("a", "b"):
        project.wait_for(name)
        project.let_go(name)
    assert screen.ends() == 0
    return screen


def test_without_a_terminal_live_means_prefix(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo x]}, {name: b, script: [echo y]}]")
    done = project.proj("run", "a", "b", "-j2", "--output", "live")
    assert "a | x\n" in done.out


# -- the rows ---------------------------------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def rows_of(*names: str, clock: Clock) -> LiveRows:
    model = ProjectModel(commands={name: Command(name, outputs=(name,)) for name in names})
    return LiveRows(make_plan(model, names), 4, clock)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lines]


def test_rows_show_elapsed_and_expected_time_and_the_holder_of_a_lock() -> None:
    clock = Clock()
    rows = rows_of("train", "test", clock=clock)
    rows.usual = {"train": 200.0, "test": 20.0}
    rows.update(events.StepStarted(Step("train"), ()))
    rows.update(events.StepWaiting("test", "process 7"))
    rows.update(events.StepOutput(Step("train"), b"epoch 1\n\x1b[1mepoch 2\x1b[0m\r\n"))
    clock.now += 65
    [train, test, summary] = texts(rows.lines(Size(80, 24)))
    assert train[1:] == " train   1:05 of ~3:20   epoch 2"
    assert test == "⧗ test   waiting for process 7"
    assert summary == "0/2 done · 1 running · 1 waiting · about 2 min left"
    assert "of ~" not in texts(rows.lines(Size(40, 24)))[0]


def test_steps_that_need_not_run_take_no_time() -> None:
    clock = Clock()
    rows = rows_of("old", "older", "train", clock=clock)
    rows.usual = {"old": 1000.0, "train": 200.0}
    rows.update(events.StepStarted(Step("train"), ()))
    assert "left" not in texts(rows.lines(Size(80, 24)))[-1]  # how long `older` takes is not known
    rows.up_to_date = ["old", "older", "train"]
    clock.now += 20
    assert texts(rows.lines(Size(80, 24)))[-1] == "0/3 done · 1 running · about 3 min left"


def test_a_low_window_shows_as_many_steps_as_fit() -> None:
    names = [f"s{number}" for number in range(20)]
    rows = rows_of(*names, clock=Clock())
    for name in names:
        rows.update(events.StepStarted(Step(name), ()))
    shown = texts(rows.lines(Size(80, 10)))
    assert len(shown) == 8
    assert shown[-2:] == ["… 14 more", "0/20 done · 20 running"]
    assert texts(rows.lines(Size(80, 2))) == ["0/20 done · 20 running"]


def test_an_ended_step_has_no_row() -> None:
    rows = rows_of("a", "b", clock=Clock())
    rows.update(events.StepStarted(Step("a"), ()))
    rows.update(events.StepFailed(Step("a"), 1.0, 1, "no"))
    rows.update(events.StepUpToDate(Step("b")))
    assert texts(rows.lines(Size(80, 24))) == ["2/2 done · 0 running"]


def test_the_progress_of_an_activity_is_shown_until_its_end() -> None:
    rows = rows_of("a", clock=Clock())
    rows.update(events.Preparing("hashing `x`", 1 << 30, 4 << 30, events.Unit.BYTES))
    assert texts(rows.lines(Size(80, 24)))[0] == "hashing `x`: 1.0 of 4.0 GiB"
    rows.update(events.Preparing("hashing `x`", 4 << 30, 4 << 30, events.Unit.BYTES))
    assert len(rows.lines(Size(80, 24))) == 1
