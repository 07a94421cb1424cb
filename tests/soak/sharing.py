"""Several clones of a project and `proj gc` at work on one cache, at once; some of them are killed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from soak.caches import Cache, StoredRecord
from soak.edits import is_source, remove
from soak.model import Expected, output_view, read_tree
from soak.runs import Running, wait_for
from soak.violation import Violation

if TYPE_CHECKING:
    from soak.world import World

CLONES = ("clone-a", "clone-b", "clone-c")


@dataclass
class _Run:
    root: Path | None  # None: the project
    running: Running
    number: str
    words: list[str]
    expected: Expected


@dataclass
class _Gc:
    running: Running
    words: list[str]
    root: Path
    named: list[StoredRecord]  # by its lock file, before it began


def share(world: World, cache: Cache) -> None:
    """Run in some clones of the project and collect garbage at the same time, and judge what came of it."""
    world.end_orphans()
    if world.random.random() < 0.5:
        cache.age()
    clones = world.random.sample(CLONES, world.random.choice((0, 1, 1, 2)))
    roots = [None, *(_clone(world, name) for name in clones)]
    if clones and world.random.random() < 0.3:
        roots.remove(None)
    jobs = [one for one in ("gc", "gc", *("run",) * len(roots)) if one == "run" or world.random.random() < 0.55]
    world.random.shuffle(jobs)
    is_alone = "run" not in jobs
    runs: list[_Run] = []
    collections: list[_Gc] = []
    for job in jobs:
        if job == "run":
            runs.append(_start_run(world, roots.pop()))
        else:
            root = world.random.choice((world.site.root, *(world.mount / name for name in clones)))
            collections.append(_start_gc(world, cache, root, is_alone=is_alone))
        if world.random.random() < 0.6:
            runs and runs[-1].running.wait(world.random.random() * 0.15)
    _kill_some(world, [*runs, *collections])
    _judge(world, cache, runs, collections)
    world.counts["shared turns"] += 1


def _clone(world: World, name: str) -> Path:
    """Return a clone with the sources and project.lock of now; it keeps what its own runs left there."""
    origin, clone = world.site.root, world.mount / name
    clone.mkdir(exist_ok=True)
    if world.random.random() < 0.3:
        shutil.rmtree(clone)
        clone.mkdir()
    names = [name for name in os.listdir(origin) if is_source(name) or name in _TRACKED]
    for name in {*names, *(name for name in os.listdir(clone) if is_source(name) or name in _TRACKED)}:
        remove(clone / name)
    for name in names:
        if (origin / name).is_dir():
            shutil.copytree(origin / name, clone / name, symlinks=True)
        else:
            shutil.copy2(origin / name, clone / name, follow_symlinks=False)
    return clone


_TRACKED = ("project.yml", "project.lock", ".env", "scripts")


def _start_run(world: World, root: Path | None) -> _Run:
    target, _ = world.target()
    expected = world.expect(target, False, read_tree(root or world.site.root))
    words = [word for word in world.words(target, False) if word != "--force"]
    if root is not None and target in world.site.project.listed and not world.site.project.alternatives:
        words = ["run", target, "--json"]  # what it needs may stay in the cache
    running, number = world.start(words, root=root)
    return _Run(root, running, number, words, expected)


def _start_gc(world: World, cache: Cache, root: Path, *, is_alone: bool) -> _Gc:
    words = cache.gc_words(is_alone=is_alone)
    named = cache.named_in(root / "project.lock")
    running, _ = world.start(words, root=root)
    world.counts["gcs"] += 1
    return _Gc(running, words, root, named)


def _kill_some(world: World, jobs: list[_Run | _Gc]) -> None:
    for job in jobs:
        if world.random.random() < (0.4 if isinstance(job, _Gc) else 0.25):
            wait_for(lambda: False, world.random.random() * 0.3 * world.typical)
            how = world.random.choice(("alone", "alone", "interrupt", "terminate"))
            before = world.counts["kills"]
            world.kill(job.running, how)
            if isinstance(job, _Gc):
                world.counts["kills of gc"] += world.counts["kills"] - before


def _judge(world: World, cache: Cache, runs: list[_Run], collections: list[_Gc]) -> None:
    for run in runs:
        world.ended(run.running)
    for collection in collections:
        ended = world.ended(collection.running)
        if ended.code != 0 and not collection.running.was_killed:
            raise Violation("exit code", f"{ended.code} of {collection.words}: {ended.err[-2000:]}")
    _learn_history(world, runs)
    for run in runs:
        _judge_run(world, run)
    named = [_named_all_the_time(collection) for collection in collections]
    for record in (
        set.intersection(*named) if named else ()
    ):  # a collection knows the lock file of its own checkout only
        if not cache.holds(record):
            raise Violation("lost", f"record `{record.name}`, which project.lock names")
    world.check_cache()


def _learn_history(world: World, runs: list[_Run]) -> None:
    finished = Counter((step, number) for what, step, number in world.log.new() if what == "end")
    for run in runs:
        for turn in run.expected.turns:
            if finished[turn.step.name, run.number] and turn.after is not None:
                world.book(turn.step).history.add(world.essence(turn.step, turn.after))


def _judge_run(world: World, run: _Run) -> None:
    if run.root is None and run.running.was_killed:
        one = (run.running, run.number, run.expected)
        world.judge_disturbed([one], orphans=True, was_edited=False, is_forced=True)
        return
    ended = world.ended(run.running)
    if run.running.was_killed:
        return
    if run.root is None:
        world.judge_calm(run.words, ended, run.expected, world.tree(), orphans=False)
        return
    results = {name: row["result"] for name, row in (ended.steps or {}).items()}
    if "unrecorded" in results.values():  # others may have read what no run produced
        _forget(world, run)
        return
    world.check_code(ended, run.expected, ended.steps is not None)
    tree = read_tree(run.root)
    for turn in run.expected.turns:
        result = results[turn.step.name]
        world.counts[f"clones: {result}"] += 1
        if turn.after is None and result in ("up to date", "ran", "restored", "available"):
            raise Violation("wrong claim", f"`{turn.step.name}` cannot be {result}")
        dropped = {path.partition(":")[2] for path in turn.step.no_cache}
        if turn.after is None or result in ("failed", "blocked") or world.site.project.alternatives:
            continue
        for path, view in turn.after.outputs:
            found = output_view(tree, path)
            may_lack = path in dropped or result == "available"
            if found != view and not (may_lack and not found):
                raise Violation("wrong output", f"`{path}` of a clone is\n{found}\ninstead of\n{view}")


def _forget(world: World, run: _Run) -> None:
    """Note that the cache may hold results of unknown inputs."""
    for turn in run.expected.turns:
        world.book(turn.step).cached = True


def _named_all_the_time(collection: _Gc) -> set[StoredRecord]:
    """Return what the lock file of its checkout named before a collection and after it."""
    names = ""
    with contextlib.suppress(OSError):
        names = (collection.root / "project.lock").read_text("utf-8", "replace")
    return {
        record
        for record in collection.named
        if record.key in names or all(digest in names for digest in record.digests)
    }
