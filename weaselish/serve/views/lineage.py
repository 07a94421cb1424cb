"""Where the inputs of a run come from: the runs that produced them, back to the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weaselish.model.paths import overlap
from weaselish.plan.record import Record
from weaselish.records.history import PastRun
from weaselish.serve.views.sources import Source

_DEEPEST = 20
_MOST = 200  # paths
_TRIED = 20  # runs of a command that may have produced an input


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An input of a run, or of a run that produced one. `depth` 0 are the run's own. Without `run`, it is a source."""

    depth: int
    path: str
    digest: str | None
    command: str | None = None
    run: int | None = None


def ancestors(source: Source, record: Record) -> tuple[Ancestor, ...]:
    """Return all inputs of a record, each followed by the inputs of the run that produced it.

    An input that appears twice is followed once.
    """
    found: list[Ancestor] = []
    seen: set[tuple[str, str | None]] = set()
    _follow(source, record, 0, found, seen)
    return tuple(found)


def _follow(
    source: Source, record: Record, depth: int, found: list[Ancestor], seen: set[tuple[str, str | None]]
) -> None:
    for path, digest in record.fingerprint.deps:
        if (path, digest) in seen or len(found) >= _MOST:
            continue
        seen.add((path, digest))
        producer = _producer(source, path, digest, before=record.run)
        if producer is None or producer.record is None or depth == _DEEPEST:
            found.append(Ancestor(depth, path, digest))
            continue
        found.append(Ancestor(depth, path, digest, producer.command, producer.run))
        _follow(source, producer.record, depth + 1, found, seen)


def _producer(source: Source, path: str, digest: str | None, *, before: int) -> PastRun | None:
    """Return the newest run before another that recorded an output with this path and digest."""
    for command in source.producers_of(path):
        for run in _earlier(source, command, before):
            record = run.record
            if record is None:
                continue
            outputs = {output.path: output.digest for output in record.all_outputs}
            is_same = outputs.get(path) == digest or record.dep_digests.get(path) == digest
            if is_same or (path not in outputs and any(overlap(path, output) for output in outputs)):
                return run
    return None


def _earlier(source: Source, command: str, before: int) -> Iterator[PastRun]:
    """Yield the newest runs of a command before another, the newest first. Mostly the first one is the producer."""
    newest = source.history.newest(command=command, before=before, most=1, with_records=True)
    yield from newest
    for run in newest:
        yield from source.history.newest(command=command, before=run.run, most=_TRIED - 1, with_records=True)
