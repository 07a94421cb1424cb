"""The graph as text: boxes in rows with lines between them, or an indented list where boxes do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weaselish.durations import shown_duration
from weaselish.engine.picture import Picture
from weaselish.engine.status import Status
from weaselish.graphs.canvas import Canvas, Line, Part, text_width
from weaselish.graphs.nodes import Node, Nodes, count_statuses, nodes_of
from weaselish.named_tuple import NamedTuple
from weaselish.plan.layout import Size, Spacing, lay_out
from weaselish.terminal import printable

MOST_BOXES = 40  # more are a list
_ATTEMPTS = ((True, 1.0), (True, 0.8), (False, 1.0), (False, 0.8), (False, 0.6))  # with durations, share for boxes


class Mark(NamedTuple):
    """How text shows a status."""

    symbol: str
    plain: str  # without UTF-8
    style: str


MARKS: Mapping[Status, Mark] = {
    Status.UP_TO_DATE: Mark("✔", "+", "green"),
    Status.OUT_OF_DATE: Mark("●", "*", "yellow"),
    Status.NEVER_RAN: Mark("○", "o", "dim"),
    Status.UNRECORDED: Mark("◇", "~", "magenta"),
    Status.FAILED: Mark("✘", "x", "red"),
    Status.INTERRUPTED: Mark("‖", "!", "red"),
    Status.ALWAYS_RUNS: Mark("»", ">", "blue"),
    Status.UNKNOWN: Mark("?", "?", "yellow"),
}


def as_lines(picture: Picture, *, width: int, plain: bool) -> list[Line]:
    """Return the drawing for a terminal of `width` columns, with a legend. `plain` uses only ASCII for lines."""
    nodes = nodes_of(picture)
    lines = _boxes(nodes, width, plain) if len(nodes.nodes) <= MOST_BOXES else None
    if lines is None:
        lines = list(_indented(nodes, width, plain))
    return [*lines, [], *_legend(picture, width, plain)]


def _boxes(nodes: Nodes, width: int, plain: bool) -> list[Line] | None:
    """Return boxes in rows, or None if they do not fit."""
    for has_durations, share in _ATTEMPTS:
        labels = {node.name: _label(node, plain, has_durations) for node in nodes.nodes}
        sizes = {name: Size(_width(label) + 4, 3) for name, label in labels.items()}
        if any(size.width > width for size in sizes.values()):
            continue
        layout = lay_out(sizes, nodes.edges, Spacing(across=2, down=1, lane=3, widest=int(width * share)))
        lines = Canvas.draw(layout, labels, plain=plain) if layout.width <= width else None
        if lines is not None:
            return lines
    return None


def _label(node: Node, plain: bool, has_duration: bool = True) -> Line:
    """Return what a box says: symbol, name and duration; of a matrix how many steps have each status."""
    if node.is_group:
        name = node.name.replace("×", "x") if plain else node.name
        counts = [Part(f" {count}{_symbol(status, plain)}", MARKS[status].style) for status, count in node.counts]
        return [Part(printable(name), "bold"), Part(" "), *counts]
    step = node.steps[0]
    parts = [Part(_symbol(step.status, plain), MARKS[step.status].style), Part(" "), Part(printable(node.name), "bold")]
    if step.seconds is None or not has_duration:
        return parts
    return [*parts, Part(f"  {shown_duration(step.seconds)}", "dim")]


def _symbol(status: Status, plain: bool) -> str:
    return MARKS[status].plain if plain else MARKS[status].symbol


def _width(line: Line) -> int:
    return sum(text_width(part.text) for part in line)


def _indented(nodes: Nodes, width: int, plain: bool) -> Iterator[Line]:
    """Yield each step with its producers behind an arrow, below them and further to the right."""
    producers: dict[str, list[str]] = {node.name: [] for node in nodes.nodes}
    for source, target in nodes.edges:
        producers[target].append(source)
    levels: dict[str, int] = {}
    arrow = "<-" if plain else "←"
    for node in nodes.nodes:
        level = levels[node.name] = max((levels.get(name, 0) + 1 for name in producers[node.name]), default=0)
        indent = min(2 * level, width // 3)
        line: Line = [Part(" " * indent), *_label(node, plain)]
        words = [printable(name.replace("×", "x") if plain else name) for name in producers[node.name]]
        texts = [*(f"{word}," for word in words[:-1]), *words[-1:]]
        yield from _wrapped(
            line, [f"{arrow} {text}" if not at else text for at, text in enumerate(texts)], indent, width
        )


def _wrapped(line: Line, words: list[str], indent: int, width: int) -> Iterator[Line]:
    """Yield a line with words after it, on further lines where it is full."""
    used = _width(line)
    space = "  "
    for word in words:
        if used + len(space) + text_width(word) > width:
            yield line
            space = " " * (indent + 4)
            line, used = [], 0
        line = [*line, Part(space + word, "dim")]
        used += len(space) + text_width(word)
        space = " "
    yield line


def _legend(picture: Picture, width: int, plain: bool) -> Iterator[Line]:
    """Yield what the symbols stand for, and how long the critical path takes."""
    line: Line = []
    for status, count in count_statuses(picture.steps):
        parts = [Part(_symbol(status, plain), MARKS[status].style), Part(f" {count} {status.value}")]
        if line and _width(line) + 3 + _width(parts) > width:
            yield line
            line = []
        line = [*line, Part("   "), *parts] if line else parts
    yield line
    if len(picture.critical) > 1:
        yield from _critical(picture, width, plain)


def _critical(picture: Picture, width: int, plain: bool) -> Iterator[Line]:
    arrow = " > " if plain else " → "
    names = [printable(step) for step in picture.critical]
    words = [f"{name}{arrow}".rstrip() for name in names[:-1]] + names[-1:]
    yield from _wrapped([Part(f"critical path, {shown_duration(picture.critical_seconds)}:")], words, 0, width)
