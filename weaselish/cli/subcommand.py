"""How a subcommand declares its options: once, for both parsers and for its help."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from weaselish.cli.arguments import Extras
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.cancel import Cancel

MODULES = {  # subcommand -> the module of this package that declares it, in the order of the help
    "run": "run",
    "status": "status",
    "log": "log",
    "graph": "graph",
    "vars": "vars",
    "validate": "validate",
    "push": "push",
    "pull": "pull",
    "ls": "ls",
    "remote list": "remote",
    "remote test": "remote",
    "assets": "assets",
    "lock accept": "lock",
    "lock reset": "lock",
    "init": "init",
    "clone": "clone",
    "document": "document",
    "dvc": "dvc",
}
GROUPS = {
    "remote": "List and test the remotes of project.yml.",
    "lock": "Change what project.lock records of commands.",
}
HELP_FLAGS = ("--help", "-h")
TRANSFERS = 4  # objects at a time


class Takes(enum.Enum):
    """What stands after an option."""

    NOTHING = enum.auto()
    TEXT = enum.auto()
    TEXTS = enum.auto()  # the option may be repeated
    NUMBER = enum.auto()  # from 1 on


class Option(NamedTuple):
    parameter: str  # of the subcommand's function
    flags: tuple[str, ...]
    help: str
    takes: Takes = Takes.NOTHING
    metavar: str | None = None
    default: object = None
    off: str | None = None  # the flag that turns it off; then it is on by default

    @property
    def if_absent(self) -> object:
        """Return the value of the parameter if the option is not given."""
        if self.takes is Takes.NOTHING:
            return self.off is not None
        return () if self.takes is Takes.TEXTS else self.default


class Call(NamedTuple):
    """One call of a subcommand."""

    words: tuple[str, ...] = ()
    extras: Extras = Extras()
    is_verbose: bool = False
    is_quiet: bool = False

    @property
    def cancel(self) -> Cancel:
        """The token that ends this call."""
        from weaselish.cancel import Cancel

        return self.extras.cancel or Cancel()

    @property
    def directory(self) -> str | None:
        """The project's directory, of a subcommand that takes no other word."""
        return self.words[0] if self.words else None


class Subcommand(NamedTuple):
    name: str
    run: Callable[..., int]  # takes a Call and the parameters of `options`; returns the exit code
    help: str
    options: tuple[Option, ...] = ()
    usage: str = "[DIR]"  # of its words
    words_help: str = "The project's directory."
    most_words: int | None = 1
    examples: tuple[str, ...] = ()

    @property
    def all_options(self) -> tuple[Option, ...]:
        return (*self.options, *COMMON)

    def call(self, words: tuple[str, ...], extras: Extras, given: Mapping[str, object]) -> int:
        """Run the subcommand with the options given; return its exit code."""
        if self.most_words is not None and len(words) > self.most_words:
            extra = words[self.most_words]
            raise UsageError(f"unexpected argument `{extra}`", hint=f"proj {self.name} {self.usage}")
        values = {**{option.parameter: option.if_absent for option in self.all_options}, **given}
        verbose, quiet = bool(values.pop("verbose")), bool(values.pop("quiet"))
        values.pop("change_to")
        from weaselish.cli.console import be_quiet

        be_quiet(quiet)
        return self.run(Call(words, extras, verbose, quiet), **values)


JSON = Option("as_json", ("--json",), "Print the result as JSON on stdout; an error is JSON, too.")
NAMES_HELP = "Commands or workflows; then, if it is not the current one, the project's directory."
REMOTE_USAGE = "[REMOTE] [DIR]"
REMOTE_HELP = (
    "A remote of project.yml (`default`), a URL, or a path that begins with `./` or `/`; the project's directory."
)


def dry(text: str) -> Option:
    """Declare `--dry`, whose help says what it shows."""
    return Option("dry", ("--dry", "-n", "-D"), text)


def transfers(noun: str) -> Option:
    """Declare `--jobs` of a subcommand that transfers things."""
    return Option("jobs", ("--jobs", "-j"), f"{noun} at a time.", Takes.NUMBER, "N", TRANSFERS)


COMMON = (
    Option("verbose", ("--verbose", "-v", "-V"), "Show more: all reasons, all output."),
    Option("quiet", ("--quiet", "-q"), "Print only results, warnings and errors."),
    Option("change_to", ("-C",), "Change to DIR first.", Takes.TEXT, "DIR"),  # `take_extras` acts on it
)


def load_subcommand(name: str) -> Subcommand:
    """Import the module of a subcommand and return its declaration."""
    module = import_module(f"weaselish.cli.{MODULES[name]}")
    declared: tuple[Subcommand, ...] = module.SUBCOMMANDS
    return next(subcommand for subcommand in declared if subcommand.name == name)
