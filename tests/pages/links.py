"""Finds the relative links of a page whose file or heading does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pages.blocks import ROOT

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def broken_links(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere, and those that are not relative to the page."""
    for target in _LINK.findall(_CODE.sub("code", page.read_text("utf-8"))):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        is_in = not target.startswith("/") and file.is_relative_to(ROOT) and file.exists()
        if not is_in or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            yield target


def anchors(text: str) -> set[str]:
    """Return the anchors that the headings of a page get."""
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.*)$", bare, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[name] = found.get(name, -1) + 1
        if found[name]:
            found[f"{name}-{found[name]}"] = 0
    return set(found)
