"""Output for GitHub Actions: groups, annotations, and the summary of the job.

Its runner executes lines such as `::error::text` from any program. The output of scripts must not be executed. So it
stands between `::stop-commands::TOKEN` and `::TOKEN::`, with a random token.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from weaselish.cli.console import warn
from weaselish.cli.reporter import ConsoleReporter, OutputMode
from weaselish.engine import events
from weaselish.errors import Problem, ProjError
from weaselish.load import FILE, find_root
from weaselish.plan.sequence import Step
from weaselish.terminal import printable

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.run.run import RunResult

_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_TEXT, ":": "%3A", ",": "%2C"}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&:@.$-])")

# -- workflow commands ------------------------------------------------------------------------------------------------


def workflow_command(name: str, text: str, properties: Mapping[str, str] | None = None) -> str:
    """Return `::name property=value::text` as a line, with everything escaped that GitHub could misread."""
    pairs = ",".join(f"{key}={_escaped(value, _IN_PROPERTY)}" for key, value in (properties or {}).items())
    return f"::{name}{' ' if pairs else ''}{pairs}::{_escaped(text, _IN_TEXT)}\n"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in printable(text, keep="\r\n"))


def inert(text: str) -> str:
    """Return lines for the user, changed where the runner would execute them."""
    return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "## [")


def annotate(problem: Problem, *, directory: str | os.PathLike[str] | None) -> None:
    """Print a finding about project.yml on stderr as an annotation. `directory`: the project's, if not around ours."""
    place = {"file": _file_in_repository(directory)}
    if problem.line:
        place |= {"line": str(problem.line), "col": str(problem.column)}
    kind = "warning" if problem.is_warning else "error"
    print(workflow_command(kind, _with_hint(problem.message, problem.hint), place), end="", file=sys.stderr, flush=True)


def _with_hint(message: str, hint: str | None) -> str:
    return f"{message}\nhint: {hint}" if hint else message


def _file_in_repository(directory: str | os.PathLike[str] | None) -> str:
    """Return the path of project.yml in the repository that the workflow checked out."""
    try:
        file = (find_root(directory) / FILE).resolve()
        return str(file.relative_to(Path(os.environ["GITHUB_WORKSPACE"]).resolve()))
    except (KeyError, ValueError, OSError, ProjError):
        return FILE


# -- runs -------------------------------------------------------------------------------------------------------------


class GitHubReporter(ConsoleReporter):
    """Shows a run in the log of GitHub Actions. The default mode is GROUP in parallel."""

    def __init__(
        self, project: Project, stream: BinaryIO | None, *, output: OutputMode | None, is_verbose: bool
    ) -> None:
        super().__init__(stream, output=output, is_verbose=is_verbose)
        self._project = project
        self._file = _file_in_repository(project.root)
        self._token = ""  # while the runner ignores commands: what ends that
        self._group = ""  # the step whose group is open
        self._at_start = True  # whether the last byte on the stream ended a line

    def __call__(self, event: events.Event, /) -> None:
        super().__call__(event)
        match event:
            case events.RunStarted(_, jobs) if jobs > 1 and self._chosen is None:
                self._output = OutputMode.GROUP
            case events.StepStarted(step) if self._jobs == 1 and self._output in (OutputMode.RAW, OutputMode.PREFIX):
                self._open_group(step)
            case events.StepFailed():
                self._command("error", _with_hint(event.message, event.hint), self._place_of(event.step))
            case events.RunFinished():
                self._end_group()
                self._resume()
            case _:
                pass

    def _place_of(self, step: Step) -> dict[str, str]:
        line = 0
        with suppress(ProjError, OSError):  # project.yml may have changed since
            line, _ = self._project.location_of(step.command)
        return {"file": self._file, **({"line": str(line)} if line else {}), "title": step}

    # -- output of scripts ------------------------------------------------------------------------------------------

    def _end_output(self, step: str) -> None:
        if self._output is OutputMode.GROUP:
            self._open_group(step)
        super()._end_output(step)
        self._end_group()

    def _write(self, data: bytes) -> None:
        """Write what scripts wrote. The runner executes no command in it."""
        if not data:
            return
        if not self._token:
            import secrets

            self._token = secrets.token_hex(16)
            self._write_line(workflow_command("stop-commands", self._token))
        super()._write(data)
        self._at_start = data.endswith(b"\n")

    def _show_last_line(self, text: str) -> None:
        self._write(f"{text}\n".encode())  # stderr has no order with our commands

    def _open_group(self, step: str) -> None:
        if self._group != step:
            self._end_group()
            self._group = step
            self._command("group", step)

    def _end_group(self) -> None:
        if self._group:
            self._group = ""
            self._command("endgroup", "")

    def _command(self, name: str, text: str, properties: Mapping[str, str] | None = None) -> None:
        self._resume()
        self._write_line(workflow_command(name, text, properties))

    def _resume(self) -> None:
        """Let the runner execute commands again."""
        if self._token:
            self._write_line(workflow_command(self._token, ""))
            self._token = ""

    def _write_line(self, line: str) -> None:
        """Write a command at the start of a line."""
        self._stdout.write(b"" if self._at_start else b"\n")
        self._stdout.write(line.encode("utf-8", "backslashreplace"))
        self._stdout.flush()
        self._at_start = True

    # -- the end ----------------------------------------------------------------------------------------------------

    def show_summary(self, summary: str, result: RunResult) -> None:
        super().show_summary(inert(summary), result)
        self._resume()
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if path:
            try:
                with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(self._as_markdown(result))
            except OSError as error:
                warn(f"cannot write the summary of the job: {(error.strerror or str(error)).lower()}")

    def _as_markdown(self, result: RunResult) -> str:
        """Return the table of the steps and the totals."""
        rows = [("step", "result", "time", "why"), ("---",) * 4, *map(_in_cells, self._rows(result))]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([*lines, "", self.totals(result), "", ""])


def _in_cells(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return texts for cells of a table, with nothing that Markdown or HTML would read."""
    return tuple(_MARKUP.sub(r"\\\1", printable(text)) for text in row)
