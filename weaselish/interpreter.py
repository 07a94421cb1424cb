"""Finds the Python interpreter that `python` means in a project on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_BASES = ("base", "root")  # what conda calls the environment that its installation activates in every shell


def project_python(root: Path, environ: Mapping[str, str]) -> str:
    """Return the interpreter of the active virtual or conda environment, else of the project's .venv, else our own.

    An active environment that is the one of `proj` itself says nothing about the project, and neither does conda's
    base environment: .venv comes before them.
    """
    virtual, conda = environ.get("VIRTUAL_ENV"), environ.get("CONDA_PREFIX")
    own = str(root / ".venv")
    order = (virtual, own, conda) if environ.get("CONDA_DEFAULT_ENV") in _BASES else (virtual, conda, own)
    for prefix in order:
        if prefix and not _is_ours(prefix) and os.access(python := os.path.join(prefix, "bin", "python"), os.X_OK):
            return python
    return sys.executable


def _is_ours(prefix: str) -> bool:
    return os.path.realpath(prefix) == os.path.realpath(sys.prefix)
