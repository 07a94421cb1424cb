"""`proj gc` and what jobs leave on a remote."""

from __future__ import annotations

import os
import time
from pathlib import Path

from harness import ProjectDir

from .samples import below, run, write_chain

DAY = 86_400


def age(path: Path, days: float) -> None:
    """Let a file look as if it had been stored that many days ago."""
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def gc(project: ProjectDir) -> None:
    done = project.proj("gc", "team", "--yes", "--grace", "0s")
    assert done.code == 0, done.err


def test_inputs_go_when_they_are_old_and_no_living_job_names_them(project: ProjectDir, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    write_chain(project, remote)
    saved = tmp_path / "saved"
    project.write(
        "prep.py",
        f"import shutil; shutil.copytree('{remote}/.proj/jobs', '{saved}', dirs_exist_ok=True)\n"
        + project.read("prep.py"),
    )
    run(project, "prep", "--executor", "away")
    inputs = below(remote, ".proj/inputs")
    assert len(inputs) == 2
    gc(project)
    assert below(remote, ".proj/inputs") == inputs  # young
    for name in inputs:
        age(remote / ".proj/inputs" / name, 2)
    [document] = saved.glob("*.json")
    job = remote / ".proj/jobs" / document.name
    job.parent.mkdir(exist_ok=True)
    job.write_bytes(document.read_bytes())
    age(job, 9)
    alive = job.with_suffix("") / "driver.alive"
    alive.parent.mkdir()
    alive.touch()  # a sign of life
    gc(project)
    assert below(remote, ".proj/inputs") == inputs
    age(alive, 2)
    gc(project)
    assert below(remote, ".proj/inputs") == below(remote, ".proj/jobs") == []
    assert len(below(remote, ".proj/runs")) == 1
    run(project, "prep", "-F", "--executor", "away")
