"""Lets the links of the README work from a package index: relative ones get the address of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY = "https://example.org/proj"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


class Readme(MetadataHookInterface):
    """Puts the README into the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text)}


def with_absolute_links(text: str) -> str:
    """Return a page with the repository's address before its relative links, and that of raw files before pictures."""

    def absolute(match: re.Match[str]) -> str:
        bang, name, path = match.groups()
        return f"{bang}[{name}]({REPOSITORY}/{'raw' if bang else 'blob'}/main/{path})"

    return _LINK.sub(absolute, text)
