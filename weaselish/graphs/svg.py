"""The graph as SVG: a file of its own, and the part that the page of HTML contains."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files

from weaselish.durations import shown_duration
from weaselish.engine.picture import DrawnStep, Picture
from weaselish.graphs.markup import ICONS, LABELS, SLUGS, centre_cut, escaped, shown_width
from weaselish.graphs.nodes import Node, Nodes, count_statuses, nodes_of, short_name
from weaselish.named_tuple import NamedTuple
from weaselish.plan.layout import Box, Layout, Size, Spacing, lay_out

_ASPECT = 1.5  # width of a large drawing by its height
_NARROWEST, _WIDEST = 760, 2600
_HEIGHT = 50  # of a box with one step
_CELL, _HEAD, _PAD = 30, 32, 10  # of a box with several: a cell's height, that of its heading, its margin
_LONGEST = 34  # characters of a name; the rest is in the tooltip
_MARGIN = 28
_NEAR = 24  # pixels that a single edge may arrive beside the middle, so that it is straight
_LEGEND = 44
_MOST_LANES = 12  # rows that an edge passes in curves


class Drawing(NamedTuple):
    """The content of an `<svg>` and its size in pixels. The elements of steps are numbered as in the picture."""

    content: str
    width: int
    height: int
    places: tuple[Box, ...]  # of the steps, in their order


def as_svg(picture: Picture) -> str:
    """Return a complete file. It follows the reader's choice of light or dark."""
    drawing = draw(picture)
    legend, needed = _legend(picture)
    width = max(drawing.width, needed) + 2 * _MARGIN
    height = drawing.height + 2 * _MARGIN + _LEGEND
    title = escaped(picture.title or "Graph")
    left = (width - drawing.width) // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' class="graph" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>\n{resource('graph.css')}</style>\n{definitions()}\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<g transform="translate({left} {_MARGIN})">\n{drawing.content}\n</g>\n'
        f'<g transform="translate({_MARGIN} {height - _MARGIN})">\n{legend}\n</g>\n</svg>\n'
    )


def draw(picture: Picture, link: Callable[[DrawnStep], str] | None = None, *, titles_name: bool = False) -> Drawing:
    """Lay out the picture and return its boxes and edges.

    With `link`, each step leads to that address. With `titles_name`, titles name the steps for screen readers, which
    audits prefer; else labels do, which say more.
    """
    nodes = nodes_of(picture)
    sizes = {node.name: _size(node) for node in nodes.nodes}
    layout = lay_out(sizes, nodes.edges, Spacing(28, 46, 18, _widest(sizes.values()), per_link=3))
    numbers = {str(step.step): number for number, step in enumerate(picture.steps)}
    places: dict[int, Box] = {}
    boxes: list[str] = []
    for node in nodes.nodes:
        for step, box in _places(node, layout.boxes[node.name]):
            places[numbers[step.step]] = box
        boxes += _box(node, layout.boxes[node.name], numbers, link, titles_name=titles_name or link is not None)
    content = [
        '<g class="frames">',
        *(_frame(node, layout.boxes[node.name]) for node in nodes.nodes if node.is_group),
        '</g>\n<g class="edges">',
        *_edges(layout, nodes, picture, numbers),
        '</g>\n<g class="steps">',
        *boxes,
        "</g>",
    ]
    return Drawing("\n".join(content), layout.width, layout.height, tuple(places[number] for number in sorted(places)))


def resource(name: str) -> str:
    """Return the text of a file of this package."""
    return files("weaselish.graphs").joinpath(name).read_text("utf-8")


def definitions() -> str:
    """Return the heads of arrows and the icons that a drawing refers to."""
    arrows = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9"'
        f' markerUnits="userSpaceOnUse" orient="auto"><path class="{name}" d="M0 1L10 5L0 9z"/></marker>'
        for name in ("arrow", "arrow-critical", "arrow-lit")
    )
    icons = "".join(f'<g id="icon-{SLUGS[status]}">{shape}</g>' for status, shape in ICONS.items())
    return f"<defs>{arrows}{icons}</defs>"


# -- sizes ------------------------------------------------------------------------------------------------------------


