"""What all requests share: settings, projects, the database, the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from weaselish.serve.storage.sessions import Stamp

if TYPE_CHECKING:
    from weaselish.serve.projects import Projects
    from weaselish.serve.settings import Settings
    from weaselish.serve.storage.database import Database
    from weaselish.serve.views.sources import Sources


class Shutdown:
    """The end of the server. Streams end as soon as it is requested."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        """End all streams. Call it in the thread of the event loop."""
        self._event.set()

    async def wait(self) -> None:
        """Return when the server ends."""
        await self._event.wait()


@dataclass(frozen=True, slots=True)
class Serving:
    """One dashboard. `secret` signs what its visitors bring back."""

    settings: Settings
    projects: Projects
    database: Database
    secret: bytes = field(repr=False)
    clock: Callable[[], float] = time.time  # seconds since 1970
    shutdown: Shutdown = field(default_factory=Shutdown)

    @property
    def stamp(self) -> Stamp:
        """What sessions are created and found with."""
        return Stamp(self.secret, self.clock())


def serving_of(connection: HTTPConnection) -> Serving:
    """Return what the app was created with."""
    serving: Serving = connection.app.state.serving
    return serving


def sources_of(connection: HTTPConnection) -> Sources:
    """Return the projects as the views read them."""
    sources: Sources = connection.app.state.sources
    return sources
