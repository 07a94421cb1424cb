"""Cuts output into lines while it comes, so that each can get the name of its step or replica in front."""

from __future__ import annotations

import time
from collections.abc import Callable

from weaselish.terminal import without_sequences

LONGEST = 1 << 16  # bytes; a longer line is shown in pieces
PROGRESS_EVERY = 2.0  # seconds between two states of a progress bar


def last_line(output: bytes) -> str:
    """Return the last line that is not blank, without colours: of a progress bar, its current state."""
    for piece in reversed(output.replace(b"\r", b"\n").split(b"\n")):
        if text := without_sequences(piece.decode("utf-8", "replace")).replace("\t", " ").strip():
            return text
    return ""


class OutputLines:
    """The output of one step. Memory and time per byte stay bounded, even without a line end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pending = bytearray()  # the line so far, without what a carriage return has overwritten
        self._last_state = b""  # of a progress bar, as it was shown
        self._shown_at = clock()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece of output; return the lines to show now."""
        *ended, rest = data.split(b"\n")
        lines = [line for piece in ended for line in self._end_line(piece)]
        self._pending += rest
        if b"\r" in rest:
            self._drop_overwritten()
            lines += self._progress()
        if len(self._pending) > LONGEST:
            lines += self.end()
        return lines

    def end(self) -> list[bytes]:
        """Return what is left of an unfinished line."""
        return self._end_line(b"") if self._pending else []

    def _end_line(self, piece: bytes) -> list[bytes]:
        self._pending += piece
        self._drop_overwritten()
        line = bytes(self._pending).rstrip(b"\r")
        self._pending.clear()
        was_shown, self._last_state = line == self._last_state != b"", b""
        return [] if was_shown else [line]

    def _drop_overwritten(self) -> None:
        start = self._pending.rfind(b"\r", 0, len(self._pending.rstrip(b"\r")))
        if start >= 0:
            del self._pending[: start + 1]

    def _progress(self) -> list[bytes]:
        """Return the state of a progress bar, unless one was shown just before."""
        now, state = self._clock(), bytes(self._pending).rstrip(b"\r")
        if not state or now - self._shown_at < PROGRESS_EVERY:
            return []
        self._shown_at, self._last_state = now, state
        return [state]
