"""Writes what generated pages consist of: tables, and links to headings."""

from __future__ import annotations

import re
from collections.abc import Sequence

Rows = list[tuple[str, ...]]


def generated(source: str) -> str:
    """Return the first line of a generated page: what to change instead of the page."""
    return f"<!-- Written by `make docs`. Change {source} instead. -->"


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table. Cells are Markdown in one line."""
    lines = [titles, ("---",) * len(titles), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text).replace("\n", " ")
