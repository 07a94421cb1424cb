"""How often the run cache asks its store."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir
from remotes.test_servers import Counting, counted  # noqa: F401 - a fixture

from .samples import CHAIN, colleague, run, write_chain


@pytest.fixture
def team(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A project whose cache is addressed by a URL, as a bucket is."""
    write_chain(project, CHAIN.replace("cache: local", f"cache: team\nremotes: {{team: file://{tmp_path}/remote}}"))
    return project


def calls_of(counted: list[Counting]) -> list[str]:  # noqa: F811
    [store] = counted
    return store.calls


def test_a_run_lists_the_cache_at_most_once_for_each_step(team: ProjectDir, counted: list[Counting]) -> None:  # noqa: F811
    run(team, "all")
    other = colleague(team)
    counted.clear()
    assert set(run(other, "all").values()) == {"restored"}
    calls = calls_of(counted)
    assert sum(call.startswith("list") for call in calls) <= 3
    assert calls[0].startswith("list")
    assert not [call for call in calls if call.startswith("put")]


def test_the_keys_that_are_known_are_looked_up_before_the_first_restore(
    team: ProjectDir,
    counted: list[Counting],  # noqa: F811
) -> None:
    run(team, "all")
    other = colleague(team)
    counted.clear()
    run(other, "all")
    kinds = [call.split()[0] for call in calls_of(counted)]
    assert kinds[:3] == ["list", "list", "list"] or kinds.index("get") > kinds.index("list")
    assert kinds.count("list") == 3


def test_nothing_is_asked_if_everything_is_up_to_date(team: ProjectDir, counted: list[Counting]) -> None:  # noqa: F811
    run(team, "all")
    counted.clear()
    run(team, "all")
    assert counted == []
