from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Done, ProjectDir

GOLDEN = Path(__file__).parent / "golden"

PIPELINE = """\
title: Lines
description: Counts the first lines of a text.
vars:
  lines: 2
commands:
  - name: prepare
    help: Take the first lines
    script: ["sh prepare.sh ${vars.lines}"]
    deps: [prepare.sh, raw.txt]
    outputs: [data.txt]
  - name: count
    help: Count them
    shell: true
    script: ["wc -l < data.txt > count.txt"]
    deps: [data.txt]
    outputs: [count.txt]
    outputs_no_cache: [log.txt]
  - name: report
    help: Print the count
    script: [cat count.txt]
    deps: [count.txt]
workflows:
  all: [prepare, count, report]
"""


@pytest.fixture
def pipeline(project: ProjectDir) -> ProjectDir:
    """A project of three steps, each needing the one before; the last has no outputs."""
    project.project(PIPELINE)
    project.write("prepare.sh", 'head -n "$1" raw.txt > data.txt\n')
    project.write("raw.txt", "one\ntwo\nthree\n")
    return project


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare what calls of `proj` printed with a file of the test's name; with GOLDEN=rewrite, write that file."""
    name = re.sub(r"[^\w]+", "_", request.node.name.removeprefix("test_golden_")).strip("_")
    file = GOLDEN / f"{name}.txt"

    def compare(*calls: tuple[str, Done]) -> None:
        shown = "\n".join(_shown(line, done) for line, done in calls)
        if os.environ.get("GOLDEN") == "rewrite":
            file.write_text(shown, "utf-8")
        rewrite = f"`GOLDEN=rewrite pytest {request.node.nodeid.partition('::')[0]} -k 'WORD or WORD'` writes it"
        assert file.exists(), f"there is no {file}: {rewrite}"
        assert shown == file.read_text("utf-8"), f"{file} differs. If it should, {rewrite}"

    return compare


_DIFFERS = (
    (r"\b\d+\.\d s\b", "0.0 s"),
    (r"\b\d+ s ago\b", "0 s ago"),
    (r"\b\d+ ms\b", "0 ms"),
    (r'"seconds":[\d.]+', '"seconds":0.0'),
    (r'"run":\d{16}', '"run":1700000000000000'),
    (r"(?m)^\d{6}(?= +\d{4}-)", "123456"),  # a run in the log
    (r"\brun \d{6}\b", "run 123456"),
    (r"`\d{6}`", "`123456`"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-31 12:00:00"),
    (r"\b\d{8}T\d{6}-[0-9a-f]{8}\b", "20260131T120000-01234567"),  # a snapshot
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 on \S+", "2026-01-31T12:00:00+00:00 on host"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d\b", "2026-01-31 12:00"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by (proj \S+) on \S+,", r"2026-01-31T12:00:00Z by \1 on host,"),
    (r"\b\d{16} of `", "1700000000000000 of `"),
    (r"/\S*/(project|remote|templates|scratch)\b", r"…/\1"),
)


def _shown(line: str, done: Done) -> str:
    """One call as in a session: what it printed, errors behind `! `, without what differs from run to run."""
    out = "".join(f"{text}\n" for text in done.out.splitlines())
    err = "".join(f"! {text}".rstrip() + "\n" for text in done.err.splitlines())
    shown = f"$ {line}\n{out}{err}[exit {done.code}]\n"
    for pattern, text in _DIFFERS:
        shown = re.sub(pattern, text, shown)
    return shown
