""".proj/logs: all that each run of a step wrote, for the last runs of each command."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

KEPT = 20  # runs of each command whose output is kept
_TAIL = 1 << 16  # bytes in which the last lines are looked for


def log_path(state: Path, command: str, run: int) -> Path:
    return state / "logs" / f"{quote(command, safe='')[:180]}.{run}.log"


class LogWriter:
    """The log of one run, written as the output comes. A disk that is full loses the log, not the run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError:
            self._fd = None

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._close()

    def write(self, data: bytes) -> None:
        if self._fd is not None:
            try:
                os.write(self._fd, data)
            except OSError:
                self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def last_lines(path: Path, count: int) -> list[bytes]:
    """The last lines of a log; nothing if it is gone."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read().splitlines()[-count:]
    except OSError:
        return []


def prune(state: Path) -> None:
    """Delete all but the last logs of each command."""
    logs: dict[str, list[tuple[int, str]]] = defaultdict(list)
    try:
        names = os.listdir(state / "logs")
    except OSError:
        return
    for name in names:
        command, _, run = name.removesuffix(".log").rpartition(".")
        if run.isdigit():
            logs[command].append((int(run), name))
    with suppress(OSError):
        for runs in logs.values():
            for _, name in sorted(runs)[:-KEPT]:
                (state / "logs" / name).unlink(missing_ok=True)
