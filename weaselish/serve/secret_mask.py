"""Masks the secrets of a project in everything that the dashboard shows or stores about it."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.load import FILE
from weaselish.model.interpolate import is_secret
from weaselish.model.masking import masked
from weaselish.resolved_secrets import SHORTEST, without_resolved

_FRESH = 1.0  # seconds after which project.yml may have changed


class SecretMask:
    """Masks the values of the secrets that project.yml declares, and of those that this process resolved. Thread-safe.

    It reads project.yml again when that changed. Values that an earlier project.yml declared stay masked.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()  # guards what follows
        self._read_at: tuple[int, ...] | None = None
        self._look_again = 0.0
        self._secrets: frozenset[str] = frozenset()

    def __call__(self, text: str) -> str:
        """Return the text with secrets masked."""
        text = without_resolved(text)
        secrets = self._current()
        return masked(text, secrets) if any(secret in text for secret in secrets) else text

    def _current(self) -> frozenset[str]:
        with self._lock:
            if time.monotonic() < self._look_again:
                return self._secrets
            now = _stat(self._root / FILE)
            self._look_again = time.monotonic() + _FRESH
            if now != self._read_at:
                self._read_at = now
                self._secrets |= self._declared()
            return self._secrets

    def _declared(self) -> frozenset[str]:
        from weaselish.api.project import Project

        try:
            secrets = Project(self._root).secrets()
        except ProjError:  # project.yml cannot be read now: mask whatever it may declare
            secrets = frozenset(value for name, value in os.environ.items() if is_secret(name))
        return frozenset(secret for secret in secrets if len(secret) >= SHORTEST)


def _stat(path: Path) -> tuple[int, ...]:
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size, status.st_ino
    return ()
