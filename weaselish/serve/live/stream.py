"""Server-sent events as an answer: bounded in memory and time, ended with the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from weaselish.errors import ProjError
from weaselish.named_tuple import NamedTuple
from weaselish.serve.live.connection import cut_off
from weaselish.serve.serving import Shutdown

RETRY = b"retry: 1500\n\n"  # ms after which a browser connects again
BEAT = b": \n\n"  # a comment, so that proxies keep an idle connection


class StreamLimits(NamedTuple):
    """Seconds: how long a client may read nothing, how often an idle stream has a beat, how long a stream may last.

    A browser connects again after the last. That request checks the session and the role again.
    """

    patience: float = 10.0
    beat: float = 15.0
    longest: float = 600.0


LIMITS = StreamLimits()


class EventStream(Response):
    """Sends what `events` yields, and a beat when it yields nothing for a while.

    It ends when the client leaves or reads nothing for too long, when the server ends, or after the longest time.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes], shutdown: Shutdown, limits: StreamLimits = LIMITS) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._shutdown = shutdown
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        sending = asyncio.create_task(self._send_all(scope, send))
        ending = [asyncio.create_task(_until_gone(receive)), asyncio.create_task(self._shutdown.wait())]
        try:
            await asyncio.wait({sending, *ending}, timeout=self._limits.longest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *ending):
                task.cancel()
            await asyncio.gather(sending, *ending, return_exceptions=True)
        failure = None if sending.cancelled() else sending.exception()
        if failure is not None:
            await cut_off(scope)
            if not isinstance(failure, (OSError, ProjError)):  # TimeoutError is one: the client reads nothing
                raise failure
            return
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(1.0):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        await cut_off(scope)

    async def _send_all(self, scope: Scope, send: Send) -> None:
        """Send events until there are no more. Raises TimeoutError for a client that reads nothing."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._send(send, RETRY)
        async with aclosing(with_beats(self._events, self._limits.beat)) as events:
            async for data in events:
                await self._send(send, data)

    async def _send(self, send: Send, data: bytes) -> None:
        async with asyncio.timeout(self._limits.patience):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def with_beats(events: AsyncGenerator[bytes], seconds: float) -> AsyncGenerator[bytes]:
    """Yield what `events` yields, and BEAT when that takes longer than `seconds`."""
    following: asyncio.Task[bytes] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({following}, timeout=seconds)
            if not done:
                yield BEAT
                continue
            try:
                data = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield data
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await events.aclose()
