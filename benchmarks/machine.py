"""Where it was measured, in a line."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def machine(scratch: Path) -> str:
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores ({_cpu()}), {memory:.0f} GiB of memory, {_file_system(scratch)}, {system}, "
        f"Python {platform.python_version()}"
    )


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.machine()


def _file_system(scratch: Path) -> str:
    """The type of the file system that `scratch` lies on."""
    mounts = [line.split()[1:3] for line in _text("/proc/mounts").splitlines()]
    above = {str(place) for place in [scratch.resolve(), *scratch.resolve().parents]}
    return max(((place, kind) for place, kind in mounts if place in above), default=("", "unknown file system"))[1]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
