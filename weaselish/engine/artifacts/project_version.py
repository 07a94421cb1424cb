"""The version of the project: in project.yml, or in the file that project.yml names."""

from __future__ import annotations

import re
from pathlib import Path

from weaselish.errors import ProjError, UsageError
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.text_file import read_limited
from weaselish.load import FILE
from weaselish.model.versions import bumped, version_problem
from weaselish.workspace import Workspace

_LARGEST = 1 << 16  # bytes of the file
_LINE = re.compile(rb"^(version[ \t]*:[ \t]*)([\"']?)([^\"'#\s]+)\2(?=[ \t]*(?:#|\r?$))", re.MULTILINE)


def project_version(workspace: Workspace) -> str:
    """Return the project's version. Raises ProjError if it has none, or an invalid one."""
    declared = workspace.project.version
    if declared.text is not None:
        return declared.text
    if declared.file is None:
        hint = 'write `version: "1.0.0"` into project.yml, or `version: {file: VERSION}`; or give `--version`'
        raise ProjError("the project has no version", hint=hint)
    text = _read(workspace.root, declared.file).decode("utf-8", "replace").strip()
    if problem := version_problem(text):
        raise ProjError(f"`{declared.file}`: {problem[0]}", hint=problem[1])
    return text


def bump(workspace: Workspace, part: str) -> tuple[str, str]:
    """Raise a part of the project's version where it is written. Return the old and the new version.

    Comments and everything else in the file stay as they are. Raises ProjError.
    """
    old = project_version(workspace)
    new = bumped(old, part)
    name = workspace.project.version.file or FILE
    before = _read(workspace.root, name)
    after = before.replace(old.encode(), new.encode(), 1) if name != FILE else _edited(before, old, new)
    with writing(f"`{name}`"):
        write_atomically((workspace.root / name).resolve(), [after], durable=True)
    return old, new


def _read(root: Path, name: str) -> bytes:
    return read_limited(root / name, name=name, limit=_LARGEST if name != FILE else 10 << 20)


def _edited(text: bytes, old: str, new: str) -> bytes:
    """Return project.yml with another version in its one `version:` line."""
    found = [match for match in _LINE.finditer(text) if match[3].decode("utf-8", "replace") == old]
    if len(found) != 1:
        raise UsageError(f"{FILE} does not have the version as plain text", hint=f"edit it yourself: {old} → {new}")
    start, end = found[0].span(3)
    return text[:start] + new.encode() + text[end:]
