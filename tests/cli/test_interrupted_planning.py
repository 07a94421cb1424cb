"""Ctrl-C while a subcommand reads very much: it ends within a second or so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
from harness import ProjectDir

PROMPT = 5.0  # seconds: far below the minutes that the work would take, far above what a busy machine needs


def many_directories(project: ProjectDir) -> None:
    """Ten directories, each of which leads to the next one five times: ten million paths.

    Linux refuses a path of more than 40 links. It may count them twice while other processes rename files.
    """
    for index in range(10):
        (project.path / f"data/{index}").mkdir(parents=True)
        for name in "abcde":
            (project.path / f"data/{index}/{name}").symlink_to(f"../{index + 1}")
    (project.path / "data/10").mkdir()


def large_file(project: ProjectDir) -> None:
    """A file of which reading takes minutes, and which takes no room on the disk."""
    (project.path / "data").mkdir()
    with open(project.path / "data/large", "wb") as file:
        file.truncate(1 << 37)


def large_files(project: ProjectDir) -> None:
    """Files that threads read."""
    large_file(project)
    (project.path / "data/other").write_bytes(b"1")


@pytest.mark.parametrize("words", [["run"], ["run", "--dry"], ["status"], ["lock", "accept", "make"]], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "dep"),
    [
        (many_directories, "data/0"),
        (many_directories, "data/0/**/x"),
        (large_file, "data/large"),
        (large_files, "data"),
    ],
    ids=["a dep directory", "a glob", "a file", "files in threads"],
)
def test_ctrl_c_ends_what_reads_very_much(
    project: ProjectDir, content: Callable[[ProjectDir], None], dep: str, words: list[str]
) -> None:
    content(project)
    project.write("out", "1")
    project.project(
        f"""
        commands:
          - {{name: make, script: ["touch out"], deps: ["{dep}"], outputs: [out]}}
        workflows:
          all: [make]
        """
    )
    if words == ["run"]:
        words = ["run", "all"]
    if words == ["run", "--dry"]:
        words = ["run", "all", "--dry"]
    started = project.start(*words)
    time.sleep(1.5)  # no event says that it reads by now; if it does not yet, the test is only easier
    assert started.is_running
    started.signal(signal.SIGINT)
    begun = time.monotonic()
    done = started.wait()
    assert time.monotonic() - begun < PROMPT
    assert done.code == 130
    assert "Traceback" not in done.err
