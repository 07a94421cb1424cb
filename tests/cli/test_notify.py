"""`--notify`: the user learns that a long run has ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from harness import ProjectDir, is_alive, wait_until

from weaselish.cancel import Cancel, Level
from weaselish.cli.notify import BELL, Ended, notify

LONG = Ended(("all", "b"), 0, 61.4)
SAVE = 'echo "$PROJ_RESULT $PROJ_EXIT_CODE $PROJ_SECONDS $PROJ_TARGETS" > '


@pytest.mark.parametrize(
    ("ended", "shown"),
    [
        (LONG, "done 0 61 all b\n"),
        (LONG._replace(exit_code=3), "failed 3 61 all b\n"),
        (LONG._replace(exit_code=130, is_interrupted=True), "interrupted 130 61 all b\n"),
    ],
)
def test_the_command_learns_how_the_run_ended(tmp_path: Path, ended: Ended, shown: str) -> None:
    with Cancel() as cancel:
        notify(f"{SAVE}{tmp_path}/said", ended, cancel)
    assert (tmp_path / "said").read_text() == shown


def test_the_environment_may_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJ_NOTIFY", f"touch {tmp_path}/environment")
    notify(f"touch {tmp_path}/option", LONG, Cancel())
    assert [file.name for file in tmp_path.iterdir()] == ["option"]
    notify(None, LONG, Cancel())
    assert (tmp_path / "environment").exists()


def test_a_short_run_does_not_notify(tmp_path: Path) -> None:
    notify(f"touch {tmp_path}/said", LONG._replace(seconds=60.0), Cancel())
    notify(f"touch {tmp_path}/said", LONG, Cancel(), after=61.4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("exit 3", "failed with exit code 3"),
        ("exec sleep 600", "took longer than 0.1 s, and was killed"),
        ("a\0b", "did not start: embedded null byte"),
    ],
)
def test_a_failure_is_a_warning(line: str, warning: str, capsys: pytest.CaptureFixture[str]) -> None:
    limit = 0.1 if "sleep" in line else 30.0
    with Cancel() as cancel:
        notify(line, LONG, cancel, limit=limit)
    assert capsys.readouterr().err == f"warning: the command of `--notify` {warning}\n"


@pytest.mark.parametrize("before", [Level.RUN, Level.INTERRUPT, Level.TERMINATE])
def test_a_further_interrupt_ends_the_command(tmp_path: Path, before: Level) -> None:
    with Cancel() as cancel:
        cancel.request(before)
        line = f"sleep 600 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait"
        thread = Thread(target=notify, args=(line, LONG, cancel))
        thread.start()
        wait_until((tmp_path / "pid").exists)
        cancel.request(Level(before + 1))
        thread.join()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(pid))


def test_a_killed_run_starts_no_command(tmp_path: Path) -> None:
    with Cancel() as cancel:
        cancel.request(Level.KILL)
        notify(f"touch {tmp_path}/said", LONG, cancel)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("on_terminal", "written"), [(lambda: True, BELL), (lambda: False, "")])
def test_the_bell_rings_only_at_a_terminal(
    on_terminal: Callable[[], bool],
    written: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", on_terminal)
    notify(BELL, LONG, Cancel())
    assert capsys.readouterr().err == written


def test_proj_run_takes_the_option_and_a_short_run_stays_silent(pipeline: ProjectDir) -> None:
    assert pipeline.proj("run", "count", "--notify", "-F").code == 0
    assert pipeline.proj("run", "count", "--notify=touch said", "-F").code == 0
    assert pipeline.proj("run", "count", "-F", env={"PROJ_NOTIFY": "touch said"}).code == 0
    assert not pipeline.exists("said")
