"""Reads what argv holds beside subcommands and options: overrides, arguments of the script, names, a directory."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from weaselish.errors import UnknownName, UsageError
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.cancel import Cancel

_E = TypeVar("_E", bound=enum.Enum)

COMMAND_LINE = "command line"
VARIABLES = ("WEASEL_CONFIG_OVERRIDES", "PROJ_CONFIG_OVERRIDES")  # the later wins, the command line over both


class Extras(NamedTuple):
    """What `take_extras` removes from argv before the options are parsed."""

    overrides: Mapping[str, str] = MappingProxyType({})  # vars.x -> text
    args: tuple[str, ...] = ()  # what follows `--`
    sources: Mapping[str, str] = MappingProxyType({})  # vars.x -> the environment variable or command line that set it
    change_to: tuple[str, ...] = ()  # the directories of `-C`
    cancel: Cancel | None = None  # ends the subcommand; `dispatch` adds it


def take_extras(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], Extras]:
    """Return argv without overrides, `-C DIR` and what follows `--`; and these."""
    words, args = _split_args(list(argv))
    overrides: dict[str, str] = {}
    sources: dict[str, str] = {}
    for variable in VARIABLES:
        if variable in environ:
            parsed = _overrides(variable, environ[variable])
            overrides.update(parsed)
            sources.update(dict.fromkeys(parsed, variable))
    words, directories = _take_directories(words)
    words, given = _take_overrides(words)
    overrides.update(given)
    sources.update((name, COMMAND_LINE) for name, _ in given)
    if overrides:
        _check_text(overrides, sources)
    return words, Extras(overrides, tuple(args), sources, tuple(directories))


def _split_args(argv: list[str]) -> tuple[list[str], list[str]]:
    """Return what precedes and what follows `--`."""
    if "--" not in argv:
        return argv, []
    end = argv.index("--")
    return argv[:end], argv[end + 1 :]


def _take_directories(argv: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return argv without each `-C DIR`, and the directories."""
    rest, directories = [], []
    words = iter(argv)
    for word in words:
        if word != "-C":
            rest.append(word)
            continue
        directory = next(words, None)
        if directory is None:
            raise UsageError("`-C` needs a directory", hint="proj -C DIR SUBCOMMAND")
        directories.append(directory)
    return rest, directories


def _take_overrides(argv: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return argv without its overrides, and these in order: an override without a value is `true`."""
    rest: list[str] = []
    given: list[tuple[str, str]] = []
    pending: str | None = None  # an override whose value may follow
    for word in argv:
        if pending is not None and not word.startswith("--"):
            given.append((pending, word))
            pending = None
            continue
        if pending is not None:
            given.append((pending, "true"))
            pending = None
        if not _is_override(word):
            rest.append(word)
        elif "=" in word:
            name, _, value = word[2:].partition("=")
            given.append((name, value))
        else:
            pending = word[2:]
    if pending is not None:
        given.append((pending, "true"))
    return rest, given


def _check_text(overrides: Mapping[str, str], sources: Mapping[str, str]) -> None:
    """Refuse bytes that are not UTF-8, because project.lock could not hold them."""
    from weaselish.model.paths import is_text

    for name, value in overrides.items():
        if not is_text(name + value):
            raise UsageError(f"{sources[name]}: the override of `{ascii(name)[1:-1]}` is not text in UTF-8")


def _is_override(word: str) -> bool:
    return word.startswith("--") and "." in word.partition("=")[0] and word[2:3].isalpha()


def _words(variable: str, text: str) -> list[str]:
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{variable} cannot be split into words: {str(error).lower()}") from None


def _overrides(variable: str, text: str) -> dict[str, str]:
    rest, given = _take_overrides(word for word in _words(variable, text) if word != "--")
    if rest:
        raise UsageError(f"{variable}: not an override: `{rest[0]}`", hint="overrides are `--vars.NAME VALUE`")
    return dict(given)


def member(kind: type[_E], what: str, value: str) -> _E:
    """Return the member of an enum with that value, which the user typed. Raises UnknownName."""
    values = [one.value for one in kind]
    if value not in values:
        raise UnknownName(what, value, values)
    return kind(value)


def names_and_directory(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Split `NAME... [DIR]`: the last word is the project's directory if that has a project.yml.

    Inside a project, a single plain word is a name, even if a directory has the same name.
    """
    from weaselish.load import FILE

    if len(words) == 1 and os.sep not in words[0] and words[0] not in (".", "..") and os.path.isfile(FILE):
        return list(words), None
    if words and os.path.isfile(os.path.join(words[-1], FILE)):
        return list(words[:-1]), words[-1]
    if len(words) > 1 and os.sep in words[-1] and os.path.isdir(words[-1]):
        raise UsageError(f"no {FILE} in `{words[-1]}`")
    return list(words), None


def jobs_at_once(text: str | None, environ: Mapping[str, str]) -> int:
    """Return how many steps run at a time: a number or `auto` (all processors); by default PROJ_JOBS, or 1."""
    text = text if text is not None else environ.get("PROJ_JOBS") or "1"
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise UsageError(f"`{text}` is not a valid number of jobs", hint="give a number from 1 on, or `auto`")
    return int(text)
