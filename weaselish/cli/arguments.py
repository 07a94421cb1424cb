"""What argv holds beside verbs and options: overrides, arguments for the script, names and a directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from weaselish.errors import UsageError

VARIABLES = ("WEASEL_CONFIG_OVERRIDES", "PROJ_CONFIG_OVERRIDES")  # the later wins, the command line over both


class Extras(NamedTuple):
    """Taken out of argv before the options are parsed."""

    overrides: Mapping[str, str] = MappingProxyType({})  # vars.x -> text
    args: tuple[str, ...] = ()  # what stands after `--`
    given_by: Mapping[str, str] = MappingProxyType({})  # vars.x -> where its override was given


def take_extras(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], Extras]:
    """argv without overrides and without what follows `--`, and these."""
    argv = list(argv)
    args: list[str] = []
    if "--" in argv:
        end = argv.index("--")
        argv, args = argv[:end], argv[end + 1 :]
    overrides: dict[str, str] = {}
    given_by: dict[str, str] = {}
    for variable in VARIABLES:
        if variable in environ:
            found = _overrides(_words(variable, environ[variable]))
            overrides.update(found)
            given_by.update(dict.fromkeys(found, variable))
    rest = []
    given = []
    words = iter(argv)
    waiting: str | None = None
    for word in words:
        if waiting is not None and not word.startswith("--"):
            given.append((waiting, word))
            waiting = None
            continue
        if waiting is not None:
            given.append((waiting, "true"))
            waiting = None
        if not _is_override(word):
            rest.append(word)
        elif "=" in word:
            name, _, value = word[2:].partition("=")
            given.append((name, value))
        else:
            waiting = word[2:]
    if waiting is not None:
        given.append((waiting, "true"))
    overrides.update(given)
    given_by.update((name, "command line") for name, _ in given)
    if overrides:
        _check_text(overrides)
    return rest, Extras(overrides, tuple(args), given_by)


def _check_text(overrides: Mapping[str, str]) -> None:
    """Refuse bytes that are no text: project.lock could not hold them."""
    from weaselish.model.paths import is_text

    for name, value in overrides.items():
        if not is_text(name + value):
            raise UsageError(f"the override of `{ascii(name)[1:-1]}` is not text in UTF-8")


def _is_override(word: str) -> bool:
    return word.startswith("--") and "." in word.partition("=")[0] and word[2:3].isalpha()


def _words(variable: str, text: str) -> list[str]:
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{variable} cannot be split into words: {str(error).lower()}") from None


def _overrides(words: Iterable[str]) -> dict[str, str]:
    rest, extras = take_extras(list(words), {})
    if rest:
        raise UsageError(f"not an override: `{rest[0]}`", hint="overrides are `--vars.NAME VALUE`")
    return dict(extras.overrides)


def names_and_directory(words: Sequence[str]) -> tuple[list[str], str | None]:
    """`NAME... [DIR]`: the last word is the project's directory if it is one, with a project.yml in it.

    In a project, a plain word that stands alone is a name, whatever directory there may be.
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
    """How many steps at a time: a number or `auto`; PROJ_JOBS where nothing is said, else 1."""
    text = text if text is not None else environ.get("PROJ_JOBS") or "1"
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise UsageError(f"`{text}` is no number of jobs", hint="give a number from 1 on, or `auto`")
    return int(text)
