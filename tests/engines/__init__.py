"""Real engines that run jobs, each as a context manager. `tests/install-servers` installs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass


class Missing(Exception):
    """An engine that this machine cannot run."""


@dataclass(frozen=True, slots=True)
class Engine:
    environ: Mapping[str, str]  # what a client needs to find it
    pid: int | None = None  # of its daemon


def needed(*programs: str) -> None:
    """Raise Missing unless all programs are installed and this process may start them."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    if missing := [program for program in programs if shutil.which(program, path=path) is None]:
        raise Missing(f"{', '.join(missing)} not installed: run tests/install-servers")
    if os.getuid() != 0:
        raise Missing(f"{programs[0]} is started by root only")
