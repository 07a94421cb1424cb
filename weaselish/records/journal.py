"""The journal of one process, and readers of the journals of all: `.proj/runs/*.jsonl`.

A journal notes what started, what was recorded and how the rest ended. Its process locks it while it lives.
Once project.lock holds everything in a journal, and its process is gone, the journal moves to `.proj/runs/past`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from weaselish.files.atomic import flush_data
from weaselish.files.regular import open_regular
from weaselish.locks.flock import NoLocks, is_locked, take, take_for_life
from weaselish.records.journal_lines import Began, JournalLine, decode, encode

PAST = "past"
_WRITTEN_AHEAD = 1 << 14  # bytes of blanks: a flush that does not change the file's size is quicker


class Journal:
    """This process's own journal: appended to, never rewritten, locked while this process lives.

    While it is open, blanks may follow its last line. One thread at a time may append; any thread may flush.
    """

    def __init__(self, runs: Path) -> None:
        now = time.time_ns() // 1000
        self.path = runs / f"{now}-{os.getpid()}-{os.urandom(3).hex()}.jsonl"
        self._fd = self._open_locked()
        self._end = self._size = 0  # of the lines; of the file
        self._flushing = threading.Lock()
        self._flushed = 0
        self.append(Began(os.getpid(), os.uname().nodename, now, _user()))

    def _open_locked(self) -> int:
        while True:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            with contextlib.suppress(OSError, NoLocks):  # a disk without locks: `owner_lives` asks for the process
                take_for_life(fd, self.path)
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self.path).st_ino == os.fstat(fd).st_ino:
                    return fd
            os.close(fd)  # another process retired it before it was locked

    def append(self, line: JournalLine) -> int:
        """Append one complete line, or nothing. Return the position of its end, for `flush`. Raises OSError."""
        data = json.dumps(encode(line), ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"
        if self._end + len(data) > self._size:
            self._write_ahead(len(data))
        written = os.pwrite(self._fd, data, self._end)
        if written < len(data):
            os.ftruncate(self._fd, self._end)
            self._size = self._end
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written
        self._size = max(self._size, self._end)
        return self._end

    def flush(self, end: int) -> None:
        """Flush everything up to `end` to the disk. Raises OSError.

        A thread that waited for the flush of another may find its own line flushed with it.
        """
        with self._flushing:
            if self._flushed < end:
                appended = self._end
                flush_data(self._fd)
                self._flushed = appended

    def _write_ahead(self, needed: int) -> None:
        """Write blanks behind the last line, as many as the disk has room for."""
        with contextlib.suppress(OSError):
            self._size = self._end + os.pwrite(self._fd, b" " * (needed + _WRITTEN_AHEAD), self._end)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._end)
        os.close(self._fd)


def _user() -> str | None:
    """Return the name of the account that runs this process, None if the system has none for it."""
    import pwd

    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return None


class JournalReader:
    """Reads one journal, each time from where it stopped the last time. An incomplete last line waits for its rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._end = 0  # of the file, when it was last read

    def lines(self) -> Iterator[JournalLine]:
        """Yield the new complete lines. Skip what is not a line of a journal."""
        data = self._rest()
        end = data.rfind(b"\n") + 1
        self._end = self._offset + len(data)
        self._offset += end
        for text in data[:end].split(b"\n"):
            line = decode(text)
            if line is not None:
                yield line

    def _rest(self) -> bytes:
        """Return what follows the lines that were read, without the blanks at its end."""
        for path in (self.path, self.path.parent / PAST / self.path.name):  # it may have retired since
            with contextlib.suppress(OSError), open_regular(path) as file:
                file.seek(self._offset)
                return file.readall().rstrip(b" ")
        return b""

    @property
    def grew(self) -> bool:
        return self._offset + len(self._rest()) > self._end


def journals(runs: Path, *, with_past: bool) -> list[Path]:
    """Return the journals in `runs`, in the order in which they began; retired ones come first."""
    paths: list[Path] = []
    for directory in (runs / PAST, runs) if with_past else (runs,):
        with contextlib.suppress(OSError):
            paths += [directory / name for name in sorted(os.listdir(directory)) if name.endswith(".jsonl")]
    return paths


def writer_of(path: Path) -> tuple[int | None, str | None]:
    """Return the process that writes this journal, and its host; nothing if the journal does not say."""
    began = next((line for line in JournalReader(path).lines() if isinstance(line, Began)), None)
    return (None, None) if began is None else (began.pid, began.host)


def owner_lives(path: Path) -> bool:
    """Return whether the process that writes this journal is alive, on whichever host. Take no lock."""
    try:
        with open_regular(path) as file:
            answer = is_locked(file.fileno())
    except OSError:
        return False
    return _process_lives(path) if answer is None else answer


def _process_lives(path: Path) -> bool:
    """Return whether the process exists that the journal names, where the file system has no locks."""
    began = next((line for line in JournalReader(path).lines() if isinstance(line, Began)), None)
    if began is None or began.host != os.uname().nodename:
        return False
    try:
        os.kill(began.pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    except OverflowError:
        return False
    return True


def retire(path: Path) -> None:
    """Move the journal of a dead process to the past. Do nothing if the process turns out to live."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not _take(fd, path):
            return
        past = path.parent / PAST
        past.mkdir(exist_ok=True)
        os.replace(path, past / path.name)
    except OSError:
        pass
    finally:
        os.close(fd)


def _take(fd: int, path: Path) -> bool:
    """Lock a journal. Return False if its process lives."""
    try:
        return take(fd, path)
    except NoLocks:
        return not _process_lives(path)
