"""Fills a remote with runs of known cost, by the same code that stores the results of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import NamedTuple

from weaselish.archive.pack import Packing
from weaselish.engine.remote.published import record_bytes, record_key
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import Origin, Provenance, Record, RecordedOutput
from weaselish.stores.directory import DirectoryStore


class Cost(NamedTuple):
    """What one run took, and the bytes of its output. `seconds` None: accepted by hand."""

    seconds: float | None
    size: int


class StoredCost(NamedTuple):
    """A run on the remote. `size`: bytes of its object in the store."""

    run: int
    seconds: float | None
    size: int


def random_costs(choose: Random, count: int) -> list[Cost]:
    """Return costs of which few are alike, from a second for much to hours for little."""
    return [Cost(round(choose.uniform(1, 90) ** 2, 3), choose.randrange(200, 40_000)) for _ in range(count)]


def store_runs(remote: Path, costs: Iterable[Cost], *, first: int = 1, output: str = "model") -> list[StoredCost]:
    """Store one run of `train` for each cost, with run ids from `first` on. The content of each output is unique."""
    store = DirectoryStore(remote, is_cache=True)
    draft = remote.parent / f"draft-of-{output}"
    draft.mkdir(exist_ok=True)
    stored = []
    for run, cost in enumerate(costs, first):
        (draft / output).write_bytes(Random(run).randbytes(cost.size))
        packing = Packing(draft, output, algorithm="md5")
        archive = list(packing)
        assert packing.packed is not None
        record = _record(run, output, packing.packed.digest, cost)
        key = f"{output}/{record.fingerprint.key}/{packing.packed.digest}"
        size = sum(map(len, archive))
        store.put(key, archive)
        store.put(record_key(record), [record_bytes(record, [(output, key, size)])])
        stored.append(StoredCost(run, cost.seconds, size))
    return stored


def _record(run: int, output: str, digest: str, cost: Cost) -> Record:
    return Record(
        run,
        "train",
        Fingerprint((f"sh train.sh {run}",), (), (("corpus", "0" * 32),), (), False, "."),
        (RecordedOutput(output, digest, cost.size, 1),),
        origin=Origin.RUN if cost.seconds is not None else Origin.ACCEPTED,
        provenance=Provenance(seconds=cost.seconds),
    )


def age(remote: Path, days: float) -> None:
    """Make what a remote holds older, by the clock of its file system."""
    then = time.time() - days * 86400
    for path in remote.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
