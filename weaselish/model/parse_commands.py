"""Read the commands of project.yml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_values import YES, Values
from weaselish.model.paths import PathIndex
from weaselish.model.project import Command, Shell
from weaselish.model.script import shell_word, unsplittable

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_commands(values: Values) -> dict[str, Command]:
    """The commands by name, in the order of the file."""
    commands: dict[str, Command] = {}
    for index, item in enumerate(values.data.get("commands") or ()):
        if item is None:
            continue
        command = _command(values, ("commands", index), item)
        at: Path = ("commands", index, "name")
        if command.name in commands:
            values.problem(at, f"a second command is named `{command.name}`", "rename one of them")
        elif command.name == ".proj":
            hint = "rename it: project.lock keeps what is ours under that name"
            values.problem(at, "a command cannot be named `.proj`", hint)
        else:
            commands[command.name] = command
    return commands


def _command(values: Values, path: Path, item: Mapping[str, Any]) -> Command:
    written: list[tuple[str, str]] = []
    shell = _shell(item.get("shell", False))
    outputs, outputs_no_cache = (
        tuple(values.paths((*path, key), item.get(key) or (), what="an output", written=written))
        for key in ("outputs", "outputs_no_cache")
    )
    _check_outputs_are_apart(values, path, outputs, outputs_no_cache)
    workdir = values.path((*path, "workdir"), values.text((*path, "workdir"), within=item) or ".", what="a workdir")
    return Command(
        name=values.text((*path, "name"), within=item),
        help=values.text((*path, "help"), within=item),
        script=tuple(_script(values, (*path, "script"), item.get("script") or (), in_shell=shell is not False)),
        deps=tuple(values.paths((*path, "deps"), item.get("deps") or (), what="a dep", written=written)),
        outputs=outputs,
        outputs_no_cache=outputs_no_cache,
        no_skip=item.get("no_skip", False) in YES,
        env=tuple(_env(values, path, item.get("env") or {})),
        shell=shell,
        workdir=workdir or ".",
        timeout=_seconds(item.get("timeout")),
        retries=int(item.get("retries") or 0),
        mutex=tuple(values.texts((*path, "mutex"), item.get("mutex") or ())),
        confirm=values.text((*path, "confirm"), within=item) or None,
        written=tuple(dict.fromkeys(written)),
    )


def _env(values: Values, path: Path, items: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in items.items():
        if not name or "=" in name or "\0" in name or name.startswith("env."):  # which is ${env.X} in fingerprints
            at = (*path, "env", name)
            values.problem(at, f"an environment variable cannot be named `{name}`", "rename it", key=True)
        text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
        replaced = values.interpolated((*path, "env", name), text)
        if replaced is not None:
            yield name, replaced


def _script(values: Values, path: Path, lines: Iterable[object], *, in_shell: bool) -> Iterator[str]:
    for index, line in enumerate(lines):
        at = (*path, index)
        text = values.interpolated(at, line, in_shell=in_shell) if isinstance(line, str) else None
        if text is None:
            continue
        if not in_shell and (word := shell_word(str(line))):
            values.problem(
                at,
                f"`{word}` has no meaning without a shell",
                "add `shell: true` to the command, or put the word in quotes",
            )
        elif not in_shell and (wrong := unsplittable(text)):
            values.problem(at, wrong, "close the quote, or put a backslash before it" if text.strip() else None)
        yield text


def _check_outputs_are_apart(values: Values, path: Path, outputs: tuple[str, ...], no_cache: tuple[str, ...]) -> None:
    before = PathIndex()
    for index, output in enumerate([*outputs, *no_cache]):
        for other in before.overlapping(output):
            inner, outer = sorted((output, other), key=len, reverse=True)
            key = "outputs" if index < len(outputs) else "outputs_no_cache"
            at = index if index < len(outputs) else index - len(outputs)
            relation = "is listed twice" if inner == outer else f"lies inside output `{outer}`"
            values.problem((*path, key, at), f"output `{inner}` {relation}", "keep one of the two")
        before.add(output)


def _shell(value: object) -> Shell:
    value = value or False
    return ("sh" if value else False) if isinstance(value, bool) else str(value)


def _seconds(value: object) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return value
    match = re.fullmatch(r"([0-9.]+) *([a-z]*)", str(value))
    assert match is not None, "the schema lets nothing else through"
    return float(match[1]) * _UNITS[match[2] or "s"]
