from __future__ import annotations

import os
from pathlib import Path

import pytest
from engines.slurm import Slurm

from weaselish.cancel import Level
from weaselish.executors.base import Ending, Executor
from weaselish.executors.slurm.executor import SlurmExecutor
from weaselish.model.executors import SlurmSettings

from .contract import FOREVER, SharedDirectoryContract
from .roles_contract import SharedRolesContract

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


class TestSlurmExecutor(SharedDirectoryContract):
    name = "hpc"
    many = 16

    @pytest.fixture
    def executor(self, tmp_path: Path, slurm: Slurm) -> Executor:
        environ = {**self.environ, **slurm.environ}
        return SlurmExecutor(tmp_path, environ, SlurmSettings("hpc"), grace=0.3, interval=0.2)


class TestSlurmRoles(SharedRolesContract):
    name = "hpc"

    @pytest.fixture
    def executor(self, tmp_path: Path, slurm: Slurm) -> Executor:
        environ = {"PATH": os.environ["PATH"], **slurm.environ}
        return SlurmExecutor(tmp_path, environ, SlurmSettings("hpc"), grace=0.3, interval=0.2)

    def test_a_replica_that_ignores_one_level_lives_until_the_next(self) -> None:
        """Slurm sends SIGTERM once more before it kills a step, so the last line may come twice."""
        self.when("deaf.0", "ready", Level.INTERRUPT)
        self.when("deaf.0", "got INT", Level.TERMINATE)
        self.when("deaf.0", "got TERM", Level.KILL)
        deaf = self.role("deaf", f"trap 'echo got INT' INT; trap 'echo got TERM' TERM; echo ready; {FOREVER}")
        assert self.run(deaf, self.role("other", FOREVER)).ended is Ending.INTERRUPTED
        got = [line for line in self.output("deaf.0") if line != "Terminated"]
        assert list(dict.fromkeys(got)) == ["ready", "got INT", "got TERM"]
        assert self.living() == []
