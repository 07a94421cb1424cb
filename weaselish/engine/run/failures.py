"""Explains to the user how a script failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from weaselish.engine.run.missing_module import missing_module
from weaselish.executors.base import Ending, Outcome
from weaselish.model.project import Command
from weaselish.model.resources import shown_bytes
from weaselish.named_tuple import NamedTuple

LAST_LINES = 20  # in which a known cause is looked for

_MISSING_MODULE = re.compile(rb"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)
_NO_INPUT = re.compile(
    rb"EOFError: EOF when reading a line|not a (?:tty|terminal)\b|Inappropriate ioctl", re.IGNORECASE
)


class Failure(NamedTuple):
    message: str
    hint: str | None = None


def failure(command: Command, outcome: Outcome, last_lines: Sequence[bytes], *, root: Path, has_stdin: bool) -> Failure:
    """Describe an outcome that is not a success. `last_lines` are the end of the script's output."""
    role = next((one for one in command.roles if (outcome.replica or "").rpartition(".")[0] == one.name), None)
    script, limits = (command.script, command.limits) if role is None else (role.script, role.limits)
    replica = f", replica {outcome.replica}" if outcome.replica and outcome.ended is not Ending.TIMED_OUT else ""
    line = f", line {outcome.line + 1}" if outcome.line is not None and len(script) > 1 else ""
    step = f"`{command.name}`{replica}{line}"
    if outcome.ran_out_of_memory:
        limit = shown_bytes(limits.memory)
        return Failure(f"{step} was ended by the memory limit of {limit}", "raise `memory` under `resources`")
    if outcome.message is not None:
        return Failure(f"{step}: {outcome.message}", outcome.hint)
    match outcome.ended:
        case Ending.NOT_STARTED:
            return Failure(f"{step} was not started", outcome.hint)
        case Ending.TIMED_OUT:
            return Failure(f"{step} was ended after its timeout of {command.timeout:g} s")
        case Ending.INTERRUPTED:
            return Failure(f"{step} was interrupted")
        case Ending.SIGNALLED:
            return Failure(f"{step} was killed by signal {outcome.exit_code - 128}")
        case Ending.EXITED:
            restarts = outcome.attempt - 1 if role is not None else 0
            after = f" after {restarts} restart{'s' if restarts > 1 else ''}" if restarts else ""
            message = f"{step} failed with exit code {outcome.exit_code}{after}"
            output = b"\n".join(last_lines)
            cause = _cause_in_image(output, outcome)
            cause = cause or known_cause(command.name, output, outcome.python, root, has_stdin=has_stdin)
            return Failure(message, outcome.hint or cause or _log_of(command, outcome))


def _log_of(command: Command, outcome: Outcome) -> str | None:
    """Return how to see what the replica wrote that ended the job, if it had roles."""
    if outcome.replica is None:
        return None
    role, _, number = outcome.replica.rpartition(".")
    return f"`proj log {command.name} --role {role} --replica {number}` shows its output"


def _cause_in_image(output: bytes, outcome: Outcome) -> str | None:
    """Return a hint about a module that the image lacks in which a step ran, None if it ran in no image."""
    missing = _MISSING_MODULE.findall(output) if outcome.image else []
    module = missing[-1].decode() if missing else ""
    return f"the image on `{outcome.executor}` has no module `{module}`: add it to the image" if missing else None


def known_cause(step: str, output: bytes, python: str | None, root: Path, *, has_stdin: bool) -> str | None:
    """Return a hint about the cause of a failure that the end of the script's output shows, if it is a known one."""
    if missing := _MISSING_MODULE.findall(output):
        return missing_module(missing[-1].decode(), python, root)
    if not has_stdin and _NO_INPUT.search(output):
        return f"`{step}` needs a terminal: run it alone, with `proj run {step}`, or write `interactive: true`"
    return None
