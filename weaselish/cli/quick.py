"""Parses plain command lines without typer, whose import takes longer than most answers.

Both parsers read the same declarations. What is not plain (help, mistakes, `--name=value`) is left to typer.
"""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.cli.subcommand import GROUPS, MODULES, Option, Subcommand, Takes, load_subcommand
from weaselish.named_tuple import NamedTuple


class Parsed(NamedTuple):
    subcommand: Subcommand
    words: tuple[str, ...]
    options: dict[str, object]  # parameter -> value, of the options given


def parse(argv: Sequence[str]) -> Parsed | None:
    """Return the subcommand with its words and options, or None if the command line is not plain."""
    name, rest = split_name(argv)
    if name not in MODULES:
        return None
    subcommand = load_subcommand(name)
    flags = {flag: option for option in subcommand.all_options for flag in (*option.flags, option.off) if flag}
    words: list[str] = []
    given: dict[str, object] = {}
    following = iter(rest)
    for word in following:
        if not word.startswith("-"):
            words.append(word)
            continue
        flag, glued = (word[:2], word[2:]) if word[:2] == "-j" else (word, "")
        option = flags.get(flag)
        if option is not None and option.alone is not None:
            given[option.parameter] = option.alone
            continue
        if option is None:
            return None
        value: object = flag != option.off
        if option.takes is not Takes.NOTHING:
            value = _value(option, glued or next(following, "-"), given.get(option.parameter))
        elif glued:
            return None
        if value is None:
            return None
        given[option.parameter] = value
    return Parsed(subcommand, tuple(words), given) if words or not given.get("show_help") else None


def with_values(argv: Sequence[str]) -> list[str]:
    """Return argv with the value of each option that may stand alone: `--watch=finish` for `--watch`."""
    name, _ = split_name(argv)
    options = load_subcommand(name).all_options if name in MODULES else ()
    alone = {flag: f"{flag}={option.alone}" for option in options if option.alone for flag in option.flags}
    return [alone.get(word, word) for word in argv]


def split_name(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the name of the subcommand, of one to three words, and what follows it."""
    for count in (3, 2):
        name, group = " ".join(argv[:count]), " ".join(argv[: count - 1])
        if len(argv) < count or argv[count - 1].startswith("-"):
            continue
        if group in GROUPS or name in MODULES or name in GROUPS:
            return name, argv[count:]
    return (argv[0], argv[1:]) if argv else ("", ())


def _value(option: Option, text: str, earlier: object) -> object:
    """Return the value that an option takes, or None if `text` is not plainly one."""
    if text.startswith("-"):
        return None
    if option.takes is Takes.NUMBER:
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) else None
    if option.takes is Takes.TEXTS:
        return (*(earlier if isinstance(earlier, tuple) else ()), text)
    return text
