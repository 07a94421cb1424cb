"""How things look on the console: colours, errors, tables. Results go to stdout, all else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence

from weaselish.errors import InvalidProject, ProjError

_MEANWHILE = 0.1  # seconds; until then the first scripts are being started
_COLOURS = {"red": "red", "green": "green", "yellow": "yellow", "dim": "grey", "bold": None}


def coloured(stream: object = None) -> bool:
    """Whether colours may be used on a stream (stderr unless said): only on a terminal, and not with NO_COLOR."""
    stream = stream or sys.stderr
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and _is_terminal(stream)


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False


def paint(text: str, style: str, stream: object = None) -> str:
    """`text` in a colour of `_COLOURS`, or bold, where that may be."""
    if not text or not coloured(stream):
        return text
    from wasabi.util import color

    return str(color(text, fg=_COLOURS[style], bold=style == "bold"))


def say(text: str) -> None:
    """A line for the user on stderr."""
    print(text, file=sys.stderr, flush=True)


def warn(message: str, hint: str | None = None) -> None:
    say(f"{paint('warning:', 'yellow')} {message}")
    say_hint(hint)


def say_hint(hint: str | None) -> None:
    if hint:
        say(f"  {paint('hint:', 'dim')} {hint}")


def show_error(error: ProjError) -> None:
    if isinstance(error, InvalidProject):
        for problem in error.problems:
            kind = paint("warning:", "yellow") if problem.is_warning else paint("error:", "red")
            say(f"{problem.located(error.file).replace(': ', f': {kind} ', 1)}")
            say_hint(problem.hint)
        return
    place = f"{error.place}: " if error.place else ""
    say(f"{place}{paint('error:', 'red')} {error.message}")
    say_hint(error.hint)


def expect_table() -> None:
    """A table will be shown at the end: what lays it out, 10 ms of imports, is loaded while scripts run."""
    import threading

    loading = threading.Timer(_MEANWHILE, _table_maker)
    loading.daemon = True
    loading.start()


def table(rows: Iterable[Sequence[str]], header: Sequence[str], *, stream: object = None) -> str:
    """A table as wide as its cells, its last column cut at the terminal's edge."""
    import shutil

    cells = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in [header, *cells]) for column in range(len(header))]
    room = shutil.get_terminal_size((100, 24)).columns - sum(widths[:-1]) - 3 * (len(header) - 1) - 1
    if _is_terminal(stream or sys.stderr):
        for row in cells:
            row[-1] = row[-1] if len(row[-1]) <= max(room, 20) else row[-1][: max(room, 20) - 1] + "…"
    text = _table_maker()(cells, header=list(header), divider=True, max_col=1000)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _table_maker() -> Callable[..., str]:
    from wasabi.tables import table as make

    return make


def counted(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """`0.3 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
