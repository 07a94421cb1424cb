"""Snapshots as data: the document of each. docs/formats.md defines its form."""

from __future__ import annotations

import json
import re
from datetime import datetime

from weaselish.model.paths import project_name_problem
from weaselish.named_tuple import NamedTuple
from weaselish.plan.snapshot_values import KEY, SHA256, count, mapping, matching, of_format, text

_FORMAT = 1
LARGEST_DOCUMENT = 1 << 24  # bytes of a snapshot without its entries
LARGEST_ENTRIES = 1 << 28  # bytes: of about 1.5 million files

_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")


class Content(NamedTuple):
    """A content by its name. `size`: bytes before compression."""

    sha256: str
    size: int


class SnapshotGit(NamedTuple):
    commit: str
    dirty: bool


class Snapshot(NamedTuple):
    """A snapshot without its entries. `created`: UTC, ISO 8601. `files`, `bytes`: in all, those of outputs included."""

    id: str
    project: str
    created: str
    message: str
    host: str
    git: SnapshotGit | None
    tool: str
    lock: str | None  # SHA-256 of project.lock
    files: int
    bytes: int
    entries: Content
    runs: tuple[tuple[str, int], ...] = ()  # (key, run id) of the runs that it refers to
    tree: bool = False  # whether its files are also plain objects under the project's name


# -- names ------------------------------------------------------------------------------------------------------------


def new_snapshot_id(now: datetime, random: bytes) -> str:
    """Return an id. Ids sort by time, also within the second that is the finest time of many stores."""
    fraction = (now.microsecond << 20) // 1_000_000
    return f"{now:%Y%m%dT%H%M%S}-{fraction:05x}{random.hex()[:3]}"


def is_snapshot_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


# -- the document -----------------------------------------------------------------------------------------------------


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """Encode a snapshot for a remote."""
    fields: dict[str, object] = {"format": _FORMAT, **snapshot._asdict()}
    fields["entries"] = snapshot.entries._asdict()
    fields["git"] = snapshot.git and snapshot.git._asdict()
    if not snapshot.tree:
        del fields["tree"]
    return json.dumps(fields, indent=1).encode()


def read_snapshot(document: object) -> Snapshot:
    """Decode a snapshot. Raises ValueError for anything else, LaterFormat for a higher format."""
    data = of_format(document, _FORMAT)
    if not isinstance(data.get("runs"), list):
        raise ValueError("`runs` is not a list")
    snapshot = Snapshot(
        **{name: text(data.get(name)) for name in ("id", "project", "created", "message", "host", "tool")},
        git=_git(data.get("git")),
        lock=None if data.get("lock") is None else matching(SHA256, data.get("lock")),
        files=count(data.get("files")),
        bytes=count(data.get("bytes")),
        entries=_content(data.get("entries")),
        runs=tuple(_run(one) for one in data["runs"]),
        tree=data.get("tree") is True,
    )
    if not is_snapshot_id(snapshot.id) or project_name_problem(snapshot.project):
        raise ValueError("an invalid id or project")
    return snapshot


def _git(value: object) -> SnapshotGit | None:
    if value is None:
        return None
    git = mapping(value)
    return SnapshotGit(text(git.get("commit")), git.get("dirty") is True)


def _content(value: object) -> Content:
    content = mapping(value)
    size = count(content.get("size"))
    if size > LARGEST_ENTRIES:
        raise ValueError(f"entries of {size} bytes")
    return Content(matching(SHA256, content.get("sha256")), size)


def _run(value: object) -> tuple[str, int]:
    key, run = value if isinstance(value, list) and len(value) == 2 else (None, None)
    return matching(KEY, key), count(run)
