"""The contract on an executor whose jobs begin in an empty directory: what reads the project's files cannot apply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weaselish.executors.base import Ending, Executor, JobState, Outcome
from weaselish.executors.directory import DirectoryExecutor

from .contract import ExecutorContract
from .roles_contract import RolesContract

pytestmark = pytest.mark.timeout(60)


class TestDirectoryExecutor(ExecutorContract):
    name = "isolated"

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Executor:
        return DirectoryExecutor("isolated", tmp_path, self.environ, grace=0.3)

    def test_each_job_begins_in_an_empty_directory_that_is_removed_after_it(self) -> None:
        assert self.run("ls -A; pwd; touch left").succeeded
        [place] = self.console.text.splitlines()[1:]
        assert not Path(place.decode()).exists()

    def test_a_job_has_a_handle_until_it_has_ended(self) -> None:
        handles: list[str] = []
        states: list[JobState] = []
        executor = self._executor
        assert isinstance(executor, DirectoryExecutor)
        self.console.when("ready", lambda: states.extend(executor.states(handles).values()))
        job = self.job("echo ready; sleep 0.1")
        outcome = executor.run(job, output=self.console, cancel=self.cancel, submitted=handles.append)
        assert outcome.succeeded
        assert states == [JobState.RUNNING]
        assert list(executor.states(handles).values()) == [JobState.GONE]
        assert executor.attach(job, handles[0], output=self.console, cancel=self.cancel) is None

    def test_a_job_can_be_stopped_by_its_handle(self) -> None:
        handles: list[str] = []
        executor = self._executor
        assert isinstance(executor, DirectoryExecutor)
        self.console.when("ready", lambda: executor.stop(handles[0]))
        outcome = executor.run(
            self.job("sleep 1000 & echo ready; sleep 1000"),
            output=self.console,
            cancel=self.cancel,
            submitted=handles.append,
        )
        assert (outcome.ended, outcome.exit_code) == (Ending.SIGNALLED, 137)
        assert Outcome(Ending.SIGNALLED, 137, line=0).line == outcome.line


class TestDirectoryRoles(RolesContract):
    name = "isolated"
    shares_files = False

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Executor:
        return DirectoryExecutor("isolated", tmp_path, {"PATH": os.environ["PATH"]}, grace=0.3)

    def test_each_replica_has_a_directory_of_its_own(self) -> None:
        assert self.run(self.role("a", "ls -A; touch left; pwd", replicas=2)).succeeded
        places = [self.output(f"a.{n}") for n in (0, 1)]
        assert places[0] != places[1]
        assert [len(place) for place in places] == [1, 1]
