"""Writes to the console: data on stdout, everything else on stderr, all of it escaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from weaselish.errors import InvalidProject, MissingDep, Problem, ProjError
from weaselish.terminal import printable

_COLOURS = {
    "red": "red",
    "green": "green",
    "yellow": "yellow",
    "blue": "blue",
    "magenta": "magenta",
    "dim": "grey",
    "bold": None,
}
_is_quiet = False
_directory: str | None = None  # of the project whose problems are shown


def be_quiet(quiet: bool) -> None:
    """Choose whether `say`, `done` and `hint` print nothing from now on."""
    global _is_quiet
    _is_quiet = quiet


def is_quiet() -> bool:
    """Return whether only results, warnings and errors are to be printed."""
    return _is_quiet


def is_on_github() -> bool:
    """Return whether GitHub Actions reads the output."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def problems_are_in(directory: str | None) -> None:
    """Choose the project whose problems are shown from now on: by default the one around the current directory."""
    global _directory
    _directory = directory


# -- stderr -----------------------------------------------------------------------------------------------------------


def say(text: str, *, step: str = "") -> None:
    """Print a line for the user, after the name of the step that it is about."""
    if not _is_quiet:
        _to_stderr(f"{paint(step, 'bold')}: {printable(text)}" if step else printable(text))


def ask(question: str, *, step: str = "") -> None:
    """Print a question that waits for an answer, even when quiet."""
    line = f"{printable(question)} [y/N] "
    _to_stderr(f"{paint(step, 'bold')}: {line}" if step else line)


def prompt(question: str) -> None:
    """Print a question whose answer follows on the same line, even when quiet."""
    print(f"{printable(question)}: ", end="", file=sys.stderr, flush=True)


def done(text: str) -> None:
    """Print a line about something that succeeded."""
    if not _is_quiet:
        _to_stderr(f"{paint('✔', 'green')} {printable(text)}")


def left(text: str) -> None:
    """Print a line about something that was left out, without being a failure."""
    if not _is_quiet:
        _to_stderr(f"{paint('–', 'yellow')} {printable(text)}")


def failed(text: str) -> None:
    """Print a line about something that failed."""
    _to_stderr(f"{paint('✘', 'red')} {printable(text)}")


def hint(text: str | None) -> None:
    """Print what the user can do about the line before."""
    if text and not _is_quiet:
        _to_stderr(f"  {paint('hint:', 'dim')} {printable(text)}")


def warn(message: str, advice: str | None = None) -> None:
    _to_stderr(f"{paint('warning:', 'yellow')} {printable(message)}")
    hint(advice)


def show_error(error: ProjError) -> None:
    if isinstance(error, InvalidProject | MissingDep):
        for problem in error.problems:
            show_problem(problem, file=error.file)
        return
    place = f"{printable(error.place)}: " if error.place else ""
    _to_stderr(f"{place}{paint('error:', 'red')} {printable(error.message)}")
    hint(error.hint)


def show_problem(problem: Problem, *, file: str = "project.yml") -> None:
    """Print one finding about project.yml: its place, what is wrong, and the fix."""
    kind = paint("warning:", "yellow") if problem.is_warning else paint("error:", "red")
    place, _, message = printable(problem.located(file)).partition(": ")
    _to_stderr(f"{place}: {kind} {message}")
    hint(problem.hint)
    if is_on_github():
        from weaselish.cli.github import annotate

        annotate(problem, directory=_directory)


def _to_stderr(line: str) -> None:
    if is_on_github():
        from weaselish.cli.github import inert

        line = inert(line)
    print(line, file=sys.stderr, flush=True)


# -- stdout -----------------------------------------------------------------------------------------------------------


def show(text: str = "") -> None:
    """Print text on stdout; it may have several lines."""
    print(printable(text, keep="\n\t"), flush=True)


def show_heading(text: str) -> None:
    print(paint(text, "bold", sys.stdout))


def show_table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> None:
    from weaselish.cli.tables import table

    print(table(rows, header, stream=sys.stdout))


# -- colours ----------------------------------------------------------------------------------------------------------


def coloured(stream: object = None) -> bool:
    """Return whether colours may be used on a stream, stderr by default: only on a terminal, and not with NO_COLOR."""
    stream = stream or sys.stderr
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and is_terminal(stream)


def is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False


def paint(text: str, style: str, stream: object = None) -> str:
    """Return `text`, escaped, in a colour of `_COLOURS` or bold if the stream shows colours; `style` may be empty."""
    text = printable(text)
    if not text or not style or not coloured(stream):
        return text
    from wasabi.util import color

    return str(color(text, fg=_COLOURS[style], bold=style == "bold"))
