"""Takes the pictures of docs/serve-pages.md: pages of a dashboard that shows the template `penguins`.

Run `proj run all` in a copy of the template, with several values of `--vars.C`, then `proj serve --no-open`, and
`cd tests && python -m pages.screenshots ADDRESS`, with the address that it prints.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from browser import chromium

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES: tuple[
    tuple[str, str, int, int, Literal["light", "dark"]], ...
] = (  # name of the picture, path, width, height, light or dark
    ("serve-project", "/p/penguins", 1280, 960, "light"),
    ("serve-step", "/p/penguins/steps/evaluate", 1280, 960, "dark"),
    ("serve-run", "/p/penguins/runs", 1280, 960, "light"),
    ("serve-phone", "/p/penguins", 390, 780, "dark"),
)


def main(address: str) -> None:
    """Enter by the one-time address and take all pictures."""
    parts = urlsplit(address)
    with chromium() as browser:
        entrance = browser.new_context()
        entrance.new_page().goto(address)
        session = entrance.storage_state()
        for name, path, width, height, scheme in PAGES:
            context = browser.new_context(
                storage_state=session, viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(f"{parts.scheme}://{parts.netloc}{path}")
            if path.endswith("/runs"):
                page.locator("tr", has_text="report").first.locator("a").first.click()
            page.screenshot(path=DOCS / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
