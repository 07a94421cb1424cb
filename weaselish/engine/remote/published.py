"""Published runs: their records on a remote, and the keys of their objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from weaselish.compat import weasel
from weaselish.model.paths import inside, is_outside
from weaselish.model.project import Command
from weaselish.plan.record import Record
from weaselish.records.record_format import from_document, to_document
from weaselish.records.untrusted import count, items, text

RUNS = ".proj/runs"
_OF_ONE_REMOTE = ("objects", "verified")  # keys of a record
_OBJECT = re.compile(r"(?!\.\.?/)[A-Za-z0-9_.~%+-]+/[0-9a-f]+/[0-9a-f]+(\.dir)?")


@dataclass(frozen=True, slots=True)
class Published:
    """A run on a remote. `objects`: output -> (key, size in the store), for the outputs that were pushed."""

    record: Record
    objects: Mapping[str, tuple[str, int]]


def published_run(document: object) -> Published | None:
    """Decode a published record. None if it is not a record, or not one that proj can have written."""
    try:
        record = from_document(document)
        objects = _objects(document)
        record_key(record)
    except (KeyError, TypeError, ValueError):
        return None
    if not _has_all_objects(record, objects):
        return None
    if not all(is_object_key(key) for key, _ in objects.values()):
        return None
    return Published(record, objects)


def _objects(document: object) -> dict[str, tuple[str, int]]:
    """Return output -> (key, size) from a record's document. Raises ValueError and the like."""
    objects = document.get("objects") if isinstance(document, dict) else None
    decoded = {text(item["path"]): (text(item["key"]), count(item["size"])) for item in items(objects)}
    return {path: (key, size) for path, (key, size) in decoded.items() if size is not None}


def _has_all_objects(record: Record, objects: Mapping[str, object]) -> bool:
    """Return whether each output has an object, is in that of another one, or is outside the project."""
    paths = {output.path for output in record.outputs}
    return objects.keys() <= paths and all(
        is_outside(path) or any(inside(path, stored) for stored in objects) for path in paths
    )


def is_object_key(key: str) -> bool:
    """Return whether a key has the form `<output>/<key>/<digest>`."""
    return _OBJECT.fullmatch(key) is not None


def outputs_of(record: Record) -> dict[str, str]:
    """Return output -> digest."""
    return {output.path: output.digest for output in record.outputs}


def object_keys(command: Command, record: Record, *, compat: bool) -> dict[str, str]:
    """Return output -> key of its object, for the outputs that are pushed.

    Under `compat: weasel` it consists of Weasel's hashes and the output's name as written.
    """
    pushed = frozenset(command.pushed_outputs)
    outputs = [output for output in record.outputs if output.path in pushed]
    if not compat:
        key = record.fingerprint.key
        return {output.path: f"{quote_plus(output.path)}/{key}/{output.digest}" for output in outputs}
    digests = record.weasel
    deps = [(command.as_written(path), digests.get(path, digest or "")) for path, digest in record.fingerprint.deps]
    hashed = weasel.command_hash(record.fingerprint.script, deps)
    return {
        output.path: f"{quote_plus(command.as_written(output.path))}/{hashed}/{digests.get(output.path, output.digest)}"
        for output in outputs
    }


def record_key(record: Record) -> str:
    """Return the key of a record on a remote."""
    return f"{RUNS}/{record.fingerprint.key}/{record.run}.json"


def record_bytes(record: Record, objects: Iterable[tuple[str, str, int]]) -> bytes:
    """Encode a record for a remote. `objects`: (output, key, size in the store)."""
    document = to_document(without_remote_facts(record))
    document["objects"] = [{"path": path, "key": key, "size": size} for path, key, size in objects]
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape")


def without_remote_facts(record: Record) -> Record:
    """Return the record without the keys that are true of one remote only, such as where objects are."""
    extra = {name: value for name, value in record.extra.items() if name not in _OF_ONE_REMOTE}
    return record._replace(extra=extra)
