"""Takes the pictures of docs/serve-pages.md: every page of a dashboard that shows the template `penguins`.

Run `proj run all` in a copy of the template, with several values of `--vars.C`, the last one invalid; `proj push`,
`proj artifact push` of an artifact and `proj snapshot push`; then `proj serve --no-open --allow-run`, and
`cd tests && python -m pages.screenshots ADDRESS`, with the address that it prints.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from browser import chromium
from serve.dashboard import served, with_accounts

DOCS = Path(__file__).parent.parent.parent / "docs"
DESKTOP, PHONE = (1280, 960), (390, 780)


class Picture(NamedTuple):
    """One page. `then` names a step of the first row that has it, whose link is followed."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    size: tuple[int, int] = DESKTOP
    then: str | None = None


PICTURES = (
    Picture("projects", "/"),
    Picture("project", "/p/penguins"),
    Picture("step", "/p/penguins/steps/evaluate", "dark"),
    Picture("graph", "/p/penguins/graph"),
    Picture("runs", "/p/penguins/runs", "dark"),
    Picture("run", "/p/penguins/runs", then="report"),
    Picture("failure", "/p/penguins/runs", "dark", then="train"),
    Picture("metrics", "/p/penguins/metrics?step=evaluate"),
    Picture("artifacts", "/p/penguins/artifacts", "dark"),
    Picture("version", "/p/penguins/artifacts", "dark", then="1.0.0"),
    Picture("remotes", "/p/penguins/remotes"),
    Picture("snapshots", "/p/penguins/snapshots", "dark"),
    Picture("search", "/search?q=model", "dark"),
    Picture("phone", "/p/penguins", "dark", PHONE),
    Picture("run-phone", "/p/penguins/runs", "light", PHONE, then="train"),
    Picture("metrics-phone", "/p/penguins/metrics?step=evaluate", "dark", PHONE),
    Picture("act", "/p/penguins/act?step=train"),
    Picture("account", "/account", "dark"),
    Picture("audit", "/audit"),
    Picture("backups", "/backups", "dark"),
)


def main(address: str, directory: Path) -> None:
    """Enter by the one-time address and take all pictures."""
    parts = urlsplit(address)
    server = f"{parts.scheme}://{parts.netloc}"
    with chromium() as browser:
        entrance = browser.new_context()
        entrance.new_page().goto(address)
        session = entrance.storage_state()
        _running(browser.new_context(storage_state=session, viewport={"width": 1280, "height": 720}), server, directory)
        for picture in PICTURES:
            width, height = picture.size
            context = browser.new_context(
                storage_state=session, viewport={"width": width, "height": height}, color_scheme=picture.scheme
            )
            page = context.new_page()
            page.goto(server + picture.path)
            if picture.then is not None:
                page.locator("tr", has_text=picture.then).first.locator("a").first.click()
            while page.locator("[data-refresh]").count():
                page.wait_for_timeout(200)
                page.reload()
            page.screenshot(path=directory / f"serve-{picture.name}.png")
            context.close()
        _compared(
            browser.new_context(storage_state=session, viewport={"width": 1280, "height": 960}), server, directory
        )
        _login(browser.new_context(viewport={"width": 1280, "height": 720}), directory)


def _running(context: Any, server: str, directory: Path) -> None:
    """Start a run in the browser, and take what is shown while it runs."""
    page = context.new_page()
    page.goto(f"{server}/p/penguins/act?step=prepare")
    page.get_by_text("Options").click()
    page.get_by_label("Run it even if it is up to date").check()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-part=action] tr", has_text="prepare").wait_for()
    page.screenshot(path=directory / "serve-action.png")
    page.goto(f"{server}/p/penguins/jobs")
    page.screenshot(path=directory / "serve-jobs.png")


def _compared(context: Any, server: str, directory: Path) -> None:
    """Select three runs of a step with metrics, and compare them."""
    page = context.new_page()
    page.goto(f"{server}/p/penguins/metrics?step=evaluate")
    for box in page.locator("input[name=run]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare*")
    page.screenshot(path=directory / "serve-compare.png")


def _login(context: Any, directory: Path) -> None:
    """Take the form of a server with accounts."""
    page = context.new_page()
    with TemporaryDirectory() as data_root:
        dashboard = with_accounts(Path(data_root))
        with served(dashboard) as address:
            page.goto(address)
            page.screenshot(path=directory / "serve-login.png")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else DOCS)
