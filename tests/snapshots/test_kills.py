"""SIGKILL at any moment of a push, pull or prune: every listed snapshot stays intact, and so do other projects."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import pytest
from harness import ProjectDir
from remotes.forked import Events, fork

from . import reader
from .test_push_pull import tree

KILLS = 20  # per seed
SEEDS = range(2)


def edited(project: ProjectDir, random: Random) -> None:
    """Change some of the project's files."""
    for number in range(5):
        if random.random() < 0.6:
            project.write(f"files/{number}", f"{random.random()}\n" * random.choice((1, 500)))
    if random.random() < 0.3:
        (project.path / "large.bin").write_bytes(random.randbytes(300_000))


def forget_pushes(remote: Path) -> None:
    """Make the markers of killed pushes older than a day, so that a prune deletes something."""
    then = time.time() - 90_000
    for marker in remote.glob(".proj/snapshots/*/*.pending"):
        os.utime(marker, (then, then))


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_leave_every_listed_snapshot_intact(fast: Path, seed: int) -> None:
    random, remote = Random(seed), fast / "remote"
    projects = {name: ProjectDir(fast / name, fast / f"of-{name}") for name in ("iris", "iris2", "copy")}
    for name in ("iris", "iris2"):
        projects[name].project("commands: []\n")
        edited(projects[name], random)
        assert projects[name].proj("snapshot", "push", str(remote)).code == 0
    iris, copy = projects["iris"], projects["copy"]
    sibling = {key: entries for key, entries in reader.snapshots(remote).items() if key[0] == "iris2"}
    calls = {
        "push": (iris, ("snapshot", "push", str(remote))),
        "prune": (iris, ("snapshot", "prune", "--keep", "2", "--yes", "--from", str(remote))),
        "pull": (copy, ("snapshot", "pull", "--from", str(remote), "--project", "iris", "--into", ".", "--force")),
    }
    counts = {name: _events(calls[name], remote, iris, random) for name in calls}
    for _ in range(KILLS):
        name = random.choice(list(calls))
        project, words = calls[name]
        if name == "push":
            edited(iris, random)
        forget_pushes(remote)
        fork(project, *words, events=Events(kill_at=random.randint(1, counts[name]))).wait()
        listed = reader.snapshots(remote)
        assert {key: entries for key, entries in listed.items() if key[0] == "iris2"} == sibling
        assert any(key[0] == "iris" for key in listed)
    forget_pushes(remote)
    for name in ("push", "prune", "pull"):
        done = calls[name][0].proj(*calls[name][1])
        assert done.code == 0, done.err
    assert {path: content for path, content in tree(copy.path).items() if path in tree(iris.path)} == tree(iris.path)
    left = list((copy.path / ".proj").glob("snapshot-*"))
    assert left == []
    assert len([key for key in reader.snapshots(remote) if key[0] == "iris"]) == 2
    assert iris.proj("snapshot", "verify", "latest").code == 0


def _events(call: tuple[ProjectDir, tuple[str, ...]], remote: Path, iris: ProjectDir, random: Random) -> int:
    """Return how many file operations a call makes that is not killed."""
    edited(iris, random)
    iris.proj("snapshot", "push", str(remote))
    events = Events()
    assert fork(call[0], *call[1], events=events).wait() == 0
    return events.count
