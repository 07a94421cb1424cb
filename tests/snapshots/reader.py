"""Reads snapshots of a directory remote as docs/formats.md defines them, without proj."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any


def contents(remote: Path) -> dict[str, bytes]:
    """Return every content by its name; fail if one is not what its name says."""
    found: dict[str, bytes] = {}
    for index in remote.glob(".proj/packs/*.json"):
        pack = index.with_suffix(".pack").read_bytes() if index.with_suffix(".pack").exists() else None
        for name, (offset, length, size) in json.loads(index.read_text())["contents"].items():
            if pack is not None:
                found[name] = gzip.decompress(pack[offset : offset + length])
                assert len(found[name]) == size <= 256 << 10
    for file in remote.glob(".proj/contents/*/*"):
        assert file.parent.name == file.name[:2]
        found[file.name] = gzip.decompress(file.read_bytes())
    for name, data in found.items():
        assert hashlib.sha256(data).hexdigest() == name
    return found


def snapshots(remote: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the entries of each snapshot by project and id; fail if any content is missing or another one."""
    all_contents = contents(remote)
    found = {}
    for file in remote.glob(".proj/snapshots/*/*.json"):
        document = json.loads(file.read_text())
        assert (document["format"], document["id"]) == (1, file.stem)
        text = all_contents[document["entries"]["sha256"]]
        assert len(text) == document["entries"]["size"]
        entries = [json.loads(line) for line in text.splitlines()]
        for entry in entries:
            if entry["kind"] == "file":
                assert len(all_contents[entry["sha256"]]) == entry["size"], entry["path"]
        found[file.parent.name, file.stem] = entries
    return found
