"""What jobs left on a remote: their documents and results, and inputs that no job needs any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from weaselish.engine.exec.document import BadDocument, decode
from weaselish.engine.exec.heartbeat import QUIET
from weaselish.engine.exec.names import INPUTS, JOBS, job_key
from weaselish.errors import NotInStore
from weaselish.stores.base import Store, Stored


def left_by_jobs(store: Store, *, now: float, grace: float) -> list[Stored]:
    """Return what can be deleted. A job that gave a sign of life within a day, or the grace time, needs its inputs."""
    before = now - max(grace, QUIET)
    jobs: defaultdict[str, list[Stored]] = defaultdict(list)
    for stored in store.list(JOBS):
        jobs[stored.key.split("/")[2].removesuffix(".json")].append(stored)
    gone = [name for name, found in jobs.items() if max(one.modified for one in found) < before]
    inputs = [one for one in store.list(INPUTS) if one.modified < before]
    needed = _inputs_of(store, jobs.keys() - gone) if inputs else set()
    return [*(one for name in gone for one in jobs[name]), *(one for one in inputs if one.key not in needed)]


def _inputs_of(store: Store, jobs: Iterable[str]) -> set[str]:
    """Return the keys of the inputs that jobs name."""
    needed: set[str] = set()
    for job in jobs:
        try:
            needed.update(decode(b"".join(store.get(job_key(job)))).objects.values())
        except (NotInStore, BadDocument):
            continue
    return needed
