"""Finds what may stand at the end of an unfinished command line, from the declarations and project.yml."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from weaselish.cli.subcommand import (
    COMMON,
    GROUPS,
    MODULES,
    Argument,
    Option,
    Subcommand,
    Takes,
    Values,
    load_subcommand,
)
from weaselish.named_tuple import NamedTuple

_BEFORE = ("-v", "-V", "--verbose", "-q", "--quiet")


class Paths(enum.Enum):
    """What the shell completes by itself."""

    DIRECTORIES = "directories"
    FILES = "files"


class Candidates(NamedTuple):
    words: Mapping[str, str]  # with a description of each
    paths: Paths | None = None  # what to offer if no word fits


NOTHING = Candidates({})


def candidates(words: Sequence[str]) -> Candidates:
    """Return what may replace the last of the words, which follow `proj`. Changes to the directory of a `-C`."""
    *before, current = words or [""]
    if "--" in before:
        return Candidates({}, Paths.FILES)
    before = _without_extras(before)
    if before[-1:] == ["-C"]:
        return Candidates({}, Paths.DIRECTORIES)
    before = [word for word in before if word not in _BEFORE]
    if before[:1] == ["help"]:
        before = before[1:]
    names = [" ".join(before[:count]) for count in (3, 2, 1)]
    name = next((name for name in names if name in MODULES or name in GROUPS), None)
    if name in MODULES:
        found = _Line(load_subcommand(name), before[len(name.split()) :], current).candidates()
        return found if before != [name] else found._replace(words={**dict(_next_words(name)), **found.words})
    if not before:
        return Candidates(_flags(COMMON) if current.startswith("-") else dict(_first_words()))
    return Candidates(dict(_next_words(name)) if name and before == name.split() else {})


def _without_extras(words: Sequence[str]) -> list[str]:
    """Return the words without overrides and `-C DIR`, after changing to these directories.

    A final `-C` stays: its value is what the user is typing.
    """
    rest: list[str] = []
    following = iter(words)
    for word in following:
        if word == "-C" and (directory := next(following, None)) is not None:
            with suppress(OSError):
                os.chdir(directory)
        elif not _is_override(word):
            rest.append(word)
        elif "=" not in word:
            next(following, None)
    return rest


def _is_override(word: str) -> bool:
    return word.startswith("--") and "." in word.partition("=")[0]


def _first_words() -> Iterator[tuple[str, str]]:
    for name in MODULES:
        first, _, second = name.partition(" ")
        if first in MODULES and second:
            continue
        yield first, GROUPS[first] if second else load_subcommand(name).summary
    yield "help", "Show the help of a subcommand."


def _next_words(start: str) -> Iterator[tuple[str, str]]:
    """Yield the words that may follow the beginning of a name, each with its description."""
    for name in MODULES:
        if name.startswith(f"{start} "):
            word, _, more = name.removeprefix(f"{start} ").partition(" ")
            yield word, GROUPS[f"{start} {word}"] if more else load_subcommand(name).summary


def _flags(options: Iterable[Option]) -> dict[str, str]:
    """Return each option by its long form, or the only one that it has."""
    shown: dict[str, str] = {}
    for option in options:
        long = [flag for flag in option.flags if flag.startswith("--")]
        shown.update(dict.fromkeys([*(long[:1] or option.flags), *filter(None, [option.off])], option.help))
    return {**shown, "--help": "Show help."}


class _Line(NamedTuple):
    """The command line of a subcommand."""

    subcommand: Subcommand
    before: Sequence[str]  # the words after the subcommand's name
    current: str

    def candidates(self) -> Candidates:
        by_flag = {flag: option for option in self.subcommand.all_options for flag in option.flags}
        given: list[Option] = []
        words: list[str] = []
        following = iter(self.before)
        for word in following:
            option = by_flag.get(word)
            if option is None:
                words += [] if word.startswith("-") else [word]
                continue
            given.append(option)
            if option.takes is not Takes.NOTHING and next(following, None) is None:
                return self._values(option.values, ())
        flag, equals, _ = self.current.partition("=")
        if equals and flag in by_flag:
            found = self._values(by_flag[flag].values, ())
            return Candidates({f"{flag}={word}": text for word, text in found.words.items()})
        if self.current.startswith("-"):
            return Candidates(self._options(given))
        argument = self._argument(len(words))
        return NOTHING if argument is None else self._values(argument.values, words)

    def _options(self, given: Sequence[Option]) -> dict[str, str]:
        """Return the flags that are not given yet, and the variables of the project."""
        rest = [one for one in self.subcommand.all_options if one not in given or one.takes is Takes.TEXTS]
        variables = self._outline_of("variables") if any(a.name == "DIR" for a in self.subcommand.arguments) else {}
        return {**_flags(rest), **{f"--{name}": value for name, value in variables.items()}}

    def _argument(self, position: int) -> Argument | None:
        """Return the argument that the word at a position may be; a repeated one rather than the last."""
        arguments = self.subcommand.arguments
        repeated = next((argument for argument in arguments if argument.is_repeated), None)
        return repeated or next(islice(arguments, position, None), None)

    def _values(self, values: Values | tuple[str, ...], given: Sequence[str]) -> Candidates:
        match values:
            case Values.ANY:
                return NOTHING
            case Values.FILES:
                return Candidates({}, Paths.FILES)
            case Values.DIRECTORIES:
                return Candidates({}, Paths.DIRECTORIES)
            case Values.TEMPLATES:
                from weaselish.engine.templates import template_titles

                return Candidates(template_titles())
            case Values():
                named = self._named(values)
                return Candidates({name: text for name, text in named.items() if name not in given}, Paths.DIRECTORIES)
            case words:
                return Candidates(dict.fromkeys(words, ""))

    def _named(self, values: Values) -> Mapping[str, str]:
        sections = {
            Values.TARGETS: ("commands", "workflows"),
            Values.COMMANDS: ("commands",),
            Values.WORKFLOWS: ("workflows",),
            Values.REMOTES: ("remotes",),
            Values.ASSETS: ("assets",),
            Values.ARTIFACTS: ("artifacts",),
            Values.EXECUTORS: ("executors",),
            Values.ROLES: ("roles",),
        }[values]
        from weaselish.engine.outline import outline

        found = outline()
        return {name: text for section in sections for name, text in getattr(found, section).items()}

    def _outline_of(self, section: str) -> Mapping[str, str]:
        from weaselish.engine.outline import outline

        found: Mapping[str, str] = getattr(outline(), section)
        return found
