"""Parses the plainest command lines by itself: importing typer takes longer than answering them.

It knows the same options as `app.py`, which takes their names from here. What is not plain it leaves to typer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Option(NamedTuple):
    parameter: str  # of the verb's function
    names: tuple[str, ...]
    value: object = True  # what the option alone says; None: the next word is its value


OPTIONS: dict[str, tuple[Option, ...]] = {
    "run": (
        Option("dry", ("--dry", "-D")),
        Option("force", ("--force", "-F")),
        Option("only", ("--only",)),
        Option("jobs", ("--jobs", "-j"), None),
        Option("keep_going", ("--keep-going", "-k")),
        Option("yes", ("--yes", "-y")),
        Option("wait", ("--wait",)),
        Option("wait", ("--no-wait",), False),
        Option("output", ("--output",), None),
        Option("as_json", ("--json",)),
    ),
    "status": (
        Option("check", ("--check",)),
        Option("remote", ("--remote",), None),
        Option("as_json", ("--json",)),
    ),
}


def names_of(verb: str, parameter: str) -> tuple[str, ...]:
    """The option's names, for typer."""
    return tuple(name for option in OPTIONS[verb] if option.parameter == parameter for name in option.names)


def parse(words: Sequence[str]) -> tuple[str, list[str], dict[str, object]] | None:
    """(verb, its words, its options), or None for whatever is not plain: other verbs, help, mistakes."""
    if not words or words[0] not in OPTIONS:
        return None
    verb = words[0]
    options = {name: option for option in OPTIONS[verb] for name in option.names}
    rest: list[str] = []
    given: dict[str, object] = {}
    following = iter(words[1:])
    for word in following:
        if not word.startswith("-"):
            rest.append(word)
            continue
        name, glued, value = (word[:2], bool(word[2:]), word[2:]) if word[:2] == "-j" else (word, False, "")
        option = options.get(name)
        if option is None:
            return None
        if option.value is None:
            value = value if glued else next(following, "-")
            if value.startswith("-"):
                return None
            given[option.parameter] = value
        else:
            given[option.parameter] = option.value
    return verb, rest, given


def show_version() -> int:
    from weaselish import __version__

    print(f"proj {__version__}")
    return 0
