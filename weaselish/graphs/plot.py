"""Draws a metric over runs as SVG, without scripts, styles or references."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from weaselish.named_tuple import NamedTuple

WIDTH, HEIGHT = 800, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 30, 50, 80
_MOST_LABELS = 12


class Point(NamedTuple):
    """One run in a plot."""

    label: str
    value: float
    link: str | None = None  # where its page is
    step: str = ""  # a line connects the runs of one step


def draw_plot(points: Sequence[Point], title: str) -> Iterator[str]:
    """Yield the title, axes and points of a plot. A point shows its run and value when the pointer rests on it."""
    yield f'<text class="title" x="{WIDTH / 2}" y="28" text-anchor="middle">{text_of(title)}</text>'
    ticks = _ticks(min(point.value for point in points), max(point.value for point in points))
    across, down = _scales(len(points), ticks)
    for tick in ticks:
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down(tick)}" y2="{down(tick)}"/>'
        yield f'<text x="{_LEFT - 8}" y="{down(tick) + 4}" text-anchor="end">{tick:.6g}</text>'
    lines: dict[str, list[str]] = {}
    for index, point in enumerate(points):
        lines.setdefault(point.step, []).append(f"{across(index)},{down(point.value)}")
    for corners in lines.values():
        yield f'<polyline class="line" points="{" ".join(corners)}"/>'
    every = math.ceil(len(points) / _MOST_LABELS)
    bottom = HEIGHT - _BOTTOM
    for index, point in enumerate(points):
        x, label = across(index), text_of(point.label)
        is_told = len(lines) == 1 or point.step == point.label
        yield _point(x, down(point.value), point, label if is_told else text_of(f"{point.step}, {point.label}"))
        if index % every == 0:
            turned = f'text-anchor="end" transform="rotate(-30 {x} {bottom + 18})"'
            yield f'<text x="{x}" y="{bottom + 18}" {turned}>{label}</text>'


def _point(x: float, y: float, point: Point, label: str) -> str:
    circle = f'<circle class="point" cx="{x}" cy="{y}" r="4"><title>{label}: {point.value:.6g}</title></circle>'
    return circle if point.link is None else f'<a href="{escape(point.link)}">{circle}</a>'


def _scales(count: int, ticks: Sequence[float]) -> tuple[Callable[[int], float], Callable[[float], float]]:
    """Return the functions that place a point by its index, and a value."""
    low, high = ticks[0], ticks[-1]
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT

    def across(index: int) -> float:
        share = index / (count - 1) if count > 1 else 0.5
        return round(_LEFT + 15 + share * (right - _LEFT - 30), 1)

    def down(value: float) -> float:
        return round(bottom - (value - low) / (high - low) * (bottom - _TOP), 1)

    return across, down


def _ticks(low: float, high: float) -> list[float]:
    """Return four to eight round numbers that span the values."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if span / step <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [round(number * step, 12) for number in range(first, last + 1)]


def text_of(text: str) -> str:
    """Return text for XML: escaped, without characters that XML cannot hold, and cut."""
    return escape("".join(character for character in text if character.isprintable()))[:80]
