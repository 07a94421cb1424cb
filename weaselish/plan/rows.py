"""Puts the nodes of a directed acyclic graph into rows, and orders each row so that few edges cross.

A node is a number. An edge that spans several rows passes those between through lanes: one lane for each row and
source, so that all edges of a source share them. Nodes and lanes together are the elements of a row.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from weaselish.named_tuple import NamedTuple

_SWEEPS = 12  # rounds of ordering; fewer for large graphs
_WORK = 60_000  # elements that all sweeps together may move

Edge = tuple[int, int]


class Rows(NamedTuple):
    """Elements by row, in their order from left to right. Elements up to the number of nodes are nodes."""

    rows: list[list[int]]
    above: list[list[int]]  # element -> those that it is linked with in the row above
    below: list[list[int]]
    lanes: dict[tuple[int, int], int]  # (source, row) -> the element through which its edges pass the row


def make_rows(widths: Sequence[int], edges: Sequence[Edge], *, gap: int, widest: int) -> Rows:
    """Return the rows of nodes with these widths. A row is at most `widest`, except for one that has a single node."""
    levels = assign_rows(widths, edges, gap=gap, widest=widest)
    rows = _with_lanes(levels, edges)
    _order(rows)
    return rows


def assign_rows(widths: Sequence[int], edges: Sequence[Edge], *, gap: int, widest: int) -> list[int]:
    """Return the row of each node: after those of its producers, and close to its consumers."""
    before, after = _neighbours(len(widths), edges)
    order = _sorted_by_need(before, after)
    tails = [0] * len(widths)  # edges on the longest way to an end
    for node in reversed(order):
        tails[node] = max((tails[other] + 1 for other in after[node]), default=0)
    levels = [-1] * len(widths)
    used: list[int] = []
    missing = [len(nodes) for nodes in before]
    ready = sorted((node for node in order if not missing[node]), key=lambda node: (-tails[node], node))
    while ready:
        row, later = _fill(ready, widths, gap, widest)
        used.append(sum(widths[node] + gap for node in row))
        for node in row:
            levels[node] = len(used) - 1
            for other in after[node]:
                missing[other] -= 1
                if not missing[other]:
                    later.append(other)
        ready = sorted(later, key=lambda node: (-tails[node], node))
    _sink(levels, used, order, before, after, widths, gap, widest)
    return _without_gaps(levels)


def _fill(ready: Sequence[int], widths: Sequence[int], gap: int, widest: int) -> tuple[list[int], list[int]]:
    """Split nodes into those of the next row and the rest."""
    row: list[int] = []
    rest: list[int] = []
    used = 0
    for node in ready:
        fits = not row or used + widths[node] <= widest
        (row if fits else rest).append(node)
        used += widths[node] + gap if fits else 0
    return row, rest


def _sink(
    levels: list[int],
    used: list[int],
    order: Sequence[int],
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
    widths: Sequence[int],
    gap: int,
    widest: int,
) -> None:
    """Move nodes down to their first consumer where that makes no edge longer in sum and the row has room."""
    for node in reversed(order):
        if not after[node] or len(before[node]) > len(after[node]):
            continue
        room = widths[node] + gap
        for level in range(min(levels[other] for other in after[node]) - 1, levels[node], -1):
            if used[level] + room <= widest + gap:
                used[levels[node]] -= room
                used[level] += room
                levels[node] = level
                break


def _without_gaps(levels: Sequence[int]) -> list[int]:
    numbers = {level: number for number, level in enumerate(sorted(set(levels)))}
    return [numbers[level] for level in levels]


def _neighbours(count: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    return before, after


def _sorted_by_need(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> list[int]:
    """Return the nodes, each after those that it needs."""
    missing = [len(nodes) for nodes in before]
    order = [node for node, count in enumerate(missing) if not count]
    for node in order:  # it grows
        for other in after[node]:
            missing[other] -= 1
            if not missing[other]:
                order.append(other)
    return order


def _with_lanes(levels: Sequence[int], edges: Sequence[Edge]) -> Rows:
    """Return the rows in the nodes' order, with a lane wherever an edge passes a row."""
    rows: list[list[int]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for node, level in enumerate(levels):
        rows[level].append(node)
    above, below = _neighbours(len(levels), [])
    lanes: dict[tuple[int, int], int] = {}
    for source, target in edges:
        upper = source
        for level in range(levels[source] + 1, levels[target]):
            lane = lanes.get((source, level))
            if lane is None:
                lane = lanes[source, level] = len(above)
                above.append([upper])
                below.append([])
                below[upper].append(lane)
                rows[level].append(lane)
            upper = lane
        above[target].append(upper)
        below[upper].append(target)
    return Rows(rows, above, below, lanes)


def _order(rows: Rows) -> None:
    """Order each row by the mean position of its neighbours, down and up again, and keep the best order found."""
    size = max(1, sum(map(len, rows.rows)))
    place = [0] * len(rows.above)
    for row in rows.rows:
        _note(row, place)
    best = [list(row) for row in rows.rows]
    fewest = crossings(rows)
    for _ in range(min(_SWEEPS, 2 + _WORK // size)):
        if not fewest:
            break
        for row in rows.rows[1:]:
            _arrange(row, rows.above, place)
        for row in rows.rows[-2::-1]:
            _arrange(row, rows.below, place)
        _swap_neighbours(rows, place)
        count = crossings(rows)
        if count < fewest:
            fewest, best = count, [list(row) for row in rows.rows]
    rows.rows[:] = best


def _note(row: Sequence[int], place: list[int]) -> None:
    for index, element in enumerate(row):
        place[element] = index


def _arrange(row: list[int], linked: Sequence[Sequence[int]], place: list[int]) -> None:
    def mean(element: int) -> float:
        others = linked[element]
        return sum(place[other] for other in others) / len(others) if others else place[element]

    row.sort(key=mean)
    _note(row, place)


def _swap_neighbours(rows: Rows, place: list[int]) -> None:
    """Exchange elements side by side where that saves crossings."""
    for row in rows.rows:
        for index in range(len(row) - 1):
            left, right = row[index], row[index + 1]
            saved = sum(
                _crossed(linked[left], linked[right], place) - _crossed(linked[right], linked[left], place)
                for linked in (rows.above, rows.below)
            )
            if saved > 0:
                row[index], row[index + 1] = right, left
                place[right], place[left] = index, index + 1


def _crossed(left: Sequence[int], right: Sequence[int], place: Sequence[int]) -> int:
    """Return how many links of two elements cross if one stands left of the other."""
    ends = sorted(place[other] for other in right)
    return sum(bisect_right(ends, place[other] - 1) for other in left)


def crossings(rows: Rows) -> int:
    """Return how often links between neighbouring rows cross."""
    count = 0
    for upper, lower in zip(rows.rows, rows.rows[1:], strict=False):
        place = {element: index for index, element in enumerate(lower)}
        seen: list[int] = []
        for element in upper:
            ends = sorted(place[other] for other in rows.below[element])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
