"""The check of commit messages that `make hooks` installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parent.parent / ".ci" / "commit-msg"


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("Refuse outputs below .git\n\nGit runs its hooks.\n", ""),
        ("Merge branch 'a'\n", ""),
        ("Speed up listing\n", ""),
        ("Added a test\n", "imperative"),
        ("The lock is read twice\n", "imperative"),
        ("Refuse outputs below .git.\n", "full stop"),
        ("Refuse " + "x" * 70 + "\n", "characters"),
        ("Refuse\nat once\n", "second line"),
        ("Keep what whoever asked wrote\n", "whoever"),
        ("\n", "empty"),
    ],
)
def test_a_commit_message_is_short_and_imperative(tmp_path: Path, message: str, problem: str) -> None:
    file = tmp_path / "message"
    file.write_text(message)
    done = subprocess.run([sys.executable, str(CHECK), str(file)], capture_output=True, text=True)
    assert done.returncode == bool(problem)
    assert problem in done.stderr
