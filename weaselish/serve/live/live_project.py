"""One project while visitors look at it: a thread keeps its index current and wakes the streams."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.files.directory_watch import Directories, DirectoryWatch
from weaselish.files.state_dir import STATE
from weaselish.named_tuple import NamedTuple
from weaselish.serve.live.feed import Feed, Numbered
from weaselish.serve.live.run_event import event, runs_event
from weaselish.serve.storage.database import Database
from weaselish.serve.storage.run_index import RunIndex
from weaselish.serve.storage.run_queries import RunQueries
from weaselish.serve.storage.run_row import Mask

_FAR_BEHIND = 1000  # rows that changed; a page that missed more is loaded again


class Pace(NamedTuple):
    """Seconds between two looks at a project, and until the thread of one without visitors ends."""

    busy: float = 0.15
    quiet: float = 2.0  # a process that is killed leaves no trace that the system reports
    unwatched: float = 0.5  # if the system cannot watch directories
    idle: float = 60.0


class LiveProject:
    """The index of a project, brought up to date on demand, and its changes as events. Thread-safe."""

    def __init__(self, database: Database, root: Path, mask: Mask, pace: Pace | None = None) -> None:
        self.root = root
        self.mask = mask
        self._index = RunIndex(database, root, mask=mask)
        self.runs = RunQueries(database, self._index.project, root)
        self._pace = pace or Pace()
        self._condition = threading.Condition()  # guards what follows
        self._wanted = self._done = 0  # looks at the project that were asked for, that are done
        self._followers = 0
        self._feed: Feed | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = self._is_changed = False
        self._failure: ProjError | None = None

    def refresh(self, within: float = 0.2) -> bool:
        """Bring the index up to date. Return False if that takes longer; it goes on in the background.

        Raises DatabaseError.
        """
        with self._condition:
            wanted = self._want()
            in_time = self._condition.wait_for(lambda: self._done >= wanted or self._is_closed, within)
            if self._failure is not None:
                raise self._failure
            return in_time

    @contextmanager
    def followed(self) -> Iterator[Feed]:
        """Watch the project during the block. Call it in the event loop, always in the same one."""
        with self._condition:
            feed = self._feed = self._feed or Feed(asyncio.get_running_loop())
            self._followers += 1
            self._want()
        try:
            yield feed
        finally:
            with self._condition:
                self._followers -= 1

    def events_after(self, version: int) -> list[Numbered]:
        """Return the events that follow a version, from the index. Raises DatabaseError."""
        now = self.runs.version()
        return _reload(now) if version > now else self._between(version, now)

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(2.0)

    # -- the thread --------------------------------------------------------------------------------------------------

    def _want(self) -> int:
        """Ask for a look, and return its number."""
        self._wanted += 1
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._work, name=f"live {self.root.name}", daemon=True)
            self._thread.start()
        self._condition.notify_all()
        return self._wanted

    def _on_change(self) -> None:
        with self._condition:
            self._is_changed = True
            self._condition.notify_all()

    def _work(self) -> None:
        watch = DirectoryWatch(self._on_change)
        version = -1
        try:
            while True:
                with self._condition:
                    wanted, followers = self._wanted, self._followers
                    self._is_changed = False
                if followers:  # ending a watch takes a moment: it goes on until the thread ends
                    watch.follow(_directories(self.root))
                version = self._look(version)
                with self._condition:
                    self._done = wanted
                    self._condition.notify_all()
                    self._rest(has_watch=watch.failure is None)
                    if self._is_closed or not (self._followers or self._is_asked()):
                        self._thread = None
                        return
        finally:
            watch.close()

    def _is_asked(self) -> bool:
        return self._is_closed or self._done < self._wanted

    def _rest(self, *, has_watch: bool) -> None:
        """Wait until there is something to do. After a change, leave some time to other threads."""
        if not self._followers:
            self._condition.wait_for(self._is_asked, self._pace.idle)
            return
        self._condition.wait_for(self._is_asked, self._pace.busy)
        longest = self._pace.quiet if has_watch else self._pace.unwatched
        self._condition.wait_for(lambda: self._is_asked() or self._is_changed, longest)

    def _look(self, before: int) -> int:
        """Read what is new, and wake the streams. Return the version of the project afterwards."""
        now, events = before, []
        feed, failure = self._feed, None
        try:
            self._index.refresh()
            now = self.runs.version()
            if feed is not None and 0 <= before < now:
                events = self._between(before, now)
        except ProjError as error:
            failure = error
        self._failure = failure
        if feed is not None:
            with suppress(RuntimeError):  # the event loop has ended
                feed.loop.call_soon_threadsafe(lambda: feed.publish(now, events, follows=before))
        return now

    def _between(self, version: int, now: int) -> list[Numbered]:
        rows = self.runs.changed_since(version, most=_FAR_BEHIND + 1)
        if len(rows) > _FAR_BEHIND:
            return _reload(now)
        return [Numbered(number, runs_event(group, number)) for number, group in groupby(rows, lambda row: row.version)]


def _reload(version: int) -> list[Numbered]:
    return [Numbered(version, event("reload", {}, version))]


def _directories(root: Path) -> Directories:
    """Return the directories in which a run leaves traces, or the one in which they will appear."""
    state = root / STATE
    paths = [path for path in (state / "runs", state / "logs") if path.is_dir()]
    return Directories(flat=frozenset(map(str, paths or [root])))
