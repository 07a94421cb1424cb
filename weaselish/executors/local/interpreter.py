"""Finds the Python interpreter that `python` means in a project on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def project_python(root: Path, environ: Mapping[str, str]) -> str:
    """Return the interpreter of the active virtual or conda environment, else of the project's .venv, else our own.

    An active environment that is the one of `proj` itself says nothing about the project: there, .venv comes first.
    """
    active = [
        prefix for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if (prefix := environ.get(name)) and not _is_ours(prefix)
    ]
    for prefix in (*active, str(root / ".venv")):
        if os.access(python := os.path.join(prefix, "bin", "python"), os.X_OK):
            return python
    return sys.executable


def _is_ours(prefix: str) -> bool:
    return os.path.realpath(prefix) == os.path.realpath(sys.prefix)
