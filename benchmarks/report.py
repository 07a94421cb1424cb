"""Results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.measure import CannotDo, Figures, TooLong, Wrong
from benchmarks.run import Cell, Results
from benchmarks.tools.base import Tool
from benchmarks.workloads.base import Shown, Workload

_OWN = "proj"
_MARK: dict[Shown, str] = {"cpu": "", "wall": " (w)"}


def tables(workloads: Sequence[Workload], tools: Sequence[Tool], results: Results, scratch: Path) -> dict[str, str]:
    """By group: seconds, memory where it matters, and what must be known to read them."""
    made = {}
    for group in dict.fromkeys(workload.group for workload in workloads):
        members = [workload for workload in workloads if workload.group == group]
        rows = {title: shown for workload in members for title, shown in workload.rows.items()}
        measured = [tool for tool in tools if any(_counts(results.cells.get((row, tool.name))) for row in rows)]
        table = _Table(rows, measured, results)
        lines = [*table.seconds()]
        if any(workload.shows_memory for workload in members):
            lines += ["", "Peak memory, MiB:", "", *table.memory()]
        made[group] = "\n".join([*lines, "", *_told(rows, measured, results, scratch)])
    return made


def insert(file: Path, group: str, table: str) -> None:
    """Put a table between its two marks in a Markdown file; at the end if there are none."""
    begin, end = f"<!-- table: {group} -->", f"<!-- end of table: {group} -->"
    text = file.read_text() if file.exists() else ""
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    file.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")


def _counts(cell: Cell | None) -> bool:
    return cell is not None and not isinstance(cell, CannotDo)


class _Table:
    """A row for each title, a column for each tool, and one for what is no tool but a limit."""

    def __init__(self, rows: Mapping[str, Shown], tools: Sequence[Tool], results: Results) -> None:
        self._rows = rows
        self._tools = [tool for tool in tools if not tool.is_limit]
        self._limits = [tool for tool in tools if tool.is_limit]
        self._cells = results.cells

    def seconds(self) -> Iterator[str]:
        yield from self._head(*(["limit"] if self._limits else []))
        for row, shown in self._rows.items():
            own = self._cells.get((row, _OWN))
            cells = [_cell(self._cells.get((row, tool.name)), shown, own) for tool in self._tools]
            least = [(tool.name, self._cells.get((row, tool.name))) for tool in self._limits]
            texts = [f"{_seconds(_figure(cell, shown))} {name}" for name, cell in least if isinstance(cell, Figures)]
            yield _line([row + _MARK[shown], *cells, *([", ".join(texts)] if self._limits else [])])

    def memory(self) -> Iterator[str]:
        yield from self._head()
        for row in self._rows:
            cells = [self._cells.get((row, tool.name)) for tool in self._tools]
            yield _line([row, *(f"{cell.memory:.0f}" if isinstance(cell, Figures) else "–" for cell in cells)])

    def _head(self, *more: str) -> Iterator[str]:
        titles = ["", *(tool.name for tool in self._tools), *more]
        yield _line(titles)
        yield "|---" * len(titles) + "|"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell | None, shown: Shown, own: Cell | None) -> str:
    match cell:
        case Figures():
            seconds = _seconds(_figure(cell, shown))
            if own is cell or not isinstance(own, Figures):
                return seconds
            return f"{seconds} ({_ratio(_figure(cell, shown) / _figure(own, shown))} ×)"
        case TooLong():
            return f"> {cell.seconds:.0f}"
        case Wrong():
            return "error"
        case _:
            return "–"


def _figure(figures: Figures, shown: Shown) -> float:
    return figures.cpu if shown == "cpu" else figures.wall


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 0.1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _told(rows: Mapping[str, Shown], measured: Sequence[Tool], results: Results, scratch: Path) -> Iterator[str]:
    """The date, the machine and the versions; why there is no figure where there is none."""
    yield f"{date.today()}, medians of {results.runs} interleaved runs, on {machine(scratch)}."
    yield f"{', '.join(f'{tool.name} {tool.version()}' for tool in measured if not tool.is_limit)}."
    whys: dict[str, None] = {}
    for tool in measured:
        for row in rows:
            cell = results.cells.get((row, tool.name))
            if isinstance(cell, Wrong):
                whys[f"error: {tool.name}, {row}: {cell}"] = None
            elif isinstance(cell, CannotDo) and not tool.is_limit:
                whys[f"–: {cell}"] = None
    whys |= dict.fromkeys(results.missing.values())
    if whys:
        yield ""
        yield from (f"- {why}" for why in whys)
