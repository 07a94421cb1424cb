"""The clock of a project's file system, which decides whether a file's stat can be trusted.

A file may be rewritten within one tick of that clock without its stat showing it. So a stat is trusted only if the
file was last changed well before the stat was taken.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

SETTLE_TIME = 2_000_000_000  # ns: the coarsest clock of a file system in use (FAT) ticks every 2 s
_TICK_TIMEOUT = 50  # ms


class DiskClock:
    """The clock of the file system that holds `directory`. None stands for no clock: nothing is trusted."""

    settle_time = SETTLE_TIME

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def now(self) -> int:
        """Return the time in ns since 1970; 0 if the clock cannot be read, which trusts nothing."""
        if self._directory is None:
            return 0
        try:
            fd = os.open(os.path.join(self._directory, "clock"), os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.utime(fd)
                return os.fstat(fd).st_mtime_ns
            finally:
                os.close(fd)
        except OSError:
            return 0

    def is_settled(self, changed: int, checked_at: int) -> bool:
        """Return whether a file that was last changed at `changed` could be trusted at `checked_at`."""
        return changed < checked_at - self.settle_time

    def settled_after(self, changed: int) -> int:
        """Return the first time at which a file that was last changed at `changed` can be trusted."""
        return changed + self.settle_time + 1

    def past_time(self) -> int | None:
        """Return a settled time that every file system can store; None if the clock cannot be read."""
        now = self.now()
        return (now - 2 * self.settle_time) // self.settle_time * self.settle_time if now else None

    def ticks_after(self, then: int) -> bool:
        """Wait briefly for the clock to pass `then`; whether it did. A later change has a later time."""
        for _ in range(_TICK_TIMEOUT):
            if self.now() > then:
                return True
            time.sleep(0.001)
        return False

    def is_of_device(self, device: int) -> bool:
        """Return whether this is the clock of the file system `device`."""
        return self._directory is not None and os.stat(self._directory).st_dev == device
