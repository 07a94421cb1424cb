"""Limits of a job by a control group of its own, where the system lets this process make one."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from weaselish.model.resources import Resources

_TOP = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds, over which the share of the processors counts
_NUMBERS = count()
_ENTER = 'echo 0 > "$0" && exec "$@"'  # for sh: $0 is cgroup.procs; 0 stands for the process that writes
_REMOVAL = 1.0  # seconds that ended processes may take to leave the group


class Cgroup:
    """A control group that bounds memory, and processors where that is possible. Closed with its `with` block."""

    def __init__(self, directory: Path, *, is_unified: bool) -> None:
        self._directory = directory
        self._is_unified = is_unified

    @classmethod
    def open(cls, limits: Resources) -> Self | None:
        """Make a group with these limits, None where the system does not allow it."""
        for parent, is_unified in _parents():
            group = cls(parent / f"proj-{os.getpid()}-{next(_NUMBERS)}", is_unified=is_unified)
            if group._create(limits):
                return group
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        threading.Thread(target=self._remove, daemon=True).start() if self._is_busy() else self._remove()

    def wrapped(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words that start `argv` as a member of the group."""
        return ("/bin/sh", "-c", _ENTER, str(self._directory / "cgroup.procs"), *argv)

    @property
    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel killed a member because of the limit of memory."""
        name = "memory.events" if self._is_unified else "memory.oom_control"
        with suppress(OSError):
            for line in (self._directory / name).read_text().splitlines():
                key, _, value = line.partition(" ")
                if key == "oom_kill":
                    return int(value) > 0
        return False

    def _create(self, limits: Resources) -> bool:
        try:
            self._directory.mkdir()
        except OSError:
            return False
        try:
            self._set("memory.max" if self._is_unified else "memory.limit_in_bytes", limits.memory)
        except OSError:
            self._remove()
            return False
        with suppress(OSError):  # without swap, the limit is what it says
            self._set("memory.swap.max", 0) if self._is_unified else self._set(
                "memory.memsw.limit_in_bytes", limits.memory
            )
        if self._is_unified and limits.cpus:
            with suppress(OSError):
                self._set("cpu.max", f"{round(limits.cpus * _PERIOD)} {_PERIOD}")
        return True

    def _set(self, name: str, value: object) -> None:
        file = self._directory / name
        if not file.exists():  # writing would try to create it
            raise FileNotFoundError(name)
        file.write_text(str(value))

    def _is_busy(self) -> bool:
        with suppress(OSError):
            return bool((self._directory / "cgroup.procs").read_text())
        return False

    def _remove(self) -> None:
        until = time.monotonic() + _REMOVAL
        while True:
            try:
                return self._directory.rmdir()
            except FileNotFoundError:
                return None
            except OSError:
                if time.monotonic() > until:
                    return None  # a process that the step left behind on purpose is still in it
                time.sleep(0.01)


def _parents() -> list[tuple[Path, bool]]:
    """Return the groups in which ours could be made: of the unified hierarchy, then of the older one for memory."""
    parents = []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            number, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if number == "0" and not controllers:
                own = _TOP / path.lstrip("/")
                parents += [(own.parent, True), (own, True)] if own != _TOP else [(own, True)]
            elif "memory" in controllers.split(","):
                parents.append((_TOP / "memory" / path.lstrip("/"), False))
    return [(parent, is_unified) for parent, is_unified in parents if _holds_memory(parent, is_unified=is_unified)]


def _holds_memory(parent: Path, *, is_unified: bool) -> bool:
    """Return whether the memory of groups below `parent` can be bounded."""
    if not is_unified:
        return (parent / "memory.limit_in_bytes").exists()
    with suppress(OSError):
        return "memory" in (parent / "cgroup.subtree_control").read_text().split()
    return False
