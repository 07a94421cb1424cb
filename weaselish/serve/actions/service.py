"""Starts, stops and follows the actions of visitors. Their state is in the database and in files, not in memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from weaselish.errors import Busy, UsageError
from weaselish.files.regular import open_regular
from weaselish.files.state_dir import STATE
from weaselish.locks.flock import is_locked
from weaselish.locks.holders import holders
from weaselish.named_tuple import NamedTuple
from weaselish.serve.actions.requests import ActionRequest, RunRequest, form_of, shown_words, words_of
from weaselish.serve.actions.supervisor import ALIVE, MESSAGES, OUTCOME, RESULT, STOP, TASK, Ceilings, Task
from weaselish.serve.settings import Limits, Settings
from weaselish.serve.storage.actions import (
    ActionRow,
    NewAction,
    add_action,
    ask_to_stop,
    end_action,
    find_action,
    last_actions,
    running_actions,
)
from weaselish.serve.storage.database import Database
from weaselish.serve.storage.run_row import Mask, RunRow

_OTHERS = 2  # actions of each other kind than runs at the same time
_STARTING = 15.0  # seconds that a supervisor may take before it holds its lock
_KEPT = 200  # actions whose messages are kept
_SHOWN = 1 << 20  # bytes of messages
_PRIVATE = "PROJ_SERVE_"  # variables of the dashboard, which no script gets
_TICK = 1.0  # seconds between two looks at what runs on this host


class ActionOutput(NamedTuple):
    """What `proj` wrote: its document on stdout if it has ended, its messages on stderr."""

    result: object
    messages: str


class Actions:
    """The actions of one server. Thread-safe."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._root = settings.data_root / "actions"
        self._host = os.uname().nodename
        self._closed = threading.Event()

    def start(self, directory: Path, request: ActionRequest, visitor: str, mask: Mask) -> ActionRow:
        """Start what a visitor asks for. Raises ProjError for what cannot be done, Busy if too much runs already."""
        request = _within(request, self._settings.limits)
        words = words_of(request, directory)
        self.sync()
        shown = tuple(mask(word) for word in shown_words(words))
        at_once = self._settings.limits.runs if isinstance(request, RunRequest) else _OTHERS
        new = NewAction(str(directory), request.kind, shown, visitor, self._host, str(self._root), at_once)
        action = add_action(self._database, new, now=self._clock())
        try:
            self._launch(
                action, Task(_argv((*words, *form_of(request))), str(directory), _ceilings(self._settings.limits))
            )
        except OSError as error:
            self._end(action, 126, f"it could not be started: {error.strerror}")
        return find_action(self._database, action)

    def stop(self, action: int) -> ActionRow:
        """Ask an action to end: first as Ctrl-C does, later by force. Raises UnknownName."""
        row = find_action(self._database, action)
        if row.is_running:
            ask_to_stop(self._database, action)
            self._pass_on_stop(row)
        return find_action(self._database, action)

    def stop_run(self, row: RunRow, directory: Path) -> None:
        """End the `proj` process that a run belongs to, wherever on this host it was started. Raises ProjError."""
        if not row.is_running:
            raise UsageError(f"the run {row.run} of `{row.command}` has ended")
        if row.host != self._host:
            raise UsageError(f"the run is on the host `{row.host}`", hint="stop it there")
        journal = directory / STATE / "runs" / row.journal
        takers, _ = holders(journal) if journal.is_file() else (set(), set())
        if not takers:
            raise Busy("the process of the run was not found on this host", hint="reload the page: it may have ended")
        for pid in takers:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)

    def find(self, action: int) -> ActionRow:
        """Return an action with its current state. Raises UnknownName."""
        self.sync()
        return find_action(self._database, action)

    def last(self, directories: Mapping[str, Path], *, most: int = 50) -> list[ActionRow]:
        """Return the last actions of projects, the newest first."""
        self.sync()
        return last_actions(self._database, [str(path) for path in directories.values()], most=most)

    def output(self, row: ActionRow, mask: Mask) -> ActionOutput:
        """Return what an action of this server wrote, with secrets masked."""
        if row.host != self._host:
            return ActionOutput(None, f"the messages are on the host {row.host}\n")
        directory = Path(row.root) / str(row.id)
        text = mask(_read(directory / RESULT))
        result: object = None
        with suppress(ValueError):
            result = json.loads(text)
        return ActionOutput(result, mask(_read(directory / MESSAGES)))

    # -- following -----------------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Store how the actions of this server ended, and end those that should. Raises DatabaseError."""
        for row in running_actions(self._database, host=self._host, root=str(self._root)):
            directory = self._root / str(row.id)
            if self._has_ended(row, directory):
                continue
            if row.is_stopping:
                self._pass_on_stop(row)
            is_late = self._clock() - row.started > _STARTING
            if is_late and not _is_alive(directory / ALIVE) and not self._has_ended(row, directory):
                self._end(row.id, None, "its process was killed")

    def follow(self) -> None:
        """Keep the states current until `close`, in a thread of its own: another server may ask to stop an action."""
        from weaselish.errors import ProjError

        def work() -> None:
            while not self._closed.wait(_TICK):
                with suppress(ProjError):  # the next look may succeed
                    self.sync()

        threading.Thread(target=work, name="actions", daemon=True).start()

    def close(self) -> None:
        """End `follow`. Actions go on."""
        self._closed.set()

    def _has_ended(self, row: ActionRow, directory: Path) -> bool:
        with suppress(OSError, ValueError, KeyError):
            outcome = json.loads((directory / OUTCOME).read_bytes())
            self._end(row.id, outcome["exit_code"], outcome["reason"], outcome["ended"])
            return True
        return False

    def _end(self, action: int, exit_code: int | None, reason: str | None, ended: float | None = None) -> None:
        end_action(self._database, action, ended=ended or self._clock(), exit_code=exit_code, reason=reason)

    def _pass_on_stop(self, row: ActionRow) -> None:
        if (row.host, row.root) == (self._host, str(self._root)):
            with suppress(OSError):
                (self._root / str(row.id) / STOP).touch()

    def _remove_old(self, newest: int) -> None:
        """Delete what the oldest actions of this server wrote. The database keeps that they took place."""
        kept = {row.id for row in running_actions(self._database, host=self._host, root=str(self._root))}
        for name in os.listdir(self._root):
            if 0 < _number(name) <= newest - _KEPT and _number(name) not in kept:
                shutil.rmtree(self._root / name, ignore_errors=True)

    def _launch(self, action: int, task: Task) -> None:
        directory = self._root / str(action)
        directory.mkdir(parents=True, mode=0o700)
        self._remove_old(action)
        fd = os.open(directory / TASK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            file.write(task.to_json())
        words = [sys.executable, "-P", "-m", "weaselish.serve.actions.supervisor", str(directory)]
        process = subprocess.Popen(
            words,
            cwd="/",
            env=_environ(self._settings.limits),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=process.wait, name=f"action {action}", daemon=True).start()  # so that no zombie stays


def _number(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def _argv(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that start `proj`. A module in the project's directory replaces none of Python's (-P)."""
    return (sys.executable, "-P", "-m", "weaselish", *words)


def _environ(limits: Limits) -> dict[str, str]:
    """Return the environment of actions: without the dashboard's own settings, and with no more GPUs than allowed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    if limits.gpus is not None:
        from weaselish.engine.run.machine import GPUS_VARIABLE, VISIBLE, this_machine

        gpus = this_machine(environ).gpus[: limits.gpus]
        environ |= {VISIBLE: ",".join(gpus), GPUS_VARIABLE: str(len(gpus))}
    return environ | {"NO_COLOR": "1", "COLUMNS": "120"}


def _ceilings(limits: Limits) -> Ceilings:
    return Ceilings(limits.cpus, limits.memory, limits.gpus, limits.disk, limits.time)


def _within(request: ActionRequest, limits: Limits) -> ActionRequest:
    """Refuse more steps at a time than there may be processors."""
    if isinstance(request, RunRequest) and limits.cpus is not None and request.jobs > max(1, limits.cpus):
        raise UsageError(
            f"{request.jobs} steps at a time need more than the {limits.cpus:g} cpus that `limits` allows",
            hint="choose fewer steps at a time",
        )
    return request


def _is_alive(path: Path) -> bool:
    with suppress(OSError), open_regular(path) as file:
        return is_locked(file.fileno()) is not False
    return False


def _read(path: Path) -> str:
    with suppress(OSError), open_regular(path) as file:
        return os.pread(file.fileno(), _SHOWN, max(0, os.fstat(file.fileno()).st_size - _SHOWN)).decode(
            "utf-8", "replace"
        )
    return ""
