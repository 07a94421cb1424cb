"""A served site with several projects, and a browser that visits it. Each is started once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import chromium
from harness import ProjectDir

from serve import samples
from serve.dashboard import Dashboard, TestClient, served
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Settings
from weaselish.serve.storage.links import Purpose, create_link

Open = Callable[..., Any]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weaselish-tests"


def accessibility_faults(page: Any) -> list[Any]:
    """Return what axe-core finds wrong with an open page, in the light and in the dark theme."""
    axe = CACHE / "axe/node_modules/axe-core/axe.min.js"
    assert axe.exists(), "tests/install-servers installs axe-core"
    page.evaluate(axe.read_text("utf-8"))
    found: list[Any] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate("axe.run().then((found) => found.violations.map((one) => [one.id, one.nodes[0].html]))")
    return found


@dataclass(frozen=True)
class Site:
    """A server in a thread. `client` is a visitor without a browser."""

    address: str
    dashboard: Dashboard
    client: TestClient
    measured: ProjectDir

    def entrance(self) -> str:
        """Return an address that logs a browser in."""
        token = create_link(self.dashboard.database, Purpose.ENTER, expires=self.dashboard.clock() + 600)
        return f"{self.address}/enter/{token}"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a measured, a hostile, a large, an empty, a broken and a vanished project."""
    root = tmp_path_factory.mktemp("site")
    measured = samples.measured(root / "measured", root / "scratch")
    samples.hostile(root / "hostile", root / "scratch")
    samples.thousand(root / "thousand", root / "scratch")
    for name, text in (("empty", "title: Empty\n"), ("broken", "commands: [{nme: x}]\n"), ("vanished", "")):
        ProjectDir(root / name, root / "scratch").write("project.yml", text)
    names = ("measured", "hostile", "thousand", "empty", "broken", "vanished")
    projects = Projects.of([root / name for name in names])
    (root / "vanished" / "project.yml").unlink()
    (root / "vanished").rmdir()
    dashboard = Dashboard(Settings(root / "data"), projects=projects)
    with served(dashboard) as address:
        yield Site(address, dashboard, dashboard.entered(), measured)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Open]:
    """Return a function that opens a logged-in page. At the end, no script may have complained or shown a dialog."""
    complaints: list[str] = []
    contexts = []

    def open_page(path: str = "/", *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=width < 500
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(site.entrance())
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.goto(site.address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
