"""Jobs in a terminal: the test is the user, with a pty for keyboard and screen; `driver.py` is proj."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shlex
import signal
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from .contract import FOREVER, MARK, end, living

DRIVER = str(Path(__file__).with_name("driver.py"))
LFLAG = 3
pytestmark = pytest.mark.timeout(60)


class User:
    """A user at a terminal in which one program runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.screen = ""
        self._master, self._slave = os.openpty()
        self.resize(24, 80)
        self._modes = termios.tcgetattr(self._slave)
        self.process: subprocess.Popen[bytes] | None = None

    def starts(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=self.folder,
            env=os.environ | {MARK: self.mark, "PS1": "$ "},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def runs(self, *lines: str | list[str], **values: Any) -> None:
        self.starts(*self.driver(*lines, **values))

    def driver(self, *lines: str | list[str], **values: Any) -> list[str]:
        argvs = [["sh", "-c", line] if isinstance(line, str) else line for line in lines]
        result = str(self.folder / "result")
        return [sys.executable, DRIVER, json.dumps({"lines": argvs, "stdin": "terminal", "result": result, **values})]

    def types(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        termios.tcsetwinsize(self._master, (rows, columns))

    def sees(self, text: str) -> None:
        """Wait until `text` is on the screen. Forget it and everything before it."""
        self._watch(lambda: text in self.screen, f"no {text!r}")
        self.screen = self.screen.partition(text)[2]

    def gets(self, outcome: str) -> None:
        """Wait for the end of the program."""
        process = self.process
        assert process
        self._watch(lambda: process.poll() is not None, "the program does not end")
        assert self.outcome() == outcome

    def outcome(self) -> str:
        return (self.folder / "result").read_text()

    def finds_the_terminal_as_it_was(self) -> bool:
        return bool(termios.tcgetattr(self._slave) == self._modes)

    @property
    def is_raw(self) -> bool:
        return not termios.tcgetattr(self._slave)[LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def waits_for(self, happened: Any) -> None:
        self._watch(happened, "it does not happen")

    def _watch(self, happened: Any, otherwise: str) -> None:
        give_up = monotonic() + 15
        while not happened():
            if select.select([self._master], [], [], 0.01)[0]:
                self.screen += os.read(self._master, 1 << 16).decode()
            assert monotonic() < give_up, f"{otherwise}; on the screen: {self.screen!r}"
        while select.select([self._master], [], [], 0)[0]:
            self.screen += os.read(self._master, 1 << 16).decode()

    def closes_the_window(self) -> None:
        os.close(self._slave)
        os.close(self._master)
        self._master = -1

    def leaves(self) -> None:
        end(self.mark)
        if self.process:
            self.process.wait()
        if self._master >= 0:
            self.closes_the_window()


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    user = User(tmp_path)
    yield user
    user.leaves()


def test_a_question_is_asked_and_answered(user: User) -> None:
    user.runs("printf 'Name? '; read name; echo Hello $name.")
    user.sees("[line 0]\r\n")
    user.sees("Name? ")
    user.types("Ada\r")
    user.sees("Ada\r\nHello Ada.\r\n")
    user.gets("EXITED 0 RUN")
    assert user.finds_the_terminal_as_it_was()


def test_a_line_believes_that_it_is_in_a_terminal(user: User) -> None:
    user.runs("test -t 0 && test -t 1 && test -t 2 && echo yes > /dev/tty")
    user.sees("yes\r\n")
    user.gets("EXITED 0 RUN")


def test_each_line_has_the_terminal(user: User) -> None:
    user.runs("read a; echo got $a", "read b; echo got $b")
    user.sees("[line 0]\r\n")
    user.types("one\r")
    user.sees("got one\r\n")
    user.sees("[line 1]\r\n")
    user.types("two\r")
    user.sees("got two\r\n")
    user.gets("EXITED 0 RUN")


def test_the_window_size_follows_ours(user: User) -> None:
    user.resize(30, 100)
    user.runs(f"trap 'stty size; exit' WINCH; stty size; {FOREVER}")
    user.sees("30 100\r\n")
    user.resize(40, 120)
    user.sees("40 120\r\n")
    user.gets("EXITED 0 RUN")


def test_output_that_rewrites_its_line_passes_unchanged(user: User) -> None:
    user.runs(r"printf '\r 50%%|#####     |'; printf '\r100%%|##########|\n'")
    user.sees("\r 50%|#####     |\r100%|##########|\r\n")
    user.gets("EXITED 0 RUN")


def test_much_output_arrives_intact(user: User) -> None:
    user.runs("yes | head -n 500000; echo the end")
    user.sees("the end\r\n")
    user.gets("EXITED 0 RUN")


@pytest.mark.parametrize("thread", [False, True])
def test_ctrl_c_reaches_the_line_once_and_is_noticed(user: User, thread: bool) -> None:
    count = "n=0; trap 'n=$((n + 1))' INT; echo ready; until test $n -gt 0; do sleep 0.01; done"
    user.runs(f"{count}; sleep 0.1; echo caught $n", "echo never", thread=thread)
    user.sees("ready")
    user.types("\x03")
    user.gets("INTERRUPTED 130 INTERRUPT")
    assert "caught 1" in user.screen
    assert "never" not in user.screen
    assert user.finds_the_terminal_as_it_was()
    assert living(user.mark) == []


def test_the_second_ctrl_c_terminates_and_the_third_kills(user: User) -> None:
    user.runs(f"trap 'echo INT!' INT; trap 'echo TERM!' TERM; echo ready; {FOREVER}")
    user.sees("ready")
    user.types("\x03")
    user.sees("INT!")
    user.types("\x03")
    user.sees("TERM!")
    user.types("\x03")
    user.gets("INTERRUPTED 130 KILL")
    assert user.finds_the_terminal_as_it_was()
    assert living(user.mark) == []


def test_a_program_that_reads_keys_raw_keeps_ctrl_c_for_itself(user: User) -> None:
    user.runs("stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -tx1; stty sane; echo done")
    user.sees("ready")
    user.types("\x03\x1a")
    user.sees("03 1a")
    user.gets("EXITED 0 RUN")


def test_without_a_pseudo_terminal_the_line_gets_our_own_terminal(user: User) -> None:
    user.runs("read name; echo Hello $name.; test -t 0 && echo a terminal", no_pty=True)
    user.sees("[line 0]\r\n")
    user.types("Ada\r")
    user.sees("Hello Ada.\r\na terminal\r\n")
    user.gets("EXITED 0 RUN")


def test_the_end_of_input_can_be_typed(user: User) -> None:
    user.runs("cat; echo over")
    user.waits_for(lambda: user.is_raw)
    user.types("hello\r\x04")
    user.sees("hello\r\nhello\r\nover\r\n")
    user.gets("EXITED 0 RUN")


def test_a_timeout_leaves_the_terminal_as_it_was(user: User) -> None:
    user.runs(f"stty -echo raw; trap '' HUP TERM; echo ready; {FOREVER}", timeout=0.3)
    user.gets("TIMED_OUT 124 RUN")
    assert user.finds_the_terminal_as_it_was()
    assert living(user.mark) == []


def test_an_exception_leaves_the_terminal_as_it_was(user: User) -> None:
    user.runs("echo ready; sleep 1000")
    user.sees("ready")
    user.waits_for(lambda: user.is_raw)
    assert user.process
    user.process.send_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt
    user.gets("raised KeyboardInterrupt")
    assert user.finds_the_terminal_as_it_was()
    assert living(user.mark) == []


def test_a_program_that_is_not_found_leaves_the_terminal_as_it_was(user: User) -> None:
    user.runs(["nowhere"])
    user.gets("NOT_STARTED 127 RUN")
    assert user.finds_the_terminal_as_it_was()


def test_a_process_that_a_successful_line_left_behind_delays_nothing(user: User) -> None:
    user.runs("trap '' HUP; sleep 1000 & echo started")
    user.sees("started\r\n")
    user.gets("EXITED 0 RUN")
    assert living(user.mark) == ["sleep 1000 "]


def test_unread_keys_block_nothing(user: User) -> None:
    user.runs("stty raw -echo; echo ready; until test -e go; do sleep 0.01; done; echo on")
    user.sees("ready")
    for _ in range(100):
        user.types("x" * 1000)
        user.waits_for(lambda: True)
    (user.folder / "go").touch()
    user.sees("on")
    user.gets("EXITED 0 RUN")


def test_closing_the_window_ends_all_processes(user: User) -> None:
    user.runs("echo ready; sleep 1000")
    user.sees("ready")
    user.closes_the_window()
    assert user.process
    user.process.wait(15)
    give_up = monotonic() + 15
    while living(user.mark):
        assert monotonic() < give_up


def test_a_line_that_survives_the_closing_of_the_window_runs_to_its_end(user: User) -> None:
    user.runs("echo ready; until test -e go; do sleep 0.01; done; exit 4", ignore=["SIGHUP"])
    user.sees("ready")
    user.closes_the_window()
    (user.folder / "go").touch()
    assert user.process
    user.process.wait(15)
    assert user.outcome() == "EXITED 4 RUN"


# --- with a shell that controls jobs


@pytest.mark.parametrize("thread", [False, True])
def test_ctrl_z_suspends_and_fg_continues(user: User, thread: bool) -> None:
    shell_runs(
        user,
        "trap 'echo INT!; exit 3' INT; echo > ticks; echo ready; while :; do echo x >> ticks; sleep 0.01; done",
        thread=thread,
    )
    user.sees("ready")
    user.types("\x1a")
    user.sees("Stopped")
    user.sees("$ ")
    size = (user.folder / "ticks").stat().st_size
    user.types("echo free to $((40 + 2))\r")
    user.sees("free to 42")
    user.sees("$ ")
    assert (user.folder / "ticks").stat().st_size == size
    user.types("fg\r")
    user.waits_for(lambda: (user.folder / "ticks").stat().st_size > size)
    user.waits_for(lambda: user.is_raw)
    user.types("\x03")
    user.sees("INT!")
    user.sees("$ ")
    assert user.outcome() == "INTERRUPTED 130 INTERRUPT"


def test_in_the_background_it_runs_without_the_keyboard_until_fg(user: User) -> None:
    shell_runs(user, "echo ready; read answer; echo got $answer", background=True)
    user.sees("ready")
    user.types("echo still $((40 + 2))\r")
    user.sees("still 42")
    user.sees("$ ")
    user.types("fg\r")
    user.waits_for(lambda: user.is_raw)
    user.types("me\r")
    user.sees("got me")
    user.sees("$ ")
    assert user.outcome() == "EXITED 0 RUN"


def shell_runs(user: User, line: str, *, background: bool = False, **values: Any) -> None:
    script = user.folder / "start"
    script.write_text(f"exec {shlex.join(user.driver(line, **values))}")
    user.starts("bash", "--norc", "--noprofile", "--noediting", "-i")
    user.sees("$ ")
    user.types("sh ./start" + (" &" if background else "") + "\r")
