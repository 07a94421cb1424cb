"""Parses the plainest command lines by itself: importing typer takes longer than answering them.

It knows the same options as `app.py`, which takes their names from here. What is not plain it leaves to typer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Option(NamedTuple):
    parameter: str  # of the verb's function
    names: tuple[str, ...]
    takes: Literal["nothing", "text", "texts", "number"] = "nothing"  # texts: may be given more than once
    value: bool = True  # of one that takes nothing


_JSON = Option("as_json", ("--json",))
_TRANSFER = (
    Option("commands", ("--command", "-c"), "texts"),
    Option("dry", ("--dry", "-D")),
    Option("jobs", ("--jobs", "-j"), "number"),
    _JSON,
)
OPTIONS: dict[str, tuple[Option, ...]] = {
    "run": (
        Option("dry", ("--dry", "-D")),
        Option("force", ("--force", "-F")),
        Option("only", ("--only",)),
        Option("jobs", ("--jobs", "-j"), "text"),
        Option("keep_going", ("--keep-going", "-k")),
        Option("yes", ("--yes", "-y")),
        Option("wait", ("--wait",)),
        Option("wait", ("--no-wait",), value=False),
        Option("output", ("--output",), "text"),
        _JSON,
    ),
    "status": (
        Option("check", ("--check",)),
        Option("remote", ("--remote",), "text"),
        _JSON,
    ),
    "push": (*_TRANSFER, Option("verify", ("--verify",)), Option("repair", ("--repair",))),
    "pull": (*_TRANSFER, Option("force", ("--force", "-F"))),
}
TRANSFERS = 4  # objects at a time, unless said otherwise
_MOST_WORDS = {"push": 2, "pull": 2}


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
        if option.takes == "nothing":
            given[option.parameter] = option.value
            continue
        value = value if glued else next(following, "-")
        if value.startswith("-") or (option.takes == "number" and not _is_number(value)):
            return None
        if option.takes == "texts":
            given[option.parameter] = (*_texts(given.get(option.parameter)), value)
        else:
            given[option.parameter] = int(value) if option.takes == "number" else value
    return (verb, rest, given) if len(rest) <= _MOST_WORDS.get(verb, len(rest)) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1


def _texts(given: object) -> tuple[str, ...]:
    return given if isinstance(given, tuple) else ()


def show_version() -> int:
    from weaselish import __version__

    print(f"proj {__version__}")
    return 0
