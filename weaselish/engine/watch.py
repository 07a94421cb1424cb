"""Waits until something changes that a run depends on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.cancel import Cancel, Level
from weaselish.engine import events
from weaselish.engine.run.planning import plan_for
from weaselish.engine.watched_paths import State, WatchedPaths, changed_paths
from weaselish.errors import Cancelled, ProjError
from weaselish.files.directory_watch import DirectoryWatch, OpenWatch
from weaselish.plan.selection import ALL_STEPS, Selection
from weaselish.workspace import Workspace

_QUIET = 0.1  # seconds without a change after which an edit of several files counts as complete
_LONGEST_EDIT = 1.0  # seconds
_TICK = 0.2  # seconds; the main thread may miss a signal that arrives just before it blocks
_POLL = 1.0  # seconds between two looks where the system cannot watch
_POLL_SHARE = 5  # a look takes at most one part in so many of the time
_PATIENCE = ((Level.TERMINATE, 5.0), (Level.KILL, 10.0))  # after an interrupt


class Watch:
    """Notes the state of everything that targets depend on, and finds what has changed since then.

    Use it as a context manager: its threads end with the block. `begin` comes before each run. During the run,
    `has_changed` says whether anything changed, and `interrupting` ends the run at a change. After it, `wait` returns
    at the next change.
    """

    def __init__(
        self,
        root: Path,
        open_workspace: Callable[[], Workspace],
        targets: Sequence[str],
        selection: Selection = ALL_STEPS,
        *,
        cancel: Cancel,
        report: events.Reporter,
        open_watch: OpenWatch | None = None,
    ) -> None:
        self.root = root
        self._open_workspace = open_workspace
        self._targets = targets
        self._selection = selection
        self._cancel = cancel
        self._report = report
        self._woken = threading.Event()
        self._directories = DirectoryWatch(self._woken.set, open_watch=open_watch)
        self._paths = WatchedPaths(root)
        self._noted: State = {}
        self._look_at = 0.0  # when to look again where the system cannot watch
        self._is_reported = False  # that the system cannot watch
        self._looking = threading.Lock()  # guards what `has_changed` finds
        self._changed: tuple[str, ...] = ()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._directories.close()

    def begin(self) -> int:
        """Note the current state, before a run. Return the number of paths that count.

        If project.yml cannot be used, the paths of the run before count.
        """
        before = None
        while before != (before := self._paths.state_of_files()):  # project.yml stayed the same while it was read
            with suppress(ProjError):  # the run reports it
                workspace = self._open_workspace()
                plan = plan_for(workspace, self._targets, self._selection, lenient=True)
                self._paths = WatchedPaths.of(workspace.root, workspace.project, plan)
        self._directories.follow(self._paths.directories(self._cancel))
        self._noted, self._changed = self._state(), ()
        return self._paths.size

    def has_changed(self) -> bool:
        """Return whether anything that counts has changed since `begin`. Raises Cancelled."""
        with self._looking:
            if not self._changed and self._may_have_changed():
                self._changed = self._changes()
            return bool(self._changed)

    def wait(self) -> tuple[str, ...]:
        """Wait until something has changed since `begin`, and then until the edit is complete. Return the files.

        Raises Cancelled.
        """
        while True:
            while not self._changed and not self._may_have_changed():
                self._woken.wait(_TICK)
                self._cancel.check()
            self._report_failure()
            until = time.monotonic() + _LONGEST_EDIT
            self._woken.clear()
            while self._woken.wait(_QUIET) and time.monotonic() < until:
                self._woken.clear()
            self._changed = self._changes()  # an edit that was undone does not count
            if self._changed:
                return self._changed

    @contextmanager
    def interrupting(self) -> Iterator[Cancel]:
        """Yield a token for one run, which is interrupted as soon as something changes.

        The user's own requests to end, of which the terminal of a step may report some to this token, count as before.
        """
        ended = threading.Event()
        is_change = False
        token = self._cancel.child()
        token.on_request = lambda level: None if is_change else self._cancel.request(level)

        def look() -> None:
            nonlocal is_change
            with suppress(Cancelled):
                while not self.has_changed():
                    if ended.wait(_QUIET):
                        return
                is_change = True
                token.request(Level.INTERRUPT)
            for level, seconds in _PATIENCE:
                if ended.wait(seconds):
                    return
                token.request(level)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield token
        finally:
            ended.set()
            thread.join()
            token.close()

    # -- looking ------------------------------------------------------------------------------------------------------

    def _may_have_changed(self) -> bool:
        if self._directories.failure is not None:
            return time.monotonic() >= self._look_at
        return self._woken.is_set()

    def _changes(self) -> tuple[str, ...]:
        self._woken.clear()
        self._directories.follow(self._paths.directories(self._cancel))
        return changed_paths(self._noted, self._state())

    def _state(self) -> State:
        begun = time.monotonic()
        state = self._paths.state(self._cancel)
        took = time.monotonic() - begun
        self._look_at = begun + max(_POLL, _POLL_SHARE * took)
        return state

    def _report_failure(self) -> None:
        """Report once that the system cannot watch the directories."""
        if self._directories.failure is not None and not self._is_reported:
            self._is_reported = True
            self._report(
                events.Note(
                    f"the system cannot watch all directories ({self._directories.failure}): "
                    "`proj` looks for changes about every second",
                    "raise the limit, on Linux for example with `sysctl fs.inotify.max_user_watches=524288`",
                )
            )
