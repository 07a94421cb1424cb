"""Writes tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Return text for a cell of a table: on one line, with nothing that Markdown or HTML would read."""
    escaped = (
        text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "\\`").replace("*", "\\*")
    )
    return " ".join(escaped.split())


def markdown_table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """Return a table in the syntax of GitHub."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
