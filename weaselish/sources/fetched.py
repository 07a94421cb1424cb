"""The notes on fetched assets: what was fetched to a path, and from where. They hold no secrets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from weaselish.files.atomic import write_atomically, writing
from weaselish.files.state_dir import STATE
from weaselish.files.strict_json import read_json_file
from weaselish.model.project import Asset

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was last fetched to `dest`, stored as `.proj/assets/….json`."""

    dest: str
    source: str  # digest of the source as written in project.yml
    origin: str  # the URL or repository, for people
    digest: str  # of the content, in the view of deps
    algorithm: str
    size: int
    checksum: str | None = None  # verified when it was fetched
    etag: str | None = None
    commit: str | None = None


def source_digest(asset: Asset) -> str:
    """Return a digest of the asset's source, to tell whether project.yml names another one since."""
    git = asset.git
    written = [asset.url] if git is None else [git.repo, git.path, git.branch]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def save_fetched(root: Path, fetched: Fetched) -> None:
    """Store the note of what was fetched."""
    file = _file(root, fetched.dest, ".json")
    with writing(f"`{file}`"):
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, [json.dumps({"format": _FORMAT, **asdict(fetched)}, indent=2).encode()])


def last_fetched(root: Path, dest: str) -> Fetched | None:
    """Return the note of what was last fetched to `dest`, or None if it is missing or unreadable."""
    try:
        data = read_json_file(_file(root, dest, ".json"))
        return Fetched(**data) if data.pop("format") == _FORMAT else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def partial_file(root: Path, dest: str) -> Path:
    """Return the path of the partial download to `dest`, which a later process continues."""
    file = _file(root, dest, ".part")
    with writing(f"`{file.parent}`"):
        file.parent.mkdir(exist_ok=True)
    return file


def _file(root: Path, dest: str, suffix: str) -> Path:
    name = hashlib.md5(dest.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return root / STATE / "assets" / f"{name}{suffix}"
