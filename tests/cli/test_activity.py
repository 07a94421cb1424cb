"""What a user sees while something takes long."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.cli.activity import ActivityLine, Pace
from weaselish.cli.units import shown_left
from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.engine.reading_events import Activity

from .screen import Screen

SPARSE = 1 << 30  # bytes; hashing them takes more than half a second on any machine


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def large(project: ProjectDir) -> ProjectDir:
    """A project with a command that never ran, one that did, and a large dep of the second that changed since."""
    project.project("""\
        commands:
          - {name: new, script: [touch n.txt], deps: [big.bin], outputs: [n.txt]}
          - {name: old, script: [touch o.txt], deps: [big.bin], outputs: [o.txt]}
          - {name: after, script: [touch p.txt], deps: [o.txt], outputs: [p.txt]}
          - {name: other, script: [touch q.txt], outputs: [q.txt]}
        """)
    project.write("big.bin", "small")
    for name in ("after", "other"):
        assert project.proj("run", name).code == 0
    with open(project.path / "big.bin", "wb") as file:
        file.truncate(SPARSE)
    return project


def test_the_list_does_not_wait_for_a_large_dep(large: ProjectDir) -> None:
    done = large.proj()
    states = {row.split()[0]: row for row in done.out.splitlines() if row}
    assert "never ran" in states["new"]
    assert states["old"].split() == ["old", "?"]
    assert states["after"].split() == ["after", "?"]
    assert "up to date" in states["other"]
    assert "?: its files must be read to know; `proj status` does that" in done.out


@pytest.mark.parametrize(
    "words", [["status"], ["graph"], ["run", "new", "--dry"], ["run", "new"], ["lock", "accept", "old"]], ids=" ".join
)
def test_hashing_a_large_dep_is_shown_and_leaves_no_trace(large: ProjectDir, words: list[str]) -> None:
    screen = Screen(large, *words)
    screen.sees("hashing `big.bin`: ")
    screen.sees("of 1.0 GiB, ")
    assert screen.cursor[1] == 0
    assert screen.ends() == 0
    assert "hashing" not in screen.text
    assert not screen.is_cursor_hidden


def test_quiet_shows_no_progress(large: ProjectDir) -> None:
    screen = Screen(large, "status", "-q")
    screen.ends()
    assert b"hashing" not in screen.raw


def test_ctrl_c_while_hashing_leaves_a_clean_line(large: ProjectDir) -> None:
    screen = Screen(large, "status")
    screen.sees("hashing")
    screen.types("\x03")
    assert screen.ends() == 130
    assert "hashing" not in screen.text


def test_without_a_terminal_a_line_comes_every_15_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    line = ActivityLine(clock)
    for second in range(40):
        clock.now = float(second)
        line.show(events.Preparing("hashing `x`", second << 20, 40 << 20, Unit.BYTES))
    shown = capsys.readouterr().err
    assert shown == "hashing `x`: 15.0 of 40.0 MiB, 25 s left\nhashing `x`: 30.0 of 40.0 MiB, 10 s left\n"


def test_a_dumb_terminal_gets_no_control_characters(large: ProjectDir) -> None:
    screen = Screen(large, "status", env={"TERM": "dumb"})
    screen.ends()
    assert b"\x1b" not in screen.raw


def test_validate_and_the_list_are_silent_when_quick(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    for words in ([], ["status"], ["validate"]):
        screen = Screen(project, *words)
        screen.ends()
        assert b"\x1b[?2026" not in screen.raw


# -- the words --------------------------------------------------------------------------------------------------------


def test_a_pace_tells_how_much_is_done_and_how_long_it_takes() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.text(events.Preparing("packing `x`")) == "packing `x`"
    assert pace.text(events.Preparing("hashing `x`", 1 << 30, 4 << 30, Unit.BYTES)) == "hashing `x`: 1.0 of 4.0 GiB"
    clock.now += 2
    half = events.Preparing("hashing `x`", 2 << 30, 4 << 30, Unit.BYTES)
    assert pace.text(half) == "hashing `x`: 2.0 of 4.0 GiB, 4 s left"
    assert pace.text(events.Preparing("listing `d`", 12000, None, Unit.FILES)) == "listing `d`: 12,000 files"
    assert pace.text(events.Preparing("checking", 3, 1000, Unit.STEPS)) == "checking: 3 of 1,000 steps"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (9.4, "9 s"), (61, "1 min"), (3599, "1 h 00 min"), (7800, "2 h 10 min")]
)
def test_time_left_is_rounded(seconds: float, text: str) -> None:
    assert shown_left(seconds) == text


def test_an_activity_is_reported_now_and_then_and_at_its_end() -> None:
    clock = Clock()
    seen: list[events.Event] = []
    activity = Activity("hashing `x`", 10, Unit.BYTES, seen.append, clock)
    activity(1)
    assert not seen
    clock.now += 0.2
    activity(1)
    activity(1)
    activity(7)
    assert [event.done for event in seen if isinstance(event, events.Preparing)] == [2, 10]


def test_quick_work_is_not_reported() -> None:
    seen: list[events.Event] = []
    activity = Activity("hashing `x`", 10, Unit.BYTES, seen.append, Clock())
    activity(10)
    assert not seen
