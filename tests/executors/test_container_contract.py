"""The executors of containers keep the promises of every executor, and those of jobs that outlive `proj`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engines import Engine
from engines.images import HOST_OPTIONS

from executors.contract import Console, SharedDirectoryContract
from executors.roles_contract import SharedRolesContract
from weaselish.cancel import Level
from weaselish.executors.base import Ending, Executor, JobState
from weaselish.executors.containers.executor import ContainerExecutor
from weaselish.model.executors import ContainerSettings
from weaselish.model.roles import Image

pytestmark = pytest.mark.servers


class OnDocker:
    type = "docker"

    @pytest.fixture
    def engine(self, docker: Engine) -> Engine:
        return docker


class OnPodman(OnDocker):
    type = "podman"

    @pytest.fixture
    def engine(self, podman: Engine) -> Engine:
        return podman


class ContainerContract(OnDocker, SharedDirectoryContract):
    name = "box"
    many = 16
    much = 20_000_000
    passes_on_environ = False
    keeps_left_behind = False

    @pytest.fixture
    def executor(self, tmp_path: Path, engine: Engine) -> Executor:
        settings = ContainerSettings("box", self.type, Image("localhost/host:1"), HOST_OPTIONS)
        return ContainerExecutor(tmp_path, {**os.environ, **engine.environ}, settings, grace=0.3)

    def test_a_later_process_gets_all_output_and_the_result_of_a_job(self) -> None:
        handles: list[str] = []
        executor = self._executor
        assert isinstance(executor, ContainerExecutor)
        job = self.job("echo one; printf '\\377\\n'", "echo two; exit 4")
        first = executor.run(job, output=self.console, cancel=self.cancel, submitted=handles.append)
        again = Console()
        assert executor.attach(job, handles[0], output=again, cancel=self.cancel) == first
        assert again.text == self.console.text == b"[line 0]\none\n\xff\n[line 1]\ntwo\n"
        assert executor.states(handles) == {handles[0]: JobState.GONE}

    def test_a_running_job_can_be_seen_and_stopped_and_leaves_nothing(self) -> None:
        handles: list[str] = []
        executor = self._executor
        assert isinstance(executor, ContainerExecutor)
        seen: list[JobState] = []

        def stop() -> None:
            seen.extend(executor.states(handles).values())
            self.cancel.request(Level.KILL)

        self.console.when("ready", stop)
        job = self.job("echo ready; sleep 1000")
        outcome = executor.run(job, output=self.console, cancel=self.cancel, submitted=handles.append)
        assert outcome.ended is Ending.INTERRUPTED
        assert seen == [JobState.RUNNING]
        executor.stop(handles[0])
        assert executor.attach(job, handles[0], output=self.console, cancel=self.cancel) is None


class TestDocker(ContainerContract):
    pass


class TestPodman(OnPodman, ContainerContract):
    pass


class ContainerRolesContract(OnDocker, SharedRolesContract):
    name = "box"

    @pytest.fixture
    def executor(self, tmp_path: Path, engine: Engine) -> Executor:
        options = tuple(option for option in HOST_OPTIONS if option != "--network=none")
        settings = ContainerSettings("box", self.type, Image("localhost/host:1"), options)
        return ContainerExecutor(tmp_path, {**os.environ, **engine.environ}, settings, grace=0.3)


class TestDockerRoles(ContainerRolesContract):
    pass


class TestPodmanRoles(OnPodman, ContainerRolesContract):
    pass
