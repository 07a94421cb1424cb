from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from weaselish.cancel import Level
from weaselish.executors.base import Ending, Executor, Outcome
from weaselish.executors.local import processes
from weaselish.executors.local.executor import LocalExecutor

from .contract import FOREVER, SharedDirectoryContract, living

ESCAPED = """
import subprocess, sys, time
subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("ready", flush=True)
time.sleep(1000)
"""
DRIVER = str(Path(__file__).with_name("driver.py"))

pytestmark = pytest.mark.timeout(60)


class TestLocalExecutor(SharedDirectoryContract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Executor:
        return LocalExecutor(tmp_path, self.environ, grace=0.3)

    @pytest.mark.parametrize("level", [Level.INTERRUPT, Level.TERMINATE, Level.KILL])
    def test_a_process_that_left_the_session_is_ended_too(self, level: Level) -> None:
        self.request_at("ready", level)
        assert self.run((sys.executable, "-c", ESCAPED)).ended is Ending.INTERRUPTED
        assert living(self.mark) == []

    def test_a_process_that_left_the_group_but_not_the_session_is_ended_too(self) -> None:
        assert self.run("set -m; sleep 1000 & exit 3") == Outcome(Ending.EXITED, 3, line=0)
        assert living(self.mark) == []

    @pytest.mark.parametrize("last", ["exit 3", ("nowhere",), "sleep 1000"])
    def test_a_failing_line_ends_processes_that_earlier_lines_left_behind(self, last: str | tuple[str, ...]) -> None:
        assert not self.run("sleep 1000 &", "true", last, timeout=0.3).succeeded
        assert living(self.mark) == []

    def test_processes_that_successful_lines_left_behind_live(self) -> None:
        assert self.run("sleep 1000 &", "sleep 2000 &", "true").succeeded
        assert sorted(living(self.mark)) == ["sleep 1000 ", "sleep 2000 "]

    def test_a_request_to_kill_cuts_the_grace_time_short(self) -> None:
        self._executor = LocalExecutor(self.folder, self.environ, grace=1000)
        self.request_at("ready", Level.INTERRUPT)
        self.request_at("got TERM", Level.KILL)
        deaf = f"(trap 'echo got TERM' TERM; trap '' INT; echo ready; {FOREVER})"
        assert self.run(f"{deaf} & {FOREVER}").ended is Ending.INTERRUPTED
        assert living(self.mark) == []

    def test_lines_inherit_the_descriptors_to_keep_open_and_no_others(self) -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader), os.fdopen(writer):
            job = self.job(f"echo kept > /dev/fd/{writer}")
            outcome = self._executor.run(job, output=self.console, cancel=self.cancel, keep_open=(writer,))
            assert outcome.succeeded
            assert os.read(reader, 100) == b"kept\n"
            assert not self.run(f"echo kept > /dev/fd/{writer}").succeeded

    def test_no_descriptor_and_no_thread_remains(self) -> None:
        threads = threading.active_count()  # including those of the test runner
        self.request_at("ready", Level.INTERRUPT)
        for level in (Level.RUN, Level.INTERRUPT, Level.TERMINATE):
            self.cancel.fileno(above=level)  # opened when first needed
        before = len(os.listdir("/proc/self/fd"))
        for line in ("true", "exit 3", "sleep 1000 &", f"echo ready; {FOREVER}"):
            self.run(line)
        self.run(("nowhere",))
        assert len(os.listdir("/proc/self/fd")) == before
        assert threading.active_count() == threads


class TestAsOnSystemsWithoutProcessDescriptorsAndProc(SharedDirectoryContract):
    @pytest.fixture
    def executor(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Executor:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
        monkeypatch.setattr(processes, "_living_processes", lambda: None)
        return LocalExecutor(tmp_path, self.environ, grace=0.3)


@pytest.mark.parametrize("stdin", ["inherit", "terminal"])
def test_without_a_terminal_standard_input_is_inherited(stdin: str, tmp_path: Path) -> None:
    assert drive(tmp_path, [["cat"]], stdin=stdin, typed="hello\n") == "EXITED 0 RUN"
    assert (tmp_path / "console").read_text() == "[line 0]\nhello\n"


def test_a_lost_exit_code_is_an_error(tmp_path: Path) -> None:
    assert drive(tmp_path, [["false"]], ignore=["SIGCHLD"]) == "raised ProjError"


def drive(folder: Path, lines: list[list[str]], typed: str = "", **values: object) -> str:
    """Return the outcome of a job in a process of its own."""
    result = folder / "result"
    arguments = json.dumps({"lines": lines, "result": str(result), **values})
    with open(folder / "console", "wb") as console:
        command = [sys.executable, DRIVER, arguments]
        subprocess.run(command, input=typed.encode(), stdout=console, timeout=20, check=True)
    return result.read_text()
