"""The index of a pack: where each of its contents is. docs/formats.md defines its form."""

from __future__ import annotations

import json

from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot_values import SHA256, is_count, mapping, matching, of_format

_FORMAT = 1
SMALL = 1 << 18  # bytes: a larger content is an object of its own
PACK = 1 << 24  # bytes of a pack, about


class Member(NamedTuple):
    """Where a content is in a pack. `offset` and `length` are of the gzip member, `size` of the content."""

    offset: int
    length: int
    size: int


def index_bytes(members: dict[str, Member]) -> bytes:
    """Encode the index of a pack: SHA-256 -> member."""
    return json.dumps({"format": _FORMAT, "contents": members}, separators=(",", ":")).encode()


def read_index(document: object) -> dict[str, Member]:
    """Decode the index of a pack. Raises ValueError for anything else, LaterFormat for a higher format."""
    data = of_format(document, _FORMAT)
    return {matching(SHA256, name): _member(value) for name, value in mapping(data.get("contents")).items()}


def _member(value: object) -> Member:
    if not isinstance(value, list) or len(value) != 3 or not all(is_count(number) for number in value):
        raise ValueError("not a member of a pack")
    return Member(*value)
