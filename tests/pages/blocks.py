"""Finds the fenced blocks of a page, and the marks before them.

A mark is an HTML comment on the line before its block:
  `file: PATH`     the block is the content of that file: the session writes it
  `exits with N`   the last command of the block exits with N
  `not run: WHY`   the block cannot run here; tests/test_pages.py lists them
`setup: LINE` stands alone. It runs a line that readers need not see.
`needs: NAME, …` stands alone at the beginning of a page: see pages/supplies.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *sorted(page for directory in (".", "tutorial", "how-to") for page in (DOCS / directory).glob("*.md")),
]
_MARK = r"<!-- (?P<mark>[^\n]*?) -->\n"
_BLOCK = re.compile(
    rf"(?:^{_MARK})?^```(?P<kind>\w*)\n(?P<text>.*?)^```$|^{_MARK.replace('mark', 'alone')}", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    """A fenced block with its mark, or a mark that stands alone: then `kind` is empty and `text` is None."""

    kind: str
    text: str | None
    mark: str
    start: int  # where the text begins in the page
    line: int

    def marked(self, name: str) -> str | None:
        """Return what follows `name` in the mark, or None if it is not this mark."""
        return self.mark.removeprefix(name).strip() if self.mark.startswith(name) else None


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks and marks of a page in their order."""
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        mark = match["mark"] or match["alone"] or ""
        yield Block(match["kind"] or "", match["text"], mark, match.start("text"), line)
