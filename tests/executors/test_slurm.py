from __future__ import annotations

from pathlib import Path

import pytest
from engines.slurm import Slurm

from weaselish.executors.base import Executor
from weaselish.executors.slurm.executor import SlurmExecutor
from weaselish.model.executors import SlurmSettings

from .contract import ExecutorContract

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


class TestSlurmExecutor(ExecutorContract):
    name = "hpc"
    many = 30

    @pytest.fixture
    def executor(self, tmp_path: Path, slurm: Slurm) -> Executor:
        environ = {**self.environ, **slurm.environ}
        return SlurmExecutor(tmp_path, environ, SlurmSettings("hpc"), grace=0.3, interval=0.2)
