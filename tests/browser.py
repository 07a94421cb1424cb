"""Debian's Chromium, which opens pages as a user's browser does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PROGRAMS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")


@contextmanager
def chromium() -> Iterator[Any]:
    """Run a browser for the block."""
    from playwright.sync_api import sync_playwright

    program = next((path for path in _PROGRAMS if Path(path).exists()), None)
    assert program, "tests/install-servers installs Chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
