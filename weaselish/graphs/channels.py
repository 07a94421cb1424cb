"""Routes the edges between two rows of boxes as lines of characters.

Each source has one net: down from its box or lane, along a track, and down to all boxes and lanes that it leads to. A
column belongs to one net at most, so nets cross but never touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weaselish.named_tuple import NamedTuple
from weaselish.plan.layout import Box, Layout

_CROWD = 4  # columns that a line goes out of its way to keep clear of another


class Net(NamedTuple):
    """The lines of one source between two rows. `bottoms` are columns, and whether a box is below, not a lane."""

    source: str
    top: int
    bottoms: tuple[tuple[int, bool], ...]
    track: int = 0

    @property
    def columns(self) -> list[int]:
        return [self.top, *(column for column, _ in self.bottoms)]

    @property
    def is_bent(self) -> bool:
        """Return whether it needs a track: it leads elsewhere than straight down."""
        return any(column != self.top for column, _ in self.bottoms)


class Channel(NamedTuple):
    """The space below a row. `passing` are the columns at which lanes pass the row itself."""

    passing: tuple[int, ...]
    nets: tuple[Net, ...]
    height: int


class _End(NamedTuple):
    """Where a net arrives: in a box or lane that spans these columns."""

    source: str
    target: str  # a box, or "" for the lane of the source
    left: int
    right: int
    wish: int


def make_channels(layout: Layout) -> list[Channel] | None:
    """Return the channel below each row, or None if there are too few columns for all nets."""
    level = {name: number for number, row in enumerate(layout.rows) for name in row.nodes}
    ends: list[dict[tuple[str, str], _End]] = [{} for _ in layout.rows]
    for route in layout.routes:
        first = level[route.source]
        for number, lane in enumerate(route.lanes):
            ends[first + number][route.source, ""] = _End(route.source, "", lane.x - 1, lane.x + 1, lane.x)
        box = layout.boxes[route.target]
        ends[level[route.target] - 1][route.source, route.target] = _end(route.source, route.target, box)
    channels: list[Channel] = []
    lanes: dict[str, int] = {}  # the column of each lane in the row
    for number, row in enumerate(layout.rows):
        tops = {**lanes, **{name: layout.boxes[name].middle for name in row.nodes}}
        nets = _nets(tops, list(ends[number].values()))
        if nets is None:
            return None
        channels.append(Channel(tuple(lanes.values()), *_on_tracks(nets, is_last=number == len(layout.rows) - 1)))
        lanes = {net.source: column for net in nets for column, is_box in net.bottoms if not is_box}
    return channels


def _end(source: str, target: str, box: Box) -> _End:
    return _End(source, target, box.x + 1, box.right - 2, box.middle)


def _nets(tops: dict[str, int], ends: Sequence[_End]) -> list[Net] | None:
    """Give each end a column that no other net uses, as far left as its source stands among those of the target."""
    owner = {tops[source]: source for source in {end.source: None for end in ends}}
    bottoms: dict[str, list[tuple[int, bool]]] = {}
    arriving: dict[str, int] = {}
    for end in ends:
        arriving[end.target] = arriving.get(end.target, 0) + 1
    placed: dict[str, int] = {}
    for end in sorted(ends, key=lambda end: (end.target != "", end.left, tops[end.source])):
        column = _column(end, tops[end.source], owner, placed.get(end.target, 0), arriving[end.target])
        if column is None:
            return None
        placed[end.target] = placed.get(end.target, 0) + 1
        owner[column] = end.source
        bottoms.setdefault(end.source, []).append((column, end.target != ""))
    return [Net(source, tops[source], tuple(sorted(found))) for source, found in bottoms.items()]


def _column(end: _End, top: int, owner: dict[int, str], index: int, count: int) -> int | None:
    """Return the free column closest to where the end should be, preferring straight lines."""
    free = [column for column in range(end.left, end.right + 1) if owner.get(column, end.source) == end.source]
    if top in free and (count == 1 or not end.target):
        return top
    step = 2 if (end.right - end.left) >= 2 * count else 1
    wish = end.wish + (2 * index - count + 1) * step // 2 if end.target else end.wish

    def cost(column: int) -> tuple[int, int]:
        crowd = sum(owner.get(beside, end.source) != end.source for beside in (column - 1, column + 1))
        return abs(column - wish) + _CROWD * crowd, column

    return min(free, key=cost, default=None)


def _on_tracks(nets: Iterable[Net], *, is_last: bool) -> tuple[tuple[Net, ...], int]:
    """Return the nets with tracks on which they do not overlap, and how many rows these take."""
    tracks: list[list[Net]] = []
    placed = []
    for net in sorted(nets, key=lambda net: (max(net.columns) - min(net.columns), net.top)):
        if not net.is_bent:
            placed.append(net)
            continue
        track = next((number for number, row in enumerate(tracks) if not _overlaps(net, row)), len(tracks))
        if track == len(tracks):
            tracks.append([])
        tracks[track].append(net)
        placed.append(net._replace(track=track))
    return tuple(placed), 0 if is_last else max(1, len(tracks))


def _overlaps(net: Net, others: Iterable[Net]) -> bool:
    low, high = min(net.columns), max(net.columns)
    return any(low <= max(other.columns) and min(other.columns) <= high for other in others)
