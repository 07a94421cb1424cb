"""`proj` in processes that may be killed at any moment, and what they cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import RawValue
from pathlib import Path
from typing import Any

import pytest
from harness import TIMEOUT, ProjectDir, wait_until

SMALL_DISK = 4 << 20  # bytes

_FILES = ("os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.symlink", "os.truncate")


@dataclass(slots=True)
class Events:
    """Counts what a process does to files (or only `kind` of it), and kills it just before one of that."""

    kind: str | None = None
    kill_at: int | None = None
    _count: Any = field(default_factory=lambda: RawValue("i", 0))

    @property
    def count(self) -> int:
        return int(self._count.value)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._counts(event, args):
            return
        self._count.value += 1
        if self._count.value == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _counts(self, event: str, args: tuple[Any, ...]) -> bool:
        if self.kind:
            return event == self.kind
        return event in _FILES or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR) > 0
        )


@dataclass(frozen=True, slots=True)
class Child:
    pid: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code; -N if signal N ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @property
    def has_ended(self) -> bool:
        """Whether it is a zombie: `wait` would not wait."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def fork(project: ProjectDir, *words: str, events: Events | None = None) -> Child:
    """`proj WORDS` in a child of this process: there at once, since all is imported already."""
    pid = os.fork()
    if pid:
        return Child(pid)
    try:
        if events:
            sys.addaudithook(events)
        os._exit(project.proj(*words).code)
    finally:
        os._exit(70)


def peak_memory(project: ProjectDir, *words: str) -> int:
    """The most memory that `proj WORDS` had at once, in bytes."""
    code = (
        "import sys; from weaselish.__main__ import main; code = main(sys.argv[1:]);"
        "print('peak', next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]);"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=project.path,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) * 1024


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk that is full soon. Only root can have one: a skip elsewhere."""
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(argv, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        wait_until(lambda: subprocess.run(["umount", str(place)], capture_output=True).returncode == 0, "unmounting")
