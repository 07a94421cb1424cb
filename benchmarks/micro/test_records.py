"""What is known of a thousand commands: taken from the lock, and one more record folded into it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.conftest import COMMANDS, digests_of, no_env
from weaselish.files.state_dir import cache_dir
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.fingerprint import fingerprint
from weaselish.plan.record import Record, RecordedOutput
from weaselish.records.lockfile import FILE
from weaselish.records.records import Records


@pytest.fixture
def root(tmp_path: Path, project: ProjectModel) -> Path:
    """A project of which all commands have run."""
    records = Records(tmp_path, project)
    for run, command in enumerate(project.commands.values(), start=1):
        records.add(record_of(command, run))
    records.close()
    return tmp_path


def record_of(command: Command, run: int) -> Record:
    used = fingerprint(command, no_env, digests_of)
    return Record(run, command.name, used, tuple(RecordedOutput(path, f"{run:032x}") for path in command.outputs))


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "uncached"])
def test_reading(benchmark: BenchmarkFixture, root: Path, project: ProjectModel, cached: bool) -> None:
    """`cached`: the lock is the one that was last seen here."""

    def prepare() -> None:
        cache = cache_dir(root)
        for file in cache.iterdir() if cache and not cached else ():
            file.unlink()

    records = benchmark.pedantic(Records, (root, project), setup=prepare, rounds=5)
    assert sum(1 for name in project.commands if records.last(name)) == COMMANDS


def test_folding_one_more_record(benchmark: BenchmarkFixture, root: Path, project: ProjectModel) -> None:
    runs = itertools.count(COMMANDS + 1)
    before = (root / FILE).read_bytes()

    def prepare() -> tuple[tuple[Records], dict[str, object]]:
        records = Records(root, project)
        records.add(record_of(next(iter(project.commands.values())), next(runs)))
        return (records,), {}

    benchmark.pedantic(Records.close, setup=prepare, rounds=5)
    assert (root / FILE).read_bytes() != before
