"""`proj log --metrics`: runs by metric, as a table, Markdown, JSON or a plot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import hint, is_terminal, paint, say, show
from weaselish.cli.markdown import markdown_table
from weaselish.cli.opening import show_note
from weaselish.cli.tables import layout
from weaselish.cli.units import shown_time
from weaselish.errors import ProjError, UsageError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.metrics import number_of, shown_value
from weaselish.plan.run_ids import short_ids
from weaselish.terminal import printable

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.metrics_table import MetricsRow, MetricsTable
    from weaselish.graphs.plot import Point

_MANY = 12  # columns above which a hint names how to show fewer


class MetricsView(NamedTuple):
    """How to show metrics."""

    most: int
    sort: str | None = None
    plot: str | None = None
    svg: str | None = None
    as_json: bool = False
    as_markdown: bool = False


def show_metrics(project: Project, names: Sequence[str], view: MetricsView) -> int:
    """Show the metrics of the runs named."""
    if view.svg and not view.plot:
        raise UsageError("`--svg` needs `--plot METRIC`", hint="proj log --plot METRIC --svg FILE")
    found = project.metrics(*names, sort=view.sort, most=view.most, on_event=show_note)
    if view.plot:
        points = _points(found, view.plot)
        _plot(view, points)
    elif view.as_json:
        from weaselish.cli.json_output import print_json

        print_json([{**row._asdict(), "values": dict(row.values)} for row in found.rows])
    elif not found.rows:
        say("no run has metrics yet")
        hint("list the files that a script writes them to under `metrics:` in project.yml")
    elif view.as_markdown:
        show(markdown_table(*_table(found)))
    else:
        _show(found)
    return 0


# -- tables -----------------------------------------------------------------------------------------------------------


def _table(found: MetricsTable) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    ids = short_ids(row.run for row in found.rows)
    rows = [
        (
            ids[row.run],
            shown_time(row.started),
            row.command,
            *(shown_value(row.values.get(column)) for column in found.columns),
        )
        for row in found.rows
    ]
    return rows, ("run", "when", "command", *found.columns)


def _show(found: MetricsTable) -> None:
    """Print a table; on a terminal that is too narrow for it, a block for each run."""
    import shutil

    rows, header = _table(found)
    text = layout(rows, header, sys.maxsize)
    width = shutil.get_terminal_size((100, 24)).columns
    if is_terminal(sys.stdout) and max(map(len, text.splitlines())) > width:
        text = "\n\n".join("\n".join(_block(row, header)) for row in rows)
    print(text)
    if len(found.columns) > _MANY:
        hint(f"these are {len(found.columns)} metrics; name those that you need: proj log --metrics NAME...")


def _block(row: Sequence[str], header: Sequence[str]) -> Iterator[str]:
    run, when, command, *values = row
    yield paint(f"{command}  {run}", "bold", sys.stdout)
    yield f"  {when}"
    for name, value in zip(header[3:], values, strict=True):
        if value:
            yield printable(f"  {name}: {value}")


# -- plots ------------------------------------------------------------------------------------------------------------


def _points(found: MetricsTable, metric: str) -> list[Point]:
    """Return the runs that have a finite number for a metric. Raises UnknownName, and ProjError if none has."""
    from weaselish.graphs.plot import Point

    rows = found.selected([metric]).rows
    points = [
        Point(label, number, step=row.command)
        for label, row in zip(_labels(rows), rows, strict=True)
        if (number := number_of(row.values[metric])) is not None and abs(number) < float("inf")
    ]
    if not points:
        raise ProjError(f"no run has a number as `{metric}`")
    return points


def _labels(rows: Sequence[MetricsRow]) -> list[str]:
    """Return what tells the runs apart: their commands, or else their ids."""
    if len({row.command for row in rows}) == len(rows) > 1:
        return [row.command for row in rows]
    ids = short_ids(row.run for row in rows)
    return [ids[row.run] for row in rows]


def _plot(view: MetricsView, points: Sequence[Point]) -> None:
    assert view.plot is not None
    if view.svg:
        from pathlib import Path

        from weaselish.cli.svg_plot import svg_plot
        from weaselish.files.atomic import write_atomically, writing

        with writing(f"`{view.svg}`"):
            write_atomically(Path(view.svg), [svg_plot(points, view.plot).encode()])
        say(f"wrote `{view.svg}`")
    else:
        from weaselish.cli.plot import text_plot

        show(text_plot(points, view.plot))
