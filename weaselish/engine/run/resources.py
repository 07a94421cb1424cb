"""The resources of a run on this machine: which steps ask for too much, and which GPUs a step gets."""

from __future__ import annotations

import heapq
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from weaselish.engine.run.machine import GPUS_VARIABLE, VISIBLE, Machine
from weaselish.errors import ProjError
from weaselish.model.project import Command
from weaselish.model.resources import Resources, shown_bytes, shown_cpus

_NO_ENV: Mapping[str, str] = {}


class LocalResources:
    """Hands out the GPUs of this machine, and refuses requests that it cannot satisfy. Thread-safe."""

    def __init__(self, machine: Machine, root: Path) -> None:
        self._machine = machine
        self._root = root
        self._free = list(range(len(machine.gpus)))  # a heap of ranks
        self._lock = threading.Lock()  # guards _free

    def check(self, command: Command) -> None:
        """Raise ProjError if the command requests more than this machine has."""
        if why := self.excess(command.requested):
            raise ProjError(f"`{command.name}` requests {why[0]}", hint=why[1])

    def excess(self, requested: Resources) -> tuple[str, str] | None:
        """Return what is requested in vain, and a hint. None if this machine has it all."""
        here = self._machine
        if requested.gpus > len(here.gpus):
            hint = f"`--gpus N` or {GPUS_VARIABLE} says how many GPUs there are, if `proj` does not find them"
            return f"{_count(requested.gpus)}, and this machine has {_count(len(here.gpus))}", hint
        if requested.cpus > here.cpus:
            there = shown_cpus(here.cpus)
            return f"{shown_cpus(requested.cpus)} cpus, and this machine has {there}", "lower `resources`"
        if requested.memory > here.memory:
            there = shown_bytes(here.memory)
            return f"{shown_bytes(requested.memory)} of memory, and this machine has {there}", "lower `resources`"
        if requested.disk and requested.disk > (free := shutil.disk_usage(self._root).free):
            return f"{shown_bytes(requested.disk)} of disk, and {shown_bytes(free)} are free", "free some space"
        return None

    @contextmanager
    def taken(self, command: Command) -> Iterator[Mapping[str, str]]:
        """Take what the command requests, for the block. Yield the variables that tell its script of it.

        The schedule starts no more steps than there are GPUs for.
        """
        count = command.requested.gpus
        if not count:
            yield _NO_ENV
            return
        with self._lock:
            ranks = [heapq.heappop(self._free) for _ in range(count)]
        try:
            names = ",".join(self._machine.gpus[rank] for rank in ranks)
            yield {VISIBLE: names} if command.roles else {VISIBLE: names, "GPU_COUNT": str(count)}
        finally:
            with self._lock:
                for rank in ranks:
                    heapq.heappush(self._free, rank)


def _count(gpus: int) -> str:
    return f"{gpus or 'no'} GPU{'' if gpus == 1 else 's'}"
