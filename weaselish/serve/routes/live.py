"""Streams of server-sent events: what happens in a project, and the output of a run as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool

from weaselish.serve.access.visitors import Viewer
from weaselish.serve.live.live import Live, live_of
from weaselish.serve.live.live_project import LiveProject
from weaselish.serve.live.log_segments import LogSegments
from weaselish.serve.live.run_event import event
from weaselish.serve.live.stream import EventStream
from weaselish.serve.routes.numbers import RunId
from weaselish.serve.routes.reading import ERRORS
from weaselish.serve.serving import serving_of

_TAIL = 1 << 18  # bytes of a log with which a stream begins, unless the client names an offset
_LARGEST = (1 << 53) - 1

LastEventId = Annotated[str | None, Header(alias="last-event-id", max_length=20)]
Offset = Annotated[int | None, Query(ge=0, le=_LARGEST)]

router = APIRouter(prefix="/api/v1", tags=["live"], responses=ERRORS)


@router.get("/projects/{project}/events", response_class=EventStream, status_code=200)
async def project_events(
    request: Request, visitor: Viewer, project: str, since: Offset = None, last_event_id: LastEventId = None
) -> EventStream:
    """Stream the runs of a project that start, end or change.

    Each event `runs` has the changed runs, and as its id the project's version. `since`, or the header Last-Event-ID,
    is the version that the client knows. The event `reload` says that the client missed too much.
    """
    live = await run_in_threadpool(live_of(request).project, project)
    await run_in_threadpool(live.refresh)
    version = _number(last_event_id, since)
    if version is None:
        version = await run_in_threadpool(live.runs.version)
    return EventStream(_project_events(live, version), serving_of(request).shutdown, live_of(request).limits)


async def _project_events(live: LiveProject, version: int) -> AsyncGenerator[bytes]:
    with live.followed() as feed:
        yield event("hello", {"version": version}, version)
        while True:
            tick = feed.next_tick()
            events = feed.after(version)
            if events is None:
                events = await asyncio.to_thread(live.events_after, version)
            if events:
                version = events[-1].version
                yield b"".join(one.data for one in events)
            await asyncio.shield(tick)


@router.get("/projects/{project}/runs/{run}/log/events", response_class=EventStream, status_code=200)
async def log_events(
    request: Request,
    visitor: Viewer,
    project: str,
    run: RunId,
    command: Annotated[str | None, Query(max_length=500)] = None,
    offset: Offset = None,
    form: Literal["text", "html"] = "text",
    last_event_id: LastEventId = None,
) -> EventStream:
    """Stream the output of a run as it arrives.

    The event `lines` has complete lines, and as its id the offset behind them. `partial` has the line that is being
    written: it replaces the last one. `end` says that the run has ended. The stream begins at `offset`, or at the one
    in the header Last-Event-ID; by default with the last 256 KiB.
    """
    live = live_of(request)
    row = await run_in_threadpool(live.run, project, run, command)
    log = live.log(project, row, in_html=form == "html")
    start = _number(last_event_id, offset)
    if start is None:
        start = await run_in_threadpool(log.tail, _TAIL)
    return EventStream(_log_events(live, project, log, start), serving_of(request).shutdown, live.limits)


async def _log_events(live: Live, project: str, log: LogSegments, offset: int) -> AsyncGenerator[bytes]:
    with live.project(project).followed() as feed:
        shown: tuple[bytes, ...] = ()
        while True:
            tick = feed.next_tick()
            news = await log.after(offset, tick)
            offset = news.offset
            if news.events and news.events != shown:
                yield b"".join(news.events)
                shown = news.events
            if news.is_over:
                return
            if news.is_end:
                await asyncio.shield(tick)


def _number(last_event_id: str | None, given: int | None) -> int | None:
    """Return what the client already has: the header counts, if it is a number."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdecimal():
        return min(int(last_event_id), _LARGEST)
    return given
