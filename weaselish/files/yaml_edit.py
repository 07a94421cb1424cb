"""Changes one entry of a mapping in a YAML file that people also edit: comments and order of the others stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.errors import InvalidProject
from weaselish.files import yaml12


def with_entries(text: str, section: str | None, entries: Mapping[str, object]) -> str:
    """Return `text` with entries of its mapping at the key `section`, or at top level, replaced or added.

    None removes an entry. Where the layout of the file is unusual, everything is written anew, without comments.
    """
    data = yaml12.read(text, file="")[0] or {}
    for name, value in entries.items():
        wanted = _changed(data, section, name, value)
        edited = _edited(text, section, name, value)
        text = edited if _reads_as(edited, wanted) else yaml12.write(wanted) if wanted else ""
        data = wanted
    return text


def _changed(data: Mapping[str, Any], section: str | None, name: str, value: object) -> dict[str, Any]:
    mapping = dict((data.get(section) if section else data) or {})
    mapping[name] = value
    if value is None:
        del mapping[name]
    return {**data, section: mapping} if section else mapping


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        data = yaml12.read(text, file="")[0] or {}
    except InvalidProject:
        return False
    return {key: value or {} for key, value in data.items()} == {key: value or {} for key, value in wanted.items()}


def _edited(text: str, section: str | None, name: str, value: object) -> str:
    """Return the text with the lines of the entry replaced, if both the file and the entry are in block style."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if not lines and section:
        lines = [f"{section}:\n"]
    keys = yaml12.read("".join(lines), file="")[1].keys
    parent = (section,) if section else ()
    if section and parent not in keys:
        lines.append(f"{section}:\n")
    siblings = {path: place for path, place in keys.items() if len(path) == len(parent) + 1 and path[:-1] == parent}
    column = next(iter(siblings.values()), (0, 3 if section else 1))[1]
    start, end = _range(lines, keys, siblings, parent, (*parent, name))
    return "".join([*lines[:start], *_dumped(name, value, " " * (column - 1)), *lines[end:]])


def _range(
    lines: list[str], keys: Mapping[Any, Any], siblings: Mapping[Any, Any], parent: tuple[str, ...], path: Any
) -> tuple[int, int]:
    """Return the lines, from 0, of the entry at `path`; of a new one where it belongs, after its siblings."""
    begin = keys[path][0] - 1 if path in siblings else max((line for line, _ in siblings.values()), default=0) - 1
    if begin < 0:
        begin = keys[parent][0] - 1 if parent in keys else len(lines) - 1
    after = [line - 1 for other, (line, _) in keys.items() if line - 1 > begin and len(other) <= len(parent) + 1]
    end = min([*after, len(lines)])
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # comments and blank lines before the next entry belong to it
    return (begin, end) if path in siblings else (end, end)


def _dumped(name: str, value: object, indent: str) -> list[str]:
    if value is None:
        return []
    return [f"{indent}{line}" for line in yaml12.write({name: value}).splitlines(keepends=True)]
