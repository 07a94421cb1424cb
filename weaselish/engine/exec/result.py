"""The result of one attempt at a job, as `proj exec` stores it on the remote for the driver."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from weaselish.archive.unpack import Limits
from weaselish.engine.exec.names import JOBS
from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.published import Published, published_run
from weaselish.executors.base import Ending, Outcome
from weaselish.named_tuple import NamedTuple
from weaselish.records.untrusted import count, text, text_or_none
from weaselish.stores.base import Store

FORMAT = 1


class Result(NamedTuple):
    """How an attempt ended. `run`: what it published, if it succeeded. `kept`: its `outputs_no_cache` paths.

    The attempt of one replica (`outcome.replica`) publishes no run; `kept` holds all outputs that it has.
    """

    outcome: Outcome
    run: Published | None = None
    kept: tuple[OutputObject, ...] = ()


def encode(outcome: Outcome, record: bytes | None, kept: Sequence[OutputObject]) -> bytes:
    """Encode a result. `record`: as it is on the remote."""
    facts = {
        name: value
        for name, value in outcome._asdict().items()
        if name not in ("record", "replica", "image", "is_left")
    }
    data = {
        "format": FORMAT,
        **facts,
        "ended": outcome.ended.value,
        "record": None if record is None else json.loads(record),
        "kept": [
            {"path": one.path, "key": one.key, "digest": one.digest, "size": one.limits.size, "files": one.limits.files}
            for one in kept
        ],
    }
    if outcome.replica is not None:
        data["replica"] = outcome.replica
    return json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape")


def decode(data: bytes) -> Result | None:
    """Decode a result. None if it is none, or of a later version."""
    try:
        read = json.loads(data)
        return _decoded(read) if read["format"] == FORMAT else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _decoded(read: Any) -> Result | None:
    outcome = Outcome(
        ended=Ending(read["ended"]),
        exit_code=int(read["exit_code"]),
        line=count(read["line"]),
        message=text_or_none(read["message"]),
        hint=text_or_none(read["hint"]),
        host=text(read["host"]),
        python=text_or_none(read["python"]),
        ran_out_of_memory=read["ran_out_of_memory"] is True,
        is_limited=read["is_limited"] is True,
        replica=text_or_none(read.get("replica")),
    )
    kept = tuple(
        OutputObject(
            text(one["path"]), text(one["key"]), text(one["digest"]), Limits(count(one["size"]), count(one["files"]))
        )
        for one in read["kept"]
        if text(one["key"]).startswith(f"{JOBS}/")
    )
    run = None if read["record"] is None else published_run(read["record"])
    return Result(outcome, run, kept)


def read_result(store: Store, job: str) -> Result | None:
    """Return the result of a job: that of the attempt that published, else of the last one. None without any."""
    results = read_results(store, job)
    published = (result for result in results if result.run is not None)
    return next(published, results[0] if results else None)


def read_results(store: Store, job: str) -> list[Result]:
    """Return the results of all attempts at a job, the last one first."""
    stored = [one for one in store.list(f"{JOBS}/{job}") if one.key.endswith(".json") and one.key.count("/") == 3]
    results = []
    for one in sorted(stored, key=lambda one: one.modified, reverse=True):
        result = decode(b"".join(store.get(one.key)))
        if result is not None:
            results.append(result)
    return results
