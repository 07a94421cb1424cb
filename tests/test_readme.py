"""The tour of the README, run line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def tour() -> list[str]:
    text = README.read_text("utf-8")
    part = re.search(r"<!-- tour:.*?-->(.*?)<!-- end of tour -->", text, re.DOTALL)
    assert part is not None
    return [line.removeprefix("$ ") for line in part[1].splitlines() if line.startswith("$ ")]


def test_every_line_of_the_tour_works_and_the_second_run_does_nothing(tmp_path: Path) -> None:
    """One shell runs all of it; a line that fails ends it."""
    lines = tour()
    assert 8 <= len(lines) <= 15
    (tmp_path / "bin").mkdir()
    proj = tmp_path / "bin" / "proj"
    proj.write_text(f'#!/bin/sh\nexec {sys.executable} -m weaselish "$@"\n')
    proj.chmod(0o755)
    script = "\n".join(f"echo '@ {line}'\n{line}" for line in lines)
    env = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "PROJ_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=tmp_path, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout
    first, second, after_pull = (part.split("@ ")[0] for part in done.stdout.split("@ proj run all\n")[1:])
    assert "2 ran" in first
    for later in (second, after_pull):
        assert "Running command" not in later
        assert "all up to date (2 steps)" in later
    assert (tmp_path / "demo" / "shout.txt").read_text() == "HELLO, WORLD!\n"
