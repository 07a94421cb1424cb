"""Finds the Python interpreter that `python` means in a project on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def project_python(root: Path, environ: Mapping[str, str]) -> str:
    """Return the interpreter of the active virtual or conda environment, else of the project's .venv, else our own."""
    for prefix in (environ.get("VIRTUAL_ENV"), environ.get("CONDA_PREFIX"), str(root / ".venv")):
        if prefix and os.access(python := os.path.join(prefix, "bin", "python"), os.X_OK):
            return python
    return sys.executable
