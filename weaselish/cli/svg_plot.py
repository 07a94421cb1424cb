"""Draws a metric over runs as an SVG of its own, without scripts or references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weaselish.cli.metrics import Point

_WIDTH, _HEIGHT = 800, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 30, 50, 80
_STYLE = (
    "text{font:13px sans-serif;fill:#333}.title{font-size:17px}.grid{stroke:#ddd}"
    ".line{fill:none;stroke:#1f6feb;stroke-width:2}.point{fill:#1f6feb}"
)
_MOST_LABELS = 12


def svg_plot(points: Sequence[Point], title: str) -> str:
    """Return the plot. A point shows its run and value when the pointer rests on it."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="{_WIDTH / 2}" y="28" text-anchor="middle">{_text(title)}</text>',
        *_drawn(points),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawn(points: Sequence[Point]) -> Iterator[str]:
    ticks = _ticks(min(point.value for point in points), max(point.value for point in points))
    low, high = ticks[0], ticks[-1]
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT

    def across(index: int) -> float:
        share = index / (len(points) - 1) if len(points) > 1 else 0.5
        return round(_LEFT + 15 + share * (right - _LEFT - 30), 1)

    def down(value: float) -> float:
        return round(bottom - (value - low) / (high - low) * (bottom - _TOP), 1)

    for tick in ticks:
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{down(tick)}" y2="{down(tick)}"/>'
        yield f'<text x="{_LEFT - 8}" y="{down(tick) + 4}" text-anchor="end">{tick:.6g}</text>'
    corners = " ".join(f"{across(index)},{down(point.value)}" for index, point in enumerate(points))
    yield f'<polyline class="line" points="{corners}"/>'
    every = math.ceil(len(points) / _MOST_LABELS)
    for index, point in enumerate(points):
        x, y, label = across(index), down(point.value), _text(point.label)
        yield f'<circle class="point" cx="{x}" cy="{y}" r="4"><title>{label}: {point.value:.6g}</title></circle>'
        if index % every == 0:
            turned = f'text-anchor="end" transform="rotate(-30 {x} {bottom + 18})"'
            yield f'<text x="{x}" y="{bottom + 18}" {turned}>{label}</text>'


def _ticks(low: float, high: float) -> list[float]:
    """Return four to eight round numbers that span the values."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if span / step <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [round(number * step, 12) for number in range(first, last + 1)]


def _text(text: str) -> str:
    """Return text for XML: escaped, without characters that XML cannot hold, and cut."""
    return escape("".join(character for character in text if character.isprintable()))[:80]
