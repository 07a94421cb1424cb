"""Text and icons of SVG and HTML. All text from project.yml and the disk passes `escaped`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

from weaselish.engine.status import Status
from weaselish.terminal import printable

_CHARACTER = 7.85  # pixels of a character of the monospaced font of names
_NOT_IN_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}

SLUGS: Mapping[Status, str] = {status: status.name.lower().replace("_", "-") for status in Status}

_DISC = '<circle class="disc" r="9"/>'
ICONS: Mapping[Status, str] = {
    Status.UP_TO_DATE: f'{_DISC}<path class="glyph" d="M-4 .4L-1.2 3.2L4.2 -2.8"/>',
    Status.OUT_OF_DATE: f'{_DISC}<path class="glyph" d="M3.9 -1.6A4.2 4.2 0 1 0 4.2 1.2M4.4 -4.6V-1.4H1.2"/>',
    Status.NEVER_RAN: '<circle class="ring" r="8"/>',
    Status.UNRECORDED: '<path class="ring solid" d="M0 -8.5L8.5 0L0 8.5L-8.5 0z"/>',
    Status.FAILED: f'{_DISC}<path class="glyph" d="M-3.4 -3.4L3.4 3.4M3.4 -3.4L-3.4 3.4"/>',
    Status.INTERRUPTED: f'{_DISC}<path class="glyph" d="M-2.3 -3.6V3.6M2.3 -3.6V3.6"/>',
    Status.ALWAYS_RUNS: f'{_DISC}<path class="glyph" d="M-4 -3.4L-.6 0L-4 3.4M.8 -3.4L4.2 0L.8 3.4"/>',
    Status.UNKNOWN: f'{_DISC}<path class="glyph" d="M-2.4 -2C-2.2 -5 2.6 -4.8 2.4 -1.8C2.2 0 0 .2 0 2M0 4.4V4.5"/>',
    Status.UNCHECKED: '<circle class="ring solid" r="8"/><path class="ring solid" d="M-3.5 0H3.5"/>',
}
LABELS: Mapping[Status, str] = {
    status: "not checked" if status is Status.UNCHECKED else status.value for status in Status
}


def escaped(text: str) -> str:
    """Return text for XML and HTML, between tags and in quoted attributes, with invisible characters spelled out."""
    return escape(spelled(text, keep="\n"), {'"': "&quot;", "'": "&#39;"})


def spelled(text: str, *, keep: str = "") -> str:
    """Return text with invisible characters, and those that XML excludes, spelled out."""
    return printable(text, keep=keep).translate(_NOT_IN_XML)


def as_script_data(data: object) -> str:
    """Return JSON for an element `<script>`: nothing in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def centre_cut(text: str, most: int) -> str:
    """Return printable text of at most `most` characters, `…` in the middle of what is longer."""
    text = spelled(text)
    if len(text) <= most:
        return text
    head = (most - 1) * 3 // 5
    return f"{text[:head]}…{text[head + 1 - most :]}"


def shown_width(text: str) -> int:
    """Return the pixels that text takes in the font of names."""
    if text.isascii():
        return math.ceil(_CHARACTER * len(text))
    from rich.cells import cell_len

    return math.ceil(_CHARACTER * cell_len(text))
