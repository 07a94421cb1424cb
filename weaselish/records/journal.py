""".proj/runs: one file of JSON lines per process that ran something, flocked by it while it lives.

It is journal and record store in one: what started, what was recorded, how the rest ended. Once all of it is folded
into project.lock and its owner is gone, it moves to `.proj/runs/past` and is history.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
PAST = "past"
_ROOM = 1 << 14  # bytes of blanks that are written ahead: a flush of what goes there need not note a new size


class Journal:
    """This process's own journal: appended to, never rewritten, locked while this process lives. While it is open
    there may be blanks behind its last line. One thread at a time may append; any may flush meanwhile.
    """

    def __init__(self, runs: Path) -> None:
        now = time.time_ns() // 1000
        self.path = runs / f"{now}-{os.getpid()}-{os.urandom(3).hex()}.jsonl"
        self._fd = self._open_locked()
        self._end = self._size = 0  # of the lines; of the file
        self._flushing = threading.Lock()
        self._flushed = 0
        self.append({"event": "began", "format": FORMAT, "pid": os.getpid(), "host": os.uname().nodename, "at": now})

    def _open_locked(self) -> int:
        while True:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(fd, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self.path).st_ino == os.fstat(fd).st_ino:
                    return fd
            os.close(fd)  # someone took it for a dead one's before it was locked

    def append(self, line: Mapping[str, Any]) -> int:
        """Append one line whole, or nothing; the position of its end, for `flush`. Raises OSError."""
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"
        if self._end + len(data) > self._size:
            self._make_room(len(data))
        written = os.pwrite(self._fd, data, self._end)
        if written < len(data):
            os.ftruncate(self._fd, self._end)
            self._size = self._end
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written
        self._size = max(self._size, self._end)
        return self._end

    def flush(self, end: int) -> None:
        """What was appended up to `end` is on the disk when this returns. Who waited for another's flush may be spared
        its own. Raises OSError.
        """
        with self._flushing:
            if self._flushed < end:
                appended = self._end
                os.fdatasync(self._fd)
                self._flushed = appended

    def _make_room(self, needed: int) -> None:
        """As much as there is on the disk."""
        with contextlib.suppress(OSError):
            self._size = self._end + os.pwrite(self._fd, b" " * (needed + _ROOM), self._end)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._end)
        os.close(self._fd)


class JournalReader:
    """Reads one journal on from where it stopped reading; half-written last lines are left for the next time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._end = 0  # when it was last read

    def lines(self) -> Iterator[dict[str, Any]]:
        """The new complete lines. What is no JSON object is passed over."""
        data = self._rest()
        end = data.rfind(b"\n") + 1
        self._end = self._offset + len(data)
        self._offset += end
        for text in data[:end].splitlines():
            try:
                line = json.loads(text.decode("utf-8", "surrogateescape"))
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line

    def _rest(self) -> bytes:
        """What follows the lines that were read, without blanks at its end."""
        for path in (self.path, self.path.parent / PAST / self.path.name):  # it may have become history meanwhile
            with contextlib.suppress(OSError), open(path, "rb") as file:
                file.seek(self._offset)
                return file.read().rstrip(b" ")
        return b""

    @property
    def grew(self) -> bool:
        return self._offset + len(self._rest()) > self._end


def owner_lives(path: Path) -> bool:
    """Whether the process that writes this journal is alive, on whichever host."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def retire(path: Path) -> None:
    """Move a dead owner's journal to the past, unless its owner turns out to live."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        past = path.parent / PAST
        past.mkdir(exist_ok=True)
        os.replace(path, past / path.name)
    except OSError:
        pass
    finally:
        os.close(fd)
