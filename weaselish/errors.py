"""Every error a user may see: message, hint, exit code.

ProjError                      1   anything the user can fix
├── UsageError                 2   the command line cannot be meant as it was written
│   └── UnknownName            2   no such command, workflow, remote, variable …: with the near match
├── InvalidProject             2   project.yml: all its problems, each with its place
├── MissingDep                 1   a dependency that is not there and that no step of the plan makes
├── UnsafePath                 1   a path, link or archive member that leads out of where it must stay
├── BrokenState                1   a file of ours that cannot be read and must not be replaced
├── Busy                       1   another process holds what this one needs, and it was told not to wait
└── StoreError                 1   a remote: unreachable, refused, misconfigured, or an object that is not whole
    └── NotInStore             1   no object under that key

A script that fails is no error of ours: it is an `Outcome`. Anything else that escapes is a bug in proj.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class ProjError(Exception):
    """Something that the user can fix. `message` says what and where, `hint` what to do about it.

    `place` is where it stands in a file, `project.yml:12:5`, if that is known.
    """

    exit_code = 1
    place: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Cancelled(BaseException):
    """The work was cancelled, by Ctrl-C say. Not an `Exception`, so that no handler for errors swallows it."""

    def __init__(self, exit_code: int = 130) -> None:
        super().__init__()
        self.exit_code = exit_code


class UsageError(ProjError):
    exit_code = 2


class UnknownName(UsageError):
    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        known = list(known)
        close = near_match(name, known)
        if hint is None and close:
            hint = f"did you mean `{close}`?"
        elif hint is None and known:
            hint = "there is " + listed(known)
        super().__init__(f"no {kind} named `{name}`", hint=hint)
        self.name = name


class Problem(NamedTuple):
    """One finding in project.yml. `line` and `column` count from 1; 0 when the place is not known."""

    line: int
    column: int
    message: str
    hint: str | None = None
    is_warning: bool = False

    def located(self, file: str = "project.yml") -> str:
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        return f"{place}: {self.message}"


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))


class InvalidProject(ProjError):
    """project.yml cannot be used. `problems` holds all that was found, in the order of the file."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], *, file: str = "project.yml") -> None:
        self.problems = in_file_order(problems)
        self.file = file
        super().__init__("\n".join(problem.located(file) for problem in self.problems))


class MissingDep(ProjError):
    pass


class UnsafePath(ProjError):
    pass


class BrokenState(ProjError):
    pass


class Busy(ProjError):
    pass


class StoreError(ProjError):
    pass


class NotInStore(StoreError):
    pass


def near_match(name: str, known: Iterable[str]) -> str | None:
    """The known name that the user probably meant, or None."""
    from difflib import get_close_matches

    lowered = {other.lower(): other for other in known}
    found = get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[found[0]] if found else None


def listed(names: Iterable[str], *, most: int = 12) -> str:
    """Names for a sentence: in backticks, separated by commas, cut after `most`."""
    return in_short([f"`{name}`" for name in names], most=most, separator=", ")


def in_short(items: Sequence[object], *, most: int = 8, separator: str = "; ") -> str:
    """Items for a line or a row, such as reasons: the first ones, and how many more there are."""
    more = len(items) - most
    return separator.join(map(str, items[:most])) + (f" and {more} more" if more > 0 else "")
