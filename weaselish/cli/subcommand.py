"""How a subcommand declares its options: once, for both parsers and for its help."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from weaselish.cli.arguments import Extras
from weaselish.errors import UsageError
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.cancel import Cancel

SECTIONS: Mapping[str, Mapping[str, str]] = {  # of the help: subcommand -> the module of this package that declares it
    "Run": {
        "run": "run",
        "stop": "jobs",
        "shell": "jobs",
        "exec": "exec",
        "lock accept": "lock",
        "lock reset": "lock",
    },
    "Look": {
        "status": "status",
        "ps": "jobs",
        "why": "why",
        "log": "log",
        "diff": "diff",
        "graph": "graph",
        "vars": "vars",
        "validate": "validate",
    },
    "Share": {
        "push": "push",
        "pull": "pull",
        "clean": "clean",
        "gc": "gc",
        "ls": "ls",
        "remote add": "remote_change",
        "remote list": "remote",
        "remote show": "remote",
        "remote test": "remote",
        "remote rename": "remote_change",
        "remote remove": "remote_change",
        "assets": "assets",
    },
    "Executors": {
        "executor list": "executors",
        "executor test": "executors",
        "executor clean": "executors",
    },
    "Publish": {
        "artifact push": "artifact",
        "artifact pull": "artifact",
        "artifact list": "artifact_facts",
        "artifact show": "artifact_check",
        "artifact diff": "artifact_check",
        "artifact verify": "artifact_check",
        "artifact alias": "artifact_facts",
        "artifact yank": "artifact_facts",
        "artifact update": "artifact_facts",
        "version": "project_version",
    },
    "Back up": {
        "snapshot push": "snapshot_push",
        "snapshot pull": "snapshot_pull",
        "snapshot list": "snapshot",
        "snapshot show": "snapshot",
        "snapshot diff": "snapshot",
        "snapshot verify": "snapshot",
        "snapshot prune": "snapshot_prune",
        "snapshot schedule": "snapshot_prune",
    },
    "Dashboard": {
        "serve": "serve",
        "serve export": "serve_export",
        "serve user add": "serve_users",
        "serve user role": "serve_users",
        "serve user password": "serve_users",
        "serve user remove": "serve_users",
        "serve user list": "serve_users",
        "serve token create": "serve_tokens",
        "serve token list": "serve_tokens",
        "serve token revoke": "serve_tokens",
        "serve manifest": "serve_manifest",
    },
    "Set up": {
        "init": "init",
        "clone": "clone",
        "document": "document",
        "dvc": "dvc",
        "import skelebot": "importing",
        "import lab": "importing",
        "import kuberlab": "importing",
        "completion": "completion",
        "schema": "schema",
    },
}
MODULES = {name: module for section in SECTIONS.values() for name, module in section.items()}
GROUPS = {
    "executor": "List, test and clean the executors that project.yml defines.",
    "snapshot": "Store entire projects on a remote, and bring them back.",
    "remote": "List and test all remotes; add, rename and remove your own.",
    "import": "Convert files of Skelebot, Lab and Kuberlab, and print the result.",
    "artifact": "Publish files and directories in versions, and use those of other projects.",
    "serve user": "Manage the accounts of the dashboard.",
    "serve token": "Manage the tokens with which scripts use the dashboard.",
    "lock": "Change the records of commands in project.lock.",
}
HELP_FLAGS = ("--help", "-h")
TRANSFERS = 4  # objects at a time


class Values(enum.Enum):
    """What a word may be, for completion."""

    ANY = enum.auto()
    TARGETS = enum.auto()  # commands and workflows
    COMMANDS = enum.auto()
    WORKFLOWS = enum.auto()
    REMOTES = enum.auto()
    ASSETS = enum.auto()
    ARTIFACTS = enum.auto()
    EXECUTORS = enum.auto()
    ROLES = enum.auto()
    TEMPLATES = enum.auto()
    DIRECTORIES = enum.auto()
    FILES = enum.auto()


class Argument(NamedTuple):
    """A positional word of a subcommand. Only the last but one may be repeated."""

    name: str
    help: str
    values: Values | tuple[str, ...] = Values.ANY
    is_required: bool = False
    is_repeated: bool = False

    @property
    def usage(self) -> str:
        """Return `NAME`, `[NAME]` or `[NAME]...`."""
        return f"{self.name if self.is_required else f'[{self.name}]'}{'...' if self.is_repeated else ''}"


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
    values: Values | tuple[str, ...] = Values.ANY
    alone: str | None = None  # its value where none is given; one that is given follows `=`

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


DIRECTORY = Argument("DIR", "The project's directory, if it is not the current one.", Values.DIRECTORIES)
NAMES = (Argument("NAME", "A command or workflow.", Values.TARGETS, is_repeated=True), DIRECTORY)
RUNS = Argument("NAME", "A command, workflow or run id.", Values.TARGETS, is_repeated=True)
REMOTE_HELP = "A remote of project.yml or your own, a URL, or a path that begins with `./` or `/`"
REMOTE = Argument("REMOTE", f"{REMOTE_HELP}; by default the remote `default`.", Values.REMOTES)


class Subcommand(NamedTuple):
    name: str
    run: Callable[..., int]  # takes a Call and the parameters of `options`; returns the exit code
    help: str  # one line for the overview, then paragraphs
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = (DIRECTORY,)
    examples: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the help."""
        return self.help.partition("\n")[0]

    @property
    def usage(self) -> str:
        """The arguments as the help shows them: `[NAME]... [DIR]`."""
        return " ".join(argument.usage for argument in self.arguments)

    @property
    def all_options(self) -> tuple[Option, ...]:
        return (*self.options, *COMMON)

    def call(self, words: tuple[str, ...], extras: Extras, given: Mapping[str, object]) -> int:
        """Run the subcommand with the options given; return its exit code."""
        most = len(self.arguments)
        if len(words) > most and not any(argument.is_repeated for argument in self.arguments):
            raise UsageError(f"unexpected argument `{words[most]}`", hint=f"proj {self.name} {self.usage}".rstrip())
        values = {**{option.parameter: option.if_absent for option in self.all_options}, **given}
        verbose, quiet = bool(values.pop("verbose")), bool(values.pop("quiet"))
        values.pop("change_to")
        from weaselish.cli.console import be_quiet

        be_quiet(quiet)
        return self.run(Call(words, extras, verbose, quiet), **values)


