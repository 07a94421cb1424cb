"""The planner, and the fingerprints of all steps of a plan."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.conftest import COMMANDS, digests_of, no_env
from weaselish.model.project import ProjectModel
from weaselish.plan.fingerprint import fingerprint
from weaselish.plan.graph import make_plan


def test_make_plan(benchmark: BenchmarkFixture, project: ProjectModel) -> None:
    plan = benchmark(make_plan, project, ["all"])
    assert len(plan.steps) == COMMANDS


def test_fingerprints_and_their_keys(benchmark: BenchmarkFixture, project: ProjectModel) -> None:
    def keys() -> set[str]:
        return {fingerprint(command, no_env, digests_of).key for command in project.commands.values()}

    assert len(benchmark(keys)) == COMMANDS
