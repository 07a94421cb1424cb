"""Writes a small project that runs, and the schema that editors read beside project.yml."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from weaselish.engine.templates import bundled
from weaselish.errors import UsageError
from weaselish.files.atomic import write_atomically, writing
from weaselish.load import FILE
from weaselish.model.schema import schema_text
from weaselish.named_tuple import NamedTuple

SCHEMA_FILE = "project.schema.json"  # committed, so that each clone has it without a network or a run
_SCHEMA_LINE = f"$schema={SCHEMA_FILE}"
_WORD = re.compile(r"[^\W\d_][\w-]*")
_NOT_TEXT = ("true", "false", "yes", "no", "on", "off", "y", "n", "null")  # in YAML


class Started(NamedTuple):
    """The files of a starter: what was written, and what existed and stays as it is."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def init(directory: str) -> Started:
    """Write the starter into a directory, which may not exist yet. Replaces nothing. Raises UsageError, ProjError."""
    root = Path(directory).absolute()
    if os.path.lexists(root / FILE):
        raise UsageError(f"`{directory}` already has a {FILE}", hint="`proj` lists its commands")
    written, kept = [], []
    with writing(f"`{directory}`"):
        for name, data in _contents(root.name).items():
            if os.path.lexists(root / name):
                kept.append(name)
                continue
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(root / name, [data])
            written.append(name)
    return Started(tuple(written), tuple(kept))


def write_schema(root: Path) -> bool:
    """Write the schema that project.yml refers to, if it is missing. Return whether it was."""
    with writing(f"`{SCHEMA_FILE}`"):
        refers = _SCHEMA_LINE in (root / FILE).read_bytes()[:1000].decode("utf-8", "replace")
        if not refers or os.path.lexists(root / SCHEMA_FILE):
            return False
        write_atomically(root / SCHEMA_FILE, [schema_text().encode()])
        return True


def _contents(name: str) -> dict[str, bytes]:
    """Return the bytes of each file, project.yml last, for a project in a directory of this name."""
    starter = bundled("starter")
    files = {str(file.relative_to(starter)): file.read_bytes() for file in sorted(starter.rglob("*")) if file.is_file()}
    files = {path: data for path, data in files.items() if "__pycache__" not in path}
    project = files.pop(FILE).decode()
    title = name if _WORD.fullmatch(name) and name.lower() not in _NOT_TEXT else json.dumps(name, ensure_ascii=False)
    plain = "".join(char if char.isalnum() or char in "-_." else "-" for char in name) or "project"
    project = project.replace("title: My project", f"title: {title}").replace("my-project-remote", f"{plain}-remote")
    files[".gitignore"] = files.pop("gitignore")  # without a dot in its name, because build tools act on a .gitignore
    return {**files, SCHEMA_FILE: schema_text().encode(), FILE: project.encode()}