EXECUTOR = Option(
    "executor",
    ("--executor",),
    "Use this executor, whatever the command names.",
    Takes.TEXT,
    "NAME",
    values=Values.EXECUTORS,
)

JSON = Option("as_json", ("--json",), "Print the result as JSON on stdout; an error is JSON, too.")

MARKDOWN = Option("as_markdown", ("--md",), "Print the result as Markdown on stdout.")


def dry(text: str) -> Option:
    """Declare `--dry`, whose help says what it shows."""
    return Option("dry", ("--dry", "-n", "-D"), text)


def transfers(noun: str) -> Option:
    """Declare `--jobs` of a subcommand that transfers things."""
    return Option("jobs", ("--jobs", "-j"), f"{noun} at a time.", Takes.NUMBER, "N", TRANSFERS)


COMMON = (
    Option("verbose", ("--verbose", "-v", "-V"), "Show more: all reasons, all output."),
    Option("quiet", ("--quiet", "-q"), "Print only results, warnings and errors."),
    Option(
        "change_to", ("-C",), "Change to DIR first.", Takes.TEXT, "DIR", values=Values.DIRECTORIES
    ),  # `take_extras` acts on it
)


def load_subcommand(name: str) -> Subcommand:
    """Import the module of a subcommand and return its declaration."""
    module = import_module(f"weaselish.cli.{MODULES[name]}")
    declared: tuple[Subcommand, ...] = module.SUBCOMMANDS
    return next(subcommand for subcommand in declared if subcommand.name == name)