def _size(node: Node) -> Size:
    if not node.is_group:
        step = node.steps[0]
        width = max(shown_width(centre_cut(step.step, _LONGEST)), _small_width(_detail(step)))
        return Size(max(140, 2 * math.ceil((width + 58) / 2)), _HEIGHT)
    columns, cell = _grid(node)
    rows = math.ceil(len(node.steps) / columns)
    heading = shown_width(centre_cut(node.name, _LONGEST)) + 2 * _PAD + 8
    return Size(max(columns * (cell + 6) - 6 + 2 * _PAD, heading), _HEAD + rows * (_CELL + 6) - 6 + _PAD)


def _grid(node: Node) -> tuple[int, int]:
    """Return how many cells stand side by side, and the width of a cell."""
    names = (centre_cut(short_name(step), _LONGEST) for step in node.steps)
    cell = max(84, 2 * math.ceil((max(map(shown_width, names)) + 44) / 2))
    count = len(node.steps)
    return max(1, min(count, math.ceil(math.sqrt(count * 3 * _CELL / cell)))), cell


def _widest(sizes: Iterable[Size]) -> int:
    """Return the width of rows at which a drawing is neither a ribbon nor a tower."""
    area = sum((size.width + 28) * (size.height + 90) for size in sizes)
    return int(min(_WIDEST, max(_NARROWEST, math.sqrt(area * _ASPECT))))


def _small_width(text: str) -> int:
    return math.ceil(6.2 * len(text))


# -- boxes ------------------------------------------------------------------------------------------------------------


def _places(node: Node, box: Box) -> Iterator[tuple[DrawnStep, Box]]:
    """Yield each step of a node with its own place."""
    if not node.is_group:
        yield node.steps[0], box
        return
    columns, _ = _grid(node)
    cell = (box.width - 2 * _PAD + 6) // columns - 6
    for index, step in enumerate(node.steps):
        row, column = divmod(index, columns)
        yield step, Box(box.x + _PAD + column * (cell + 6), box.y + _HEAD + row * (_CELL + 6), cell, _CELL)


def _frame(node: Node, box: Box) -> str:
    heading = escaped(centre_cut(node.name, _LONGEST))
    return (
        f'<rect class="frame" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="12"/>'
        f'<text class="heading" x="{box.x + _PAD + 2}" y="{box.y + 21}">{heading}</text>'
    )


def _box(
    node: Node,
    box: Box,
    numbers: dict[str, int],
    link: Callable[[DrawnStep], str] | None,
    *,
    titles_name: bool,
) -> Iterator[str]:
    for step, place in _places(node, box):
        name = short_name(step) if node.is_group else step.step
        is_cut = centre_cut(name, _LONGEST) != name
        slug = SLUGS[step.status]
        label = f"{step.step}, {_detail(step)}{', on the critical path' if step.is_critical else ''}"
        tag, href = ("g", "") if link is None else ("a", f' href="{escaped(link(step))}"')
        aria = f' aria-label="{escaped(label)}"' if not titles_name else ""
        kind = f"{slug}{' critical' if step.is_critical else ''}{' cell' if node.is_group else ''}"
        yield (
            f'<{tag}{href} class="step {kind}"'
            f' id="step-{numbers[step.step]}" transform="translate({place.x} {place.y})"{aria}>'
            f"<title>{escaped(step.step if is_cut and not titles_name else _tooltip(step))}</title>"
            f'<rect class="card" width="{place.width}" height="{place.height}" rx="{7 if node.is_group else 9}"/>'
            f"{_inside(step, name, is_small=node.is_group)}</{tag}>"
        )


def _inside(step: DrawnStep, name: str, *, is_small: bool) -> str:
    shown = escaped(centre_cut(name, _LONGEST))
    slug = SLUGS[step.status]
    if is_small:
        return (
            f'<use href="#icon-{slug}" transform="translate(16 {_CELL // 2}) scale(.8)"/>'
            f'<text class="name" x="30" y="{_CELL // 2 + 4}">{shown}</text>'
        )
    return (
        f'<use href="#icon-{slug}" x="22" y="{_HEIGHT // 2}"/>'
        f'<text class="name" x="41" y="22">{shown}</text>'
        f'<text class="detail" x="41" y="38">{escaped(_detail(step))}</text>'
    )


def _detail(step: DrawnStep) -> str:
    """Return the status, and how long the step usually takes."""
    label = LABELS[step.status]
    return label if step.seconds is None else f"{label} · {shown_duration(step.seconds)}"


