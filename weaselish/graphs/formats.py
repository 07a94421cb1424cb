"""The formats in which the graph can be written."""

from __future__ import annotations

import enum

from weaselish.engine.picture import Picture
from weaselish.plan.export import as_dot, as_mermaid
from weaselish.terminal import printable


class GraphFormat(enum.Enum):
    SVG = "svg"
    HTML = "html"
    DOT = "dot"
    MERMAID = "mermaid"


def render(picture: Picture, form: GraphFormat) -> str:
    """Return a picture as text in a format."""
    stale = {step.step for step in picture.steps if step.reasons}
    match form:
        case GraphFormat.SVG:
            from weaselish.graphs.svg import as_svg

            return as_svg(picture)
        case GraphFormat.HTML:
            from weaselish.graphs.page import as_page

            return as_page(picture)
        case GraphFormat.DOT:
            lines = as_dot(picture.plan, stale=stale)
        case GraphFormat.MERMAID:
            lines = as_mermaid(picture.plan, stale=stale)
    return "".join(f"{printable(line)}\n" for line in lines)
