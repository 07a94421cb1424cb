"""Writes a metric over runs as an SVG of its own, without scripts or references."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.graphs.plot import HEIGHT, WIDTH, Point, draw_plot, text_of

_STYLE = (
    "text{font:13px sans-serif;fill:#333}.title{font-size:17px}.grid{stroke:#ddd}"
    ".line{fill:none;stroke:#1f6feb;stroke-width:2}.point{fill:#1f6feb}"
)


def svg_plot(points: Sequence[Point], title: str) -> str:
    """Return the plot. A point shows its run and value when the pointer rests on it."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" role="img">',
        f"<title>{text_of(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        *draw_plot(points, title),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
