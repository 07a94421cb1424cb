"""The work that a server does on its own, in one thread: certificate, backups, removal of what has ended."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weaselish.cancel import Cancel, Level
from weaselish.errors import Cancelled, ProjError
from weaselish.serve.access.visitors import idle_seconds
from weaselish.serve.backup import make_due_backups
from weaselish.serve.certificates import CertificateFiles, load_into
from weaselish.serve.serving import Serving
from weaselish.serve.storage.attempts import remove_old_attempts
from weaselish.serve.storage.audit import remove_old_audit
from weaselish.serve.storage.backups import remove_old_backups
from weaselish.serve.storage.links import remove_expired_links
from weaselish.serve.storage.logins import remove_expired_logins
from weaselish.serve.storage.sessions import remove_ended
from weaselish.serve.storage.tokens import remove_expired_tokens

_log = logging.getLogger(__name__)
_TICK = 0.5  # seconds between two looks at what is due


@dataclass(frozen=True, slots=True)
class Task:
    """Work that is done every `seconds`."""

    seconds: float
    work: Callable[[], None]


class Upkeep:
    """A thread that does tasks until it is closed. An error of one is logged, and does not end it."""

    def __init__(self, tasks: Sequence[Task], cancel: Cancel) -> None:
        self._tasks = tasks
        self._cancel = cancel
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, *, within: float) -> None:
        """Cancel what is being done, and wait for its end for `within` seconds."""
        self._closed.set()
        self._cancel.request(Level.TERMINATE)
        self._thread.join(within)

    def _run(self) -> None:
        due = [0.0 for _ in self._tasks]
        while not self._closed.is_set():
            for number, task in enumerate(self._tasks):
                if time.monotonic() >= due[number]:
                    self._do(task)
                    due[number] = time.monotonic() + task.seconds
            self._closed.wait(_TICK)

    def _do(self, task: Task) -> None:
        try:
            task.work()
        except Cancelled:
            self._closed.set()
        except ProjError as error:
            _log.error("%s", error.message)
        except Exception:  # noqa: BLE001 - a bug in one task must not end the others
            _log.exception("an error in proj")


def tasks_of(serving: Serving, cancel: Cancel) -> list[Task]:
    """Return the tasks that every server has."""
    return [
        Task(600, lambda: remove_what_ended(serving)),
        Task(20, lambda: make_due_backups(serving, cancel=cancel)),
    ]


def certificate_task(context: ssl.SSLContext, files: CertificateFiles) -> Task:
    """Return the task that loads a certificate again when its files change; a broken one is not taken."""
    state = [files.state]

    def reload() -> None:
        current = files.state
        if current in (state[0], ()):
            return
        state[0] = current
        load_into(context, files)
        _log.warning("loaded the certificate of %s again", files.certificate)

    return Task(1, reload)


def remove_what_ended(serving: Serving) -> None:
    """Delete sessions, tokens, links and counts that have ended, and old rows of the logs. Raises DatabaseError."""
    database, now = serving.database, serving.clock()
    remove_ended(database, now=now, idle=idle_seconds(serving.settings))
    for remove in (
        remove_expired_tokens,
        remove_expired_links,
        remove_expired_logins,
        remove_old_attempts,
        remove_old_audit,
        remove_old_backups,
    ):
        remove(database, now=now)
