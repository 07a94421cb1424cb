"""Logs: what is kept, and for how long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weaselish.records.logs import LogLimits, LogWriter, last_lines, log_path, prune, read_log

NOW = 1_800_000_000.0
DAY = 86400.0


def write(state: Path, command: str, run: int, *, size: int = 1, days: float = 0) -> Path:
    path = log_path(state, command, run)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))
    return path


def kept(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "logs").iterdir())


def test_of_each_command_the_last_logs_are_kept(tmp_path: Path) -> None:
    for run in range(1, 12):
        write(tmp_path, "a.b", run)
        write(tmp_path, "c", run)
    prune(tmp_path, LogLimits(runs=2), now=NOW)
    assert kept(tmp_path) == ["a.b.10.log", "a.b.11.log", "c.10.log", "c.11.log"]


def test_old_logs_are_deleted_except_the_last_of_each_command(tmp_path: Path) -> None:
    for run, days in ((1, 91), (2, 89), (3, 1)):
        write(tmp_path, "a", run, days=days)
    write(tmp_path, "b", 1, days=1000)
    prune(tmp_path, now=NOW)
    assert kept(tmp_path) == ["a.2.log", "a.3.log", "b.1.log"]


def test_of_too_many_bytes_the_oldest_logs_go_first(tmp_path: Path) -> None:
    for run in range(1, 5):
        write(tmp_path, "a", run, size=40, days=10 - run)
        write(tmp_path, "b", run, size=10, days=10 - run)
    prune(tmp_path, LogLimits(size=105), now=NOW)
    assert kept(tmp_path) == ["a.3.log", "a.4.log", "b.3.log", "b.4.log"]


def test_other_files_and_missing_directories_are_left_alone(tmp_path: Path) -> None:
    prune(tmp_path, now=NOW)
    write(tmp_path, "a", 1)
    for name in ("notes.txt", "a.x.log", "a.2", "a.3.log"):
        (tmp_path / "logs" / name).mkdir()
    before = kept(tmp_path)
    prune(tmp_path, LogLimits(runs=1, size=0), now=NOW + 1000 * DAY)
    assert kept(tmp_path) == before


def test_a_full_disk_ends_the_log_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LogWriter(tmp_path / "x.log") as log:
        log.write(b"one\n")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            log.write(b"two\n")
        log.write(b"three\n")
    assert b"".join(read_log(tmp_path / "x.log")) == b"one\n"
    assert last_lines(tmp_path / "x.log", 5) == [b"one"]
    assert last_lines(tmp_path / "y.log", 5) == []
