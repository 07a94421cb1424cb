"""Draws a metric over runs in the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weaselish.graphs.plot import Point

_WIDEST, _HEIGHT = 100, 16  # characters
_ASCII = str.maketrans("─│┌┐└┘┤├┬┴┼", "-|+++++++++")


def text_plot(points: Sequence[Point], title: str) -> str:
    """Return a plot as wide as the terminal, in ASCII if stdout can show nothing else."""
    import plotext

    is_unicode = _shows("⠑┤")
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    places = list(range(1, len(points) + 1))
    values = [point.value for point in points]
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, _HEIGHT)
    plotext.title(_plain(title, is_unicode))
    plotext.plot(places, values, marker="braille" if is_unicode else ".")
    plotext.scatter(places, values, marker="●" if is_unicode else "o")
    shown = _spread(places, most=max(2, width // (max(len(point.label) for point in points) + 4)))
    plotext.xticks(shown, [_plain(points[place - 1].label, is_unicode) for place in shown])
    drawn = plotext.uncolorize(plotext.build())
    lines = [line.rstrip() for line in drawn.splitlines()]
    text = "\n".join(lines).strip("\n")
    return text if is_unicode else text.translate(_ASCII)


def _shows(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _plain(text: str, is_unicode: bool) -> str:
    return text if is_unicode else text.encode("ascii", "replace").decode()


def _spread(places: Sequence[int], *, most: int) -> list[int]:
    """Return at most this many of the places, evenly spread, with the first and the last."""
    if len(places) <= most:
        return list(places)
    return [places[round(index * (len(places) - 1) / (most - 1))] for index in range(most)]
