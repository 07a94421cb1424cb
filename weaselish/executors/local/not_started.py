"""Explains why a line could not be started."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from weaselish.executors.base import Ending, Outcome
from weaselish.limits import limit_reached

if TYPE_CHECKING:
    from weaselish.executors.local.start import LocalLine

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as a shell exits


class NotStarted(Exception):
    """A line that did not start, with the error of the system."""

    def __init__(self, reason: OSError | ValueError) -> None:
        self.reason = reason


def not_started(reason: OSError | ValueError, line: LocalLine) -> Outcome:
    """Return the outcome of a line that did not start: exit code 127 if its program was not found, else 126."""
    program = line.argv[0]
    if isinstance(reason, OSError) and (limit := limit_reached(reason)):
        return _outcome(f"`{program}` could not be started: {limit.message}", limit.hint)
    if isinstance(reason, OSError) and reason.filename == line.workdir:  # so it is for all that precedes exec
        return _outcome(f"`{program}` was not started: {_why_not_prepared(reason, line.workdir)}")
    path = find_program(line)
    if path is None:
        where = "" if os.sep in program else " on PATH"
        return _outcome(f"`{program}` was not found{where}", exit_code=_NOT_FOUND)
    return _outcome(_why_not_executed(reason, program, path))


def _outcome(message: str, hint: str | None = None, *, exit_code: int = _NOT_EXECUTABLE) -> Outcome:
    return Outcome(Ending.NOT_STARTED, exit_code, message=message, hint=hint)


def _why_not_prepared(reason: OSError, workdir: str) -> str:
    if isinstance(reason, FileNotFoundError):
        return f"the working directory `{workdir}` does not exist"
    if os.path.isdir(workdir) and os.access(workdir, os.X_OK):
        return f"the system refuses to prepare its process: {reason.strerror}"
    return f"the working directory `{workdir}` cannot be entered: {reason.strerror}"


def _why_not_executed(reason: OSError | ValueError, program: str, path: str) -> str:
    if os.path.isdir(path):
        return f"`{program}` is a directory"
    if isinstance(reason, PermissionError):
        return f"`{program}` is not executable (`chmod +x {program}`?)"
    if isinstance(reason, FileNotFoundError):
        return f"`{program}` could not be started: the interpreter that its first line names was not found"
    if isinstance(reason, OSError) and reason.errno == errno.ENOEXEC:
        return f"`{program}` is neither a program for this machine nor a script that begins with `#!`"
    return f"`{program}` could not be started: {getattr(reason, 'strerror', None) or reason}"


def find_program(line: LocalLine) -> str | None:
    """Return the first file with the name of a line's program, executable or not, in the folders where it looks."""
    return next((path for path in _program_paths(line) if os.path.lexists(path)), None)


def find_executable(line: LocalLine) -> str | None:
    """Return the file that the system would execute for a line, None if there is none."""
    return next((path for path in _program_paths(line) if os.access(path, os.X_OK) and os.path.isfile(path)), None)


def _program_paths(line: LocalLine) -> Iterator[str]:
    """Yield where a line's program may be: in the folders of PATH, unless its name has a slash."""
    program = line.argv[0]
    folders = [""] if os.sep in program else line.env.get("PATH", os.defpath).split(os.pathsep)
    return (os.path.join(line.workdir, folder, program) for folder in folders)
