"""`proj gc --budget` on a remote of many runs of known cost, and on one where it is killed again and again."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from harness import ProjectDir, wait_until
from remotes.forked import Events, fork
from remotes.samples import intact_runs

from .samples import records_in
from .stored_runs import Cost, StoredCost, age, random_costs, store_runs

RUNS = 1000
BY_HAND = 20  # runs of unknown cost
KILLS = 25  # per seed
LONGEST = 0.2  # seconds after which a collection is killed at the latest


@pytest.fixture
def project(fast: Path) -> ProjectDir:
    project = ProjectDir(fast / "project", fast / "scratch")
    project.environ["COLUMNS"] = "80"
    project.project(f"remotes: {{default: {fast / 'remote'}}}\n")
    return project


@pytest.fixture
def remote(fast: Path) -> Path:
    return fast / "remote"


def gc(project: ProjectDir, *words: str) -> Any:
    done = project.proj("gc", *words, "--json")
    assert done.code == 0, done.err
    return done.json


def cheapest(runs: list[StoredCost], budget: int) -> list[int]:
    """Return the runs that a budget should remove: the cheapest for each byte, until the others fit into it."""
    left = sum(run.size for run in runs)
    removed = []
    for run in sorted((run for run in runs if run.seconds is not None), key=lambda run: (run.seconds or 0) / run.size):
        if left <= budget:
            break
        left -= run.size
        removed.append(run.run)
    return removed


def test_a_budget_keeps_the_dear_ones_of_a_thousand_runs(project: ProjectDir, remote: Path) -> None:
    choose = Random(16)
    costs = random_costs(choose, RUNS - BY_HAND) + [Cost(None, 30_000)] * BY_HAND
    choose.shuffle(costs)
    runs = store_runs(remote, costs)
    age(remote, 9)
    total = sum(run.size for run in runs)
    removed = cheapest(runs, total // 3)
    seconds = sum(run.seconds or 0 for run in runs if run.run in removed)
    assert RUNS // 3 < len(removed) < RUNS

    before = {path: path.stat().st_mtime_ns for path in remote.rglob("*") if path.is_file()}
    foreseen = gc(project, "--budget", str(total // 3), "--dry")
    assert {path: path.stat().st_mtime_ns for path in remote.rglob("*") if path.is_file()} == before

    assert [one["run"] for one in foreseen["removed"]] == removed
    assert (foreseen["total"], foreseen["freed"]) == (total, 0)
    assert foreseen["orphaned"] == sum(run.size for run in runs if run.run in removed) >= total - total // 3
    assert foreseen["seconds"] == pytest.approx(seconds)
    assert {why: kept["runs"] for why, kept in foreseen["kept"].items()} == {
        "within the budget": RUNS - BY_HAND - len(removed),
        "cannot be computed again": BY_HAND,
    }
    everything = sum(run.seconds or 0 for run in runs)
    assert foreseen["kept"]["within the budget"]["seconds"] == pytest.approx(everything - seconds)
    assert seconds < everything / 2, "most of the bytes were removed, but less than half of the work"

    done = project.proj("gc", "--budget", str(total // 3), "-y")
    assert done.code == 0
    assert f"{len(removed)} runs to remove" in done.out and "Computing them again would take" in done.out
    assert f"✔ {len(removed)} runs removed" in done.err
    assert all(len(line) <= 80 for line in (done.out + done.err).splitlines())
    kept = {run.run for run in runs} - set(removed)
    assert {int(path.stem) for path in records_in(remote)} == kept

    waiting = gc(project, "--budget", str(total // 3), "--dry")
    assert (waiting["removed"], waiting["waiting"]) == ([], foreseen["orphaned"])
    age(remote, 2)
    assert gc(project, "--yes")["freed"] == foreseen["orphaned"]
    assert {run.run for run in intact_runs(remote)} == kept
    assert sum(path.stat().st_size for path in remote.glob("model/*/*")) <= total // 3


def test_what_cannot_be_computed_again_goes_last(project: ProjectDir, remote: Path) -> None:
    runs = store_runs(remote, [Cost(None, 20_000), Cost(9000, 1000), Cost(1, 20_000), Cost(None, 1000)])
    age(remote, 9)
    assert [one["run"] for one in gc(project, "--budget", "0", "--dry")["removed"]] == [3, 2]
    everything = gc(project, "--budget", "0", "--also-irreplaceable", "--dry")["removed"]
    assert [one["run"] for one in everything][:2] == [3, 2] and len(everything) == len(runs)
    some = gc(project, "--budget", str(runs[3].size), "--also-irreplaceable", "--dry")
    assert {one["run"] for one in some["removed"]} == {1, 2, 3}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_whenever_a_collection_is_killed_the_remote_stays_intact(project: ProjectDir, remote: Path, seed: int) -> None:
    choose = Random(seed)
    stored = calls = kills = 0
    gc(project)  # now its modules are imported, so that the kills hit what it does
    while kills < KILLS:
        calls += 1
        stored += len(store_runs(remote, random_costs(choose, 12), first=stored + 1))
        age(remote, 2)  # so that what earlier collections orphaned may be deleted
        words = ("gc", "--budget", "200kB", "--grace", "1h", "-y")
        kills += kill(project, words, choose, before_a_file_changes=calls % 2 == 0)
        check_complete(remote)
    gc(project, "--budget", "200kB", "--yes")
    age(remote, 2)
    gc(project, "--budget", "200kB", "--yes")
    runs = intact_runs(remote)
    assert len(list(remote.glob("model/*/*"))) == len(runs) > 0
    assert [path.name for path in (remote / ".proj").iterdir()] == ["runs"]


def check_complete(remote: Path) -> None:
    """Check that each record has all of its objects, with their sizes."""
    for record in records_in(remote):
        for one in json.loads(record.read_text())["objects"]:
            assert (remote / one["key"]).stat().st_size == one["size"]


def kill(project: ProjectDir, words: tuple[str, ...], choose: Random, *, before_a_file_changes: bool) -> bool:
    """Start a collection and kill it: before one of its changes to files, or at a random moment.

    Return whether it was killed before its end.
    """
    if before_a_file_changes:
        child = fork(project, *words, events=Events(kill_at=choose.randrange(1, 120)))
    else:
        child = fork(project, *words)
        until = time.monotonic() + choose.uniform(0, LONGEST)
        wait_until(lambda: time.monotonic() > until or child.has_ended)
        child.kill()
    code = child.wait()
    assert code in (0, -signal.SIGKILL)
    return code != 0
