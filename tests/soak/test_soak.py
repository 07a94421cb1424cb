"""The soak in short: random projects and what befalls them, compared with a model. `make soak` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("seed", [1000, 2000])
def test_some_kills_leave_nothing_wrong(seed: int, tmp_path: Path) -> None:
    words = ["--kills", "10", "--seed", str(seed), "--workers", "1", "--patience", "1", "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "soak", *words],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
