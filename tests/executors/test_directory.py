"""The contract on an executor whose jobs begin in an empty directory: what reads the project's files cannot apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaselish.executors.base import Ending, Executor, JobState, Outcome
from weaselish.executors.directory import DirectoryExecutor

from .contract import ExecutorContract

pytestmark = pytest.mark.timeout(60)


class TestDirectoryExecutor(ExecutorContract):
    name = "isolated"

    test_lines_run_in_the_working_directory_inside_the_project = None  # type: ignore[assignment]
    test_python_and_pip_are_those_of_the_place_where_the_line_runs = None  # type: ignore[assignment]
    test_a_relative_program_is_found_in_the_working_directory = None  # type: ignore[assignment]
    test_a_file_without_permission_to_run_is_126 = None  # type: ignore[assignment]
    test_a_script_without_interpreter_is_126 = None  # type: ignore[assignment]
    test_a_script_whose_interpreter_is_missing_is_126 = None  # type: ignore[assignment]
    test_a_directory_is_not_a_program = None  # type: ignore[assignment]
    test_the_message_names_a_working_directory_that_does_not_exist = None  # type: ignore[assignment]
    test_half_a_line_of_output_arrives_at_once = None  # type: ignore[assignment]
    test_a_line_that_closes_its_output_runs_to_its_end = None  # type: ignore[assignment]
    test_processes_that_a_failed_line_left_behind_are_ended = None  # type: ignore[assignment]
    test_one_request_ends_all_jobs = None  # type: ignore[assignment]

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
