"""`proj exec`: runs a step where its project is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from weaselish.cli.subcommand import Argument, Call, Option, Subcommand, Takes
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.executors.base import Line


def execute(call: Call, *, role: str | None) -> int:
    """Run a job, with its script's output and exit code."""
    from weaselish.api.exec import execute_job
    from weaselish.cli.signals import cancelling_in_stages
    from weaselish.executors.base import Ending

    if not call.words:
        raise UsageError(
            "`proj exec` needs the URL of a job", hint="an executor calls it: `proj run NAME --executor isolated`"
        )
    outputs: list[_Console] = []

    def output_of(secrets: Iterable[str]) -> _Console:
        outputs.append(_Console(secrets))
        return outputs[-1]

    with cancelling_in_stages(call.cancel, is_silent=True):
        outcome = execute_job(call.words[0], output_of=output_of, role=role, cancel=call.cancel)
    for output in outputs:
        output.finish()
    if outcome.ended is Ending.NOT_STARTED and outcome.message:
        from weaselish.cli.console import show_error
        from weaselish.errors import ProjError

        show_error(ProjError(outcome.message, hint=outcome.hint))
    return outcome.exit_code


class _Console:
    """Passes a script's output on to our own stdout, secrets masked. If its reader is gone, the script goes on."""

    def __init__(self, secrets: Iterable[str]) -> None:
        from weaselish.model.masking import Masker

        self._masker = Masker(secrets)
        sys.stdout.flush()

    def start_line(self, line: Line, program: str) -> None:
        """Announce a line on stderr: stdout is the script's."""
        self.finish()
        _write(sys.stderr.fileno(), b"Running command: " + line.logged.encode("utf-8", "backslashreplace") + b"\n")

    def write(self, data: bytes) -> None:
        _write(sys.stdout.fileno(), self._masker.mask(data))

    def replica(self, name: str) -> _Console:
        """Return what receives the output of a replica: a job has none."""
        return self

    def finish(self) -> None:
        _write(sys.stdout.fileno(), self._masker.flush())


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    with suppress(BrokenPipeError):
        while rest:
            rest = rest[os.write(fd, rest) :]


SUBCOMMANDS = (
    Subcommand(
        "exec",
        execute,
        "Run one step without the files of its project.\n\n"
        "Executors without the project's files, such as Dask, call it where the step "
        "runs. It fetches the declared deps "
        "of a job into an empty directory, runs the script there, and publishes the outputs with their record. "
        "Credentials come from the environment. Output and exit code are those of the script.",
        (Option("role", ("--role",), "Run one replica of this role: number REPLICA_INDEX.", Takes.TEXT, "ROLE"),),
        arguments=(Argument("JOB", "The URL of a job: `REMOTE/.proj/jobs/NAME.json`.", is_required=True),),
        examples=("proj exec s3://bucket/team/.proj/jobs/4f0c-1795.json",),
    ),
)
