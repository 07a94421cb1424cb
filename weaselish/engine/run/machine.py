"""What this machine has: processors, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from weaselish.errors import UsageError
from weaselish.model.resources import Resources
from weaselish.named_tuple import NamedTuple

GPUS_VARIABLE = "PROJ_GPUS"
VISIBLE = "CUDA_VISIBLE_DEVICES"


class Machine(NamedTuple):
    """Processors, bytes of memory, and the names of the GPUs as CUDA_VISIBLE_DEVICES has them."""

    cpus: float
    memory: int
    gpus: tuple[str, ...]

    @property
    def resources(self) -> Resources:
        return Resources(self.cpus, self.memory, len(self.gpus))


def this_machine(environ: Mapping[str, str], gpus: str | None = None) -> Machine:
    """Return what this process may use. `gpus` overrides PROJ_GPUS: a number, or `auto`. Raises UsageError."""
    given = gpus if gpus is not None else environ.get(GPUS_VARIABLE) or "auto"
    return Machine(_cpus(), _memory(), _gpus(given, environ))


def _cpus() -> float:
    count = float(len(os.sched_getaffinity(0)))
    quota, period = _number("cpu/cpu.cfs_quota_us"), _number("cpu/cpu.cfs_period_us")
    words = _text("cpu.max").split()
    if len(words) == 2 and words[0].isdecimal():
        quota, period = int(words[0]), int(words[1])
    return min(count, quota / period) if quota and period and quota > 0 else count


def _memory() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = (_number("memory.max"), _number("memory/memory.limit_in_bytes"))
    return min([total, *(limit for limit in limits if limit)])


def _gpus(given: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    visible = environ.get(VISIBLE)
    allowed = None if visible is None else tuple(name.strip() for name in visible.split(",") if name.strip())
    if given == "auto":
        return _installed() if allowed is None else allowed
    if not (given.isascii() and given.isdecimal()) or int(given) > 1024:
        raise UsageError(f"`{given}` is not a valid number of GPUs", hint="give a number from 0 to 1024, or `auto`")
    count = int(given)
    if allowed is None:
        return tuple(map(str, range(count)))
    if count > len(allowed):
        raise UsageError(
            f"{VISIBLE} allows {len(allowed)} GPUs, not {count}", hint="lower `--gpus`, or change the variable"
        )
    return allowed[:count]


def _installed() -> tuple[str, ...]:
    """Return the numbers of the NVIDIA devices of this machine."""
    names: list[str] = []
    with suppress(OSError):
        names = [match[1] for name in os.listdir("/dev") if (match := re.fullmatch(r"nvidia(\d+)", name))]
    return tuple(sorted(names, key=int))


def _number(name: str) -> int | None:
    text = _text(name)
    return int(text) if text.isdecimal() else None


def _text(name: str) -> str:
    """Return the content of a file of the control groups; empty if there is none."""
    with suppress(OSError):
        return Path("/sys/fs/cgroup", name).read_text().strip()
    return ""
