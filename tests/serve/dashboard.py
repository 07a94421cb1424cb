"""A dashboard in this process, for tests of logins and pages; and visitors with a browser's cookies."""

from __future__ import annotations

import re
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from harness import wait_until

from weaselish.serve.access.passwords import hashed
from weaselish.serve.access.roles import Role
from weaselish.serve.app import create_app
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Auth, Settings
from weaselish.serve.storage.accounts import add_account
from weaselish.serve.storage.database import Database, open_database
from weaselish.serve.storage.links import Purpose, create_link

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette prefers the successor of httpx
    from starlette.testclient import TestClient

__all__ = ["HASH", "PASSWORD", "SECRET", "Clock", "Dashboard", "TestClient", "form_token_in", "served", "with_accounts"]

SECRET = "0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
HASH = hashed(PASSWORD)  # once: a hash is slow on purpose


@dataclass
class Clock:
    """A clock that tests set."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class SystemClock(Clock):
    """The time of day, for dashboards of processes that run."""

    def __call__(self) -> float:
        return time.time()


@dataclass
class Dashboard:
    """An app with its database. A second one with the same settings is a second instance."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)
    patience: float = 5.0  # seconds to wait for a lock of the database
    projects: Projects = field(default_factory=lambda: Projects({}))

    def __post_init__(self) -> None:
        self.database: Database = open_database(self.settings, patience=self.patience)
        self.app: FastAPI = create_app(self.settings, self.projects, self.database, clock=self.clock)

    def browser(self, *, address: str = "192.0.2.1", origin: str = "http://localhost") -> TestClient:
        """Return a visitor without a session. It follows no redirect."""
        return TestClient(
            self.app, origin, client=(address, 40_000), follow_redirects=False, raise_server_exceptions=False
        )

    def account(self, name: str, role: Role = Role.VIEWER) -> None:
        """Create an account with PASSWORD."""
        add_account(self.database, name, role, password=HASH, now=self.clock())

    def logged_in(self, name: str, **options: str) -> TestClient:
        """Return a visitor with a session."""
        browser = self.browser(**options)
        base = self.settings.base_path
        answer = browser.post(f"{base}/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser

    def entered(self) -> TestClient:
        """Return a visitor that used the one-time link of a server without accounts."""
        link = create_link(self.database, Purpose.ENTER, expires=self.clock() + 60)
        browser = self.browser()
        assert browser.get(f"{self.settings.base_path}/enter/{link}").status_code == 303
        return browser


def with_accounts(data_root: Path, *, projects: Projects | None = None, **settings: object) -> Dashboard:
    """Return a dashboard with local accounts; with `projects`, one whose clock runs."""
    found = Settings(data_root, auth=Auth(SECRET), **settings)  # type: ignore[arg-type]
    return Dashboard(found, SystemClock(), projects=projects) if projects else Dashboard(found)


@contextmanager
def served(dashboard: Dashboard) -> Iterator[str]:
    """Serve a dashboard on loopback, in a thread, and yield its address."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(dashboard.app, log_config=None, ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the server")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def form_token_in(page: str) -> str:
    """Return the form token of a page."""
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]
