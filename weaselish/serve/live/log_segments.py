"""The log of a run in segments that all of its readers share: each is read, masked and encoded once."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from weaselish.named_tuple import NamedTuple
from weaselish.serve.live.run_event import event
from weaselish.serve.pages.ansi import as_html

_SEGMENT = 1 << 16  # bytes
_KEPT = 8  # segments
_LONGEST_PARTIAL = 1 << 14  # bytes of a line without an end that are shown: of a progress bar, the last ones


class LogNews(NamedTuple):
    """Events about a log, and the offset that they lead to.

    `is_end`: there was nothing more. `is_over`: there never will be.
    """

    events: tuple[bytes, ...]
    offset: int
    is_end: bool
    is_over: bool = False


class LogSegments:
    """The log of one run. Streams of one event loop may share it."""

    def __init__(
        self, path: Path, mask: Callable[[str], str], is_over: Callable[[], str | None], *, in_html: bool = False
    ) -> None:
        """Name a log. `is_over` returns the final state of its run, None as long as it runs."""
        self._in_html = in_html
        self._path = path
        self._mask = mask
        self._is_over = is_over
        self._lock = asyncio.Lock()  # guards what follows
        self._kept: OrderedDict[int, tuple[object, LogNews]] = OrderedDict()

    async def after(self, offset: int, tick: object) -> LogNews:
        """Return what follows an offset. Streams that ask for the same with the same tick get one answer."""
        async with self._lock:
            kept = self._kept.get(offset)
            if kept is not None and (kept[0] is tick or not kept[1].is_end):
                return kept[1]
            news = await asyncio.to_thread(self._news, offset)
            self._kept[offset] = tick, news
            self._kept.move_to_end(offset)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return news

    def tail(self, size: int) -> int:
        """Return the offset of the first complete line among the last `size` bytes."""
        start = max(0, self._size() - size)
        if start == 0:
            return 0
        return start + max(0, self._read(start - 1, size).find(b"\n"))

    def _news(self, offset: int) -> LogNews:
        state = self._is_over()  # first: its last lines may be written before we read
        data = self._read(offset, _SEGMENT)
        if len(data) == _SEGMENT:
            end = data.rfind(b"\n") + 1 or _without_torn_character(data)
            return LogNews((self._lines(data[:end], offset + end),), offset + end, is_end=False)
        end = len(data) if state else data.rfind(b"\n") + 1
        events = [self._lines(data[:end], offset + end)] if end else []
        if partial := data[end:][-_LONGEST_PARTIAL:]:
            events.append(event("partial", self._shown(partial)))
        if state:
            events.append(event("end", {"state": state}))
        return LogNews(tuple(events), offset + end, is_end=True, is_over=state is not None)

    def _lines(self, data: bytes, end: int) -> bytes:
        return event("lines", self._shown(data), end)

    def _shown(self, data: bytes) -> dict[str, str]:
        text = self._mask(data.decode("utf-8", "replace"))
        return {"html": as_html(text)} if self._in_html else {"text": text}

    def _size(self) -> int:
        with suppress(OSError), self._open() as file:
            return os.fstat(file.fileno()).st_size
        return 0

    def _read(self, offset: int, size: int) -> bytes:
        with suppress(OSError), self._open() as file:
            return os.pread(file.fileno(), size, offset)
        return b""

    def _open(self) -> FileIO:
        """Open the log, but no file elsewhere that a link in its place leads to. Raises OSError."""
        fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        file = FileIO(fd, "rb")
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            file.close()
            raise OSError(f"{self._path} is not a file")
        return file


def _without_torn_character(data: bytes) -> int:
    """Return the length of `data` without a character of UTF-8 that continues behind it."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            width = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return len(data) - back if width > back else len(data)
    return len(data)
