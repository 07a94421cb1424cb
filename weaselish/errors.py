"""Every error that a user can see: message, hint, exit code.

| ProjError              1  anything the user can fix
|  UsageError            2  an invalid command line, or a project that does not exist
|   InvalidOverride      2  an override of a variable that does not exist or cannot take the value
|   UnknownName          2  an undefined command, workflow, remote, variable …, with a near match
|    NoMatch             2  a glob that matches no command
|  InvalidProject        2  project.yml, with all its problems and their places
|  MissingDep            1  a dep that does not exist and that no step of the plan produces
|  UnsafePath            1  a path, link or archive member that leads outside the allowed directory
|  BrokenState           1  a file of proj that it cannot read and must not replace
|  Busy                  1  another process holds a lock, and the user asked not to wait
|  StoreError            1  a remote that is unreachable, refuses, is misconfigured, or holds a broken object
|   NotInStore           1  no object under that key
|   CannotCopy           1  a remote that cannot copy an object by itself

docs/errors.md is written from the docstrings: what an error means, and after `Cure:` what to do. Without a cure,
`proj` itself catches the error.

A failing script does not raise: it is an `Outcome`. Any other exception is a bug in proj.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weaselish.named_tuple import NamedTuple
from weaselish.terminal import printable


class ProjError(Exception):
    """A problem that the user can fix. `message` says what and where, `hint` how to fix it; both are printable.

    `place` is a position in a file, such as `project.yml:12:5`, or None.
    """

    exit_code = 1
    place: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = printable(message)
        self.hint = hint and printable(hint)
        super().__init__(self.message)


class Cancelled(BaseException):
    """The work was cancelled, for example by Ctrl-C. Not an `Exception`, so that no handler for errors swallows it."""

    def __init__(self, exit_code: int = 130) -> None:
        super().__init__()
        self.exit_code = exit_code


class UsageError(ProjError):
    """The command line is invalid, or the project does not exist.

    Cure: read the hint, or `proj SUBCOMMAND --help`.
    """

    exit_code = 2


class InvalidOverride(UsageError):
    """An override such as `--vars.epochs 3` names no variable, or gives it an invalid value.

    Cure: `proj vars` lists the variables; correct the name or the value.
    """

    def __init__(self, message: str, *, name: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class UnknownName(UsageError):
    """A command, workflow, variable, remote or other name is not defined.

    Cure: the hint is a near match, or the list of names; correct the spelling, or define the name.
    """

    def __init__(self, kind: str, name: str, defined: Iterable[str], *, hint: str | None = None) -> None:
        defined = list(defined)
        close = near_match(name, defined)
        if hint is None and close:
            hint = f"did you mean `{close}`?"
        elif hint is None and defined:
            hint = "defined: " + listed(defined)
        super().__init__(f"no {kind} named `{name}`", hint=hint)
        self.name = name


class NoMatch(UnknownName):
    """A glob such as `train@*` matches no command.

    Cure: put it in quotes, so that the shell leaves it alone; `proj` lists the commands.
    """

    def __init__(self, name: str, defined: Iterable[str]) -> None:
        super().__init__("command", name, defined)
        self.message = printable(f"no command matches `{name}`")
        self.args = (self.message,)


class Part(NamedTuple):
    """One entry of a section of project.yml, such as a command."""

    section: str  # commands, workflows, assets, artifacts, remotes, vars or directories
    name: str  # of the entry; of an asset its dest; empty if it has none


class Problem(NamedTuple):
    """One finding in project.yml. `line` and `column` count from 1; 0 when the location is not known."""

    line: int
    column: int
    message: str
    hint: str | None = None
    is_warning: bool = False
    always_shown: bool = False  # a warning that every subcommand shows, not only `run` and `validate`
    confined_to: Part | None = None  # the only part of project.yml that cannot be used because of it

    def located(self, file: str = "project.yml") -> str:
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return f"{place}: {self.message}"


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))


class InvalidProject(ProjError):
    """project.yml, or the part of it that this call needs, has errors. All are shown, each with its line.

    Cure: correct each line; `proj validate` shows them again.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], *, file: str = "project.yml") -> None:
        self.problems = in_file_order(problems)
        self.file = file
        super().__init__("")
        self.message = "\n".join(printable(problem.located(file)) for problem in self.problems)
        self.args = (self.message,)


class MissingDep(ProjError):
    """A dep does not exist, and no step of the plan produces it. Nothing was run.

    Cure: correct the path, provide the file, or list it under `outputs` of the command that writes it.
    """

    def __init__(self, problems: Sequence[Problem], *, file: str = "project.yml") -> None:
        self.problems = in_file_order(problems)
        self.file = file
        hints = dict.fromkeys(problem.hint for problem in self.problems if problem.hint)
        super().__init__("; ".join(problem.message for problem in self.problems), hint="; ".join(hints) or None)


class UnsafePath(ProjError):
    """A path, a link or a member of an archive leads out of the directory in which `proj` may write.

    Cure: correct the path, or replace the link with a directory.
    """


class BrokenState(ProjError):
    """A file of `proj`, such as project.lock, is damaged or comes from a newer version. It stays as it is.

    Cure: update `proj`; or restore the file from git.
    """


class Busy(ProjError):
    """Another process holds a lock that this call needs. `--no-wait` forbids waiting, or the wait would never end.

    Cure: wait until the other process ends; without `--no-wait`, `proj` waits itself.
    """


class StoreError(ProjError):
    """The remote refuses, is misconfigured, or holds something that `proj` cannot use.

    Cure: `proj remote test` tries each operation and shows which one fails.
    """

    is_missing_bucket = False  # the store answers, but the bucket or directory does not exist


class NotInStore(StoreError):
    """An object is missing on the remote, although a record there names it. It was removed.

    Cure: `proj push` stores it again, from a machine that has the output.
    """


class CannotCopy(StoreError):
    """The store cannot copy objects by itself. `proj` catches it, and downloads and uploads them."""


def near_match(name: str, defined: Iterable[str]) -> str | None:
    """Return the defined name that the user probably meant, or None.

    It resembles `name`, or is the only one that begins with it or that it begins with.
    """
    from difflib import get_close_matches

    wanted, lowered = name.lower(), {other.lower(): other for other in defined}
    matches = get_close_matches(wanted, list(lowered), n=1, cutoff=0.65)
    if not matches:
        matches = [other for other in lowered if _is_start(wanted, other) or _is_start(other, wanted)]
    return lowered[matches[0]] if len(matches) == 1 else None


def _is_start(start: str, name: str) -> bool:
    return len(start) >= 3 and name.startswith(start)


def listed(names: Iterable[str], *, most: int = 12) -> str:
    """Return names for a sentence: in backticks, separated by commas, cut after `most`."""
    return in_short([f"`{name}`" for name in names], most=most, separator=", ")


def in_short(items: Sequence[object], *, most: int = 8, separator: str = "; ") -> str:
    """Return the first items, such as reasons, in one line, and how many more there are."""
    more = len(items) - most
    return separator.join(map(str, items[:most])) + (f" and {more} more" if more > 0 else "")
