"""Where to draw the boxes and edges of a graph: boxes in rows, every edge from top to bottom.

All numbers are whole, in the unit of the caller: pixels, or characters of a terminal. The same graph always gets the
same layout. The method is Sugiyama's: rows, then the order in each row, then positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weaselish.named_tuple import NamedTuple
from weaselish.plan.rows import Rows, make_rows

_ROUNDS = 8  # of moving elements towards their neighbours
_BOX = 3.0  # how much more a box pulls than an edge that passes
_LOOSE = 0.05  # weight of an element without neighbours: it stays where there is room


class Size(NamedTuple):
    width: int
    height: int


class Box(NamedTuple):
    """The place of a node. `x` and `y` are its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height


class Lane(NamedTuple):
    """Where an edge passes a row of boxes: straight down at `x`."""

    x: int
    top: int
    bottom: int


class Route(NamedTuple):
    """The way of an edge: from the bottom of one box, through lanes, to the top of another."""

    source: str
    target: str
    lanes: tuple[Lane, ...]


class Row(NamedTuple):
    """Boxes side by side, and the space that they share."""

    nodes: tuple[str, ...]  # from left to right
    top: int
    bottom: int


class Layout(NamedTuple):
    boxes: Mapping[str, Box]  # in the order of the nodes
    routes: tuple[Route, ...]
    rows: tuple[Row, ...]
    width: int
    height: int


class Spacing(NamedTuple):
    """The room between boxes. A row gets no wider than `widest`, unless one box or the edges beside it need more."""

    across: int
    down: int
    lane: int  # width of an edge that passes a row
    widest: int
    per_link: int = 0  # further room between rows for each edge between them, up to twice `down`


def lay_out(sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]], spacing: Spacing) -> Layout:
    """Return the layout of nodes and edges. The edges have no cycle, and each end is a node."""
    numbers = {name: number for number, name in enumerate(sizes)}
    links = sorted({(numbers[source], numbers[target]) for source, target in edges})
    widths = [size.width for size in sizes.values()]
    rows = make_rows(widths, links, gap=spacing.across, widest=spacing.widest)
    lefts = _positions(rows, widths, spacing)
    heights = [size.height for size in sizes.values()]
    bounds = _vertical(rows, heights, spacing)
    level = {element: number for number, row in enumerate(rows.rows) for element in row}
    boxes = {}
    for name, number in numbers.items():
        top, bottom = bounds[level[number]]
        height = heights[number]
        boxes[name] = Box(lefts[number], top + (bottom - top - height) // 2, widths[number], height)
    names = list(sizes)
    lanes = {key: Lane(lefts[lane] + spacing.lane // 2, *bounds[key[1]]) for key, lane in rows.lanes.items()}
    routes = tuple(
        Route(
            names[source],
            names[target],
            tuple(lanes[source, between] for between in range(level[source] + 1, level[target])),
        )
        for source, target in links
    )
    shown = tuple(
        Row(tuple(names[element] for element in row if element < len(names)), *bounds[number])
        for number, row in enumerate(rows.rows)
    )
    rights = [left + (widths[element] if element < len(widths) else spacing.lane) for element, left in enumerate(lefts)]
    return Layout(boxes, routes, shown, max(rights, default=0), bounds[-1][1] if bounds else 0)


def _vertical(rows: Rows, heights: Sequence[int], spacing: Spacing) -> list[tuple[int, int]]:
    """Return top and bottom of each row."""
    bounds = []
    top = 0
    for row in rows.rows:
        bottom = top + max((heights[element] for element in row if element < len(heights)), default=0)
        bounds.append((top, bottom))
        links = sum(len(rows.below[element]) for element in row)
        top = bottom + spacing.down + min(2 * spacing.down, spacing.per_link * links)
    return bounds


class _Line(NamedTuple):
    """A row of elements with the smallest distance of each from the row's start."""

    elements: list[int]
    offsets: list[int]
    width: int


def _positions(rows: Rows, widths: Sequence[int], spacing: Spacing) -> list[int]:
    """Return the left edge of each element: near the middle of its neighbours, in order, without overlaps."""
    size = [*widths, *[spacing.lane] * (len(rows.above) - len(widths))]
    lines = [_line(row, size, len(widths), spacing.across) for row in rows.rows]
    needed = max((line.width for line in lines), default=0)
    room = max(needed, min(needed * 5 // 4, spacing.widest))
    lefts = [0.0] * len(size)
    for line in lines:
        for element, offset in zip(line.elements, line.offsets, strict=True):
            lefts[element] = offset + (room - line.width) / 2
    both = [[*above, *below] for above, below in zip(rows.above, rows.below, strict=True)]
    for number in range(_ROUNDS):
        last = number == _ROUNDS - 1
        for line in lines:
            _pull(line, both if last else rows.above, lefts, size, room, len(widths))
        for line in reversed(lines):
            _pull(line, both if last else rows.below, lefts, size, room, len(widths))
    whole = [0] * len(size)
    for line in lines:
        for element, offset in zip(line.elements, line.offsets, strict=True):
            whole[element] = offset + int(lefts[element] - offset + 0.5)
    start = min(whole, default=0)
    return [left - start for left in whole]


def _line(row: list[int], size: Sequence[int], nodes: int, across: int) -> _Line:
    offsets, at = [], 0
    for index, element in enumerate(row):
        if index:
            at += across if element < nodes and row[index - 1] < nodes else (across + 1) // 2
        offsets.append(at)
        at += size[element]
    return _Line(row, offsets, at)


def _pull(
    line: _Line, linked: Sequence[Sequence[int]], lefts: list[float], size: Sequence[int], room: int, nodes: int
) -> None:
    """Move a row's elements as close to their neighbours' middle as their order and the room allow."""
    wishes, weights = [], []
    for element, offset in zip(line.elements, line.offsets, strict=True):
        others = linked[element]
        if others:
            pulls = [_BOX if other < nodes else 1.0 for other in others]
            middle = sum((lefts[other] + size[other] / 2) * pull for other, pull in zip(others, pulls, strict=True))
            middle /= sum(pulls)
            wishes.append(middle - size[element] / 2 - offset)
            weights.append(1.0 if element < nodes else 2.0)
        else:
            wishes.append(lefts[element] - offset)
            weights.append(_LOOSE)
    for element, offset, at in zip(line.elements, line.offsets, _rising(wishes, weights), strict=True):
        lefts[element] = offset + min(max(at, 0.0), float(room - line.width))


def _rising(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the numbers closest to `wishes` of which none is smaller than the one before (isotonic regression)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for wish, weight in zip(wishes, weights, strict=True):
        mean, total, count = wish, weight, 1
        while pools and pools[-1][0] >= mean:
            earlier, heavy, many = pools.pop()
            mean = (earlier * heavy + mean * total) / (heavy + total)
            total += heavy
            count += many
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]