def _tooltip(step: DrawnStep) -> str:
    return "\n".join([f"{step.step}: {_detail(step)}", *map(str, step.reasons[:8])])


# -- edges ------------------------------------------------------------------------------------------------------------


def _edges(layout: Layout, nodes: Nodes, picture: Picture, numbers: dict[str, int]) -> Iterator[str]:
    """Yield the edges, those of the critical path last, so that they are on top."""
    critical = {(nodes.node_of[source], nodes.node_of[target]) for source, target in picture.critical_edges}
    members = {node.name: node.steps for node in nodes.nodes}
    arrivals = _arrivals(layout)
    ends = {row: (row.top, row.bottom) for row in layout.rows}
    bounds = {name: ends[row] for row in layout.rows for name in row.nodes}
    for route in sorted(layout.routes, key=lambda route: (route.source, route.target) in critical):
        is_critical = (route.source, route.target) in critical
        source, target = layout.boxes[route.source], layout.boxes[route.target]
        arrival = target.middle + arrivals[route.source, route.target]
        path = [f"M{source.middle} {source.bottom}"]
        if source.bottom != bounds[route.source][1]:
            path.append(f"V{bounds[route.source][1]}")
        x, y = source.middle, bounds[route.source][1]
        lanes = route.lanes if len(route.lanes) <= _MOST_LANES else route.lanes[:1]
        for lane in lanes:
            path += [_curve(x, y, lane.x, lane.top), f"V{lane.bottom}"]
            x, y = lane.x, lane.bottom
        if lanes != route.lanes:  # straight behind the boxes: a drawing with all of these curves is huge
            x, y = route.lanes[-1].x, route.lanes[-1].bottom
            path.append(f"L{x} {y}")
        path.append(_curve(x, y, arrival, bounds[route.target][0]))
        if target.y != bounds[route.target][0]:
            path.append(f"V{target.y}")
        froms, tos = (
            " ".join(str(numbers[step.step]) for step in members[end]) for end in (route.source, route.target)
        )
        yield (
            f'<path class="edge{" critical" if is_critical else ""}" d="{"".join(path)}"'
            f' data-from="{froms}" data-to="{tos}"/>'
        )


def _curve(x: int, y: int, to_x: int, to_y: int) -> str:
    """Return a curve that leaves and arrives vertically, between the rows all the time."""
    if x == to_x:
        return f"V{to_y}"
    middle = (y + to_y) // 2
    return f"C{x} {middle} {to_x} {middle} {to_x} {to_y}"


def _arrivals(layout: Layout) -> dict[tuple[str, str], int]:
    """Return how far from the middle of the target each edge arrives, in the order in which the edges come."""
    arriving: dict[str, list[tuple[int, str]]] = {}
    for route in layout.routes:
        x = route.lanes[-1].x if route.lanes else layout.boxes[route.source].middle
        arriving.setdefault(route.target, []).append((x, route.source))
    offsets = {}
    for target, found in arriving.items():
        if len(found) == 1 and abs(found[0][0] - layout.boxes[target].middle) <= _NEAR:
            offsets[found[0][1], target] = found[0][0] - layout.boxes[target].middle
            continue
        step = min(16.0, (layout.boxes[target].width - 40) / max(1, len(found) - 1))
        for index, (_, source) in enumerate(sorted(found)):
            offsets[source, target] = round((index - (len(found) - 1) / 2) * step)
    return offsets


def _legend(picture: Picture) -> tuple[str, int]:
    """Return what the icons stand for, and the width of that."""
    parts, x = [], 0
    for status, count in count_statuses(picture.steps):
        text = f"{count} {LABELS[status]}"
        parts.append(f'<use href="#icon-{SLUGS[status]}" x="{x + 8}"/>{_note(x + 22, text)}')
        x += 22 + _small_width(text) + 22
    if len(picture.critical) > 1:
        text = f"critical path: {shown_duration(picture.critical_seconds)}"
        parts.append(f'<path class="edge critical plain" d="M{x} 0h24"/>{_note(x + 32, text)}')
        x += 32 + _small_width(text)
    return "\n".join(parts), x


def _note(x: int, text: str) -> str:
    return f'<text class="detail" x="{x}" y="4">{text}</text>'
