"""The logs in `.proj/logs`: what the scripts of the last runs printed."""

from __future__ import annotations

import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

from weaselish.files.regular import open_regular
from weaselish.named_tuple import NamedTuple

_REPLICAS = ".replicas"  # ends the name of the directory with the logs of replicas, where a log has .log
_TAIL = 1 << 16  # bytes in which `last_lines` looks for line ends
_BLOCK = 1 << 16
_NAME = re.compile(r"(.*)\.([0-9]{1,19})\.log", re.DOTALL)  # of a log: command and run


class LogLimits(NamedTuple):
    """How much is kept. The last log of each command is always kept."""

    runs: int = 20  # of each command
    days: float = 90.0
    size: int = 1 << 30  # bytes of all logs together


def log_path(state: Path, command: str, run: int) -> Path:
    return state.joinpath("logs", log_name(command, run))


def log_name(command: str, run: int) -> str:
    """Return the name of a log in its directory."""
    return f"{quote(command, safe='')[:180]}.{run}.log"


class LogWriter:
    """The log of one run, written as the output arrives. If the disk is full, the log ends and the run goes on."""

    def __init__(self, path: Path, how: int = os.O_TRUNC) -> None:
        self.path = path
        self._fd: int | None = None
        with suppress(OSError):
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC, 0o666)

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        if self._fd is not None:
            try:
                os.write(self._fd, data)
            except OSError:
                self.close()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def open_replica_log(log: Path, replica: str) -> LogWriter:
    """Open the log of one replica, such as `worker.2`, in a directory beside the log of its step's run.

    Retries of the step append to it.
    """
    path = replica_log(log, replica)
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
    return LogWriter(path, os.O_APPEND)


def replica_log(log: Path, replica: str | None) -> Path:
    """Return the log of one replica of a step's run, of which `log` is the log; that one without a replica."""
    return log if replica is None else log.with_suffix(_REPLICAS) / f"{quote(replica, safe='')}.log"


class ReplicaLog(NamedTuple):
    role: str
    number: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.role}.{self.number}"


def replica_logs(log: Path) -> list[ReplicaLog]:
    """Return the logs of the replicas of a step's run, by role and number; none if it has no roles."""
    found = []
    with suppress(OSError):
        for path in log.with_suffix(_REPLICAS).iterdir():
            role, _, number = unquote(path.stem).rpartition(".")
            if number.isdecimal():
                found.append(ReplicaLog(role, number, path))
    return sorted(found, key=lambda one: (one.role, int(one.number)))


def read_log(path: Path) -> Iterator[bytes]:
    """Yield a log in blocks; nothing if it is gone or cannot be read."""
    with suppress(OSError), open_regular(path) as file:
        while block := file.read(_BLOCK):
            yield block


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last lines of a log; nothing if it is gone or cannot be read."""
    with suppress(OSError), open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        return file.readall().splitlines()[-count:]
    return []


class _Log(NamedTuple):
    run: int
    path: str
    size: int  # with the logs of its replicas
    modified: float


def prune(state: Path, limits: LogLimits = LogLimits(), *, now: float | None = None) -> None:  # noqa: B008 - frozen
    """Delete the logs that exceed the limits, the oldest first."""
    oldest = (time.time() if now is None else now) - limits.days * 86400
    older: list[_Log] = []  # than the last log of their command
    size = 0
    for logs in _logs(state / "logs").values():
        logs.sort(reverse=True)
        size += logs[0].size
        for index, log in enumerate(logs[1:], start=1):
            if index >= limits.runs or log.modified < oldest:
                _delete(log)
            else:
                older.append(log)
    for log in sorted(older, key=lambda log: log.modified, reverse=True):
        size += log.size
        if size > limits.size:
            _delete(log)


def _logs(directory: Path) -> dict[str, list[_Log]]:
    """Return the logs of each command, as named in the directory."""
    logs: dict[str, list[_Log]] = defaultdict(list)
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if match := _NAME.fullmatch(entry.name):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        size = status.st_size + sum(one.path.lstat().st_size for one in replica_logs(Path(entry.path)))
                        logs[match[1]].append(_Log(int(match[2]), entry.path, size, status.st_mtime))
    return logs


def _delete(log: _Log) -> None:
    with suppress(OSError):
        os.unlink(log.path)
    with suppress(OSError):
        for replica in replica_logs(Path(log.path)):
            replica.path.unlink()
        Path(log.path).with_suffix(_REPLICAS).rmdir()
