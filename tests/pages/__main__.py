"""`make docs`: writes the generated pages, the output that pages show, and the picture in the README.

A page that differs only in times, sizes or run ids stays as it is. Otherwise all its output is new, so that its times
and run ids are those of one session. `python -m pages README.md` renews that page in any case, and does not draw.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pages.blocks import PAGES, ROOT
from pages.generated import GENERATED
from pages.picture import draw
from pages.sessions import matches, rewritten
from pages.supplies import Missing, Supplies, needs


def main(names: list[str]) -> None:
    for name, generate in GENERATED.items():
        write_if_it_differs(ROOT / name, generate())
    pages = [ROOT / name for name in names] or PAGES
    with Supplies() as supplies:
        for page in pages:
            rewrite(page, supplies, renew=bool(names))
    if not names:
        with tempfile.TemporaryDirectory() as scratch:
            write_if_it_differs(ROOT / "docs" / "run.svg", draw(Path(scratch) / "terminal"))


def write_if_it_differs(page: Path, text: str) -> None:
    """Write a page or picture unless only times, sizes or run ids differ. In a picture, blanks are `&#160;`."""
    shown = page.read_text("utf-8") if page.exists() else ""
    if not matches(shown.replace("&#160;", " "), text.replace("&#160;", " ")):
        page.write_text(text, "utf-8")


def rewrite(page: Path, supplies: Supplies, *, renew: bool) -> None:
    """Replace the output that a page shows. Without the servers that it needs, leave it alone."""
    text = page.read_text("utf-8")
    try:
        supplied = supplies.environ(needs(text))
    except Missing as reason:
        print(f"{page.name} stays as it is: {reason}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as scratch:
        page.write_text(rewritten(text, Path(scratch) / "terminal", supplied, renew=renew), "utf-8")


main(sys.argv[1:])
