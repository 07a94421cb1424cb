"""Runs the console blocks of a page as a reader would, and compares or rewrites the output that the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pages.blocks import ROOT, Block, blocks

_LIMIT = 120.0  # seconds for one command
LAPTOP = """\
import os
name = os.uname()
os.uname = lambda: os.uname_result((name.sysname, "laptop", name.release, name.version, name.machine))
"""  # pages call every machine `laptop`
_ELISION = "…"  # a line of its own: output that the page leaves out
_DIFFERS = (  # what may differ from run to run
    (r"\b\d+(\.\d+)? (ms|s|min|h)\b( \d+ (s|min)\b)?", "TIME"),
    (r"\b\d{8}T\d{6}-[0-9a-f]{8}\b", "SNAPSHOT"),
    (r"\b(\d{16}|\d{6})\b", "RUN"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
    (r"\b\d+(\.\d+)? ([KMG]i)?B(/s)?(?!\w)", "SIZE"),
    (r"\bPython 3\.\d+\.\d+", "PYTHON"),
    (r"\bjust now\b", "TIME ago"),
    (r"[─-]{2,}", "--"),
    (r"[ \t]+", " "),
)


class Ran(NamedTuple):
    """One command of a page: what the page shows, and what happened."""

    block: Block
    command: str
    shown: str
    output: str
    code: int
    expected: int

    @property
    def is_as_shown(self) -> bool:
        return self.code == self.expected and matches(self.shown, self.output)


class Session:
    """A reader's terminal, in an empty home directory. `supplied` are further variables."""

    def __init__(self, scratch: Path, supplied: Mapping[str, str] | None = None) -> None:
        self._scratch = scratch
        (scratch / "bin").mkdir(parents=True)
        (scratch / "home").mkdir()
        for name, words in {"proj": "-m weaselish ", "python": "", "python3": ""}.items():
            file = scratch / "bin" / name
            file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words}"$@"\n')
            file.chmod(0o755)
        (scratch / "python").mkdir()
        (scratch / "python" / "sitecustomize.py").write_text(LAPTOP)
        self.environ = {
            "PATH": f"{scratch / 'bin'}:{os.environ['PATH']}",
            "HOME": str(scratch / "home"),
            "PYTHONPATH": f"{scratch / 'python'}:{ROOT}",
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            **(supplied or {}),
        }
        self.directory = scratch / "projects" / "project"
        self.directory.mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def run(self, command: str) -> tuple[int, str]:
        """Run one command line; return its exit code and output. Its working directory is that of the next one."""
        pwd = self._scratch / "pwd"
        done = subprocess.run(
            ["bash", "-c", f"{command}\ncode=$?\npwd > {shlex.quote(str(pwd))}\nexit $code"],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LIMIT,
        )
        self.directory = Path(pwd.read_text().rstrip("\n"))
        output = done.stdout.decode("utf-8", "replace").replace(str(self.directory.parent), "…")
        return done.returncode, "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def run_page(text: str, scratch: Path, supplied: Mapping[str, str] | None = None) -> Iterator[Ran]:
    """Run the session of a page: write its files, run its setup and its console blocks."""
    session = Session(scratch, supplied)
    for block in blocks(text):
        if (line := block.marked("setup:")) is not None:
            code, output = session.run(line)
            assert code == 0, f"line {block.line}: {output}"
        if (path := block.marked("file:")) is not None:
            session.write(path, block.text or "")
        elif block.kind == "console" and block.marked("not run:") is None:
            yield from _run_block(session, block)


def _run_block(session: Session, block: Block) -> Iterator[Ran]:
    commands = list(_commands(block.text or ""))
    for number, (command, shown) in enumerate(commands, 1):
        expected = int(block.marked("exits with") or 0) if number == len(commands) else 0
        code, output = session.run(command)
        yield Ran(block, command, shown, output, code, expected)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Split a console block into its commands, each with the output that follows it."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert parts[0] == "", f"a console block begins with `$ `: {parts[0]!r}"
    yield from zip(parts[1::2], parts[2::2], strict=True)


def matches(shown: str, output: str) -> bool:
    """Return whether a page's text shows this output, except for times, sizes, run ids and elided lines."""
    return _match(shown, output) is not None


def _match(shown: str, output: str) -> re.Match[str] | None:
    """Match a page's text with the output. The groups are the parts between elided lines."""
    parts = (re.escape(_normal(part)) for part in _between_elisions(shown))
    return re.fullmatch("(?:.*\n)*".join(f"({part})" for part in parts), _normal(output))


def _between_elisions(shown: str) -> list[str]:
    return re.split(rf"^{_ELISION}\n", shown, flags=re.MULTILINE)


def _with_elisions(shown: str, output: str) -> str:
    """Return the output without the lines that the page leaves out, if it still shows the same lines."""
    match = _match(shown, output)
    if match is None:
        return output
    lines = output.splitlines(keepends=True)
    kept = []
    for group in range(1, match.re.groups + 1):
        first, last = (match.string.count("\n", 0, position) for position in match.span(group))
        kept.append("".join(lines[first:last]))
    return f"{_ELISION}\n".join(kept)


def _normal(text: str) -> str:
    for pattern, name in _DIFFERS:
        text = re.sub(pattern, name, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def rewritten(text: str, scratch: Path, supplied: Mapping[str, str] | None = None, *, renew: bool = False) -> str:
    """Return the page with the output of one session. Unless `renew`, a page that is still right keeps its bytes."""
    session = list(run_page(text, scratch, supplied))
    if not renew and all(ran.is_as_shown for ran in session):
        return text
    new: dict[int, str] = {}
    ends: dict[int, int] = {}
    for ran in session:
        shown = _with_elisions(ran.shown, ran.output)
        new[ran.block.start] = new.get(ran.block.start, "") + f"$ {ran.command}\n{shown}"
        ends[ran.block.start] = ran.block.start + len(ran.block.text or "")
        if ran.code != ran.expected:
            print(f"line {ran.block.line}: `{ran.command}` exits with {ran.code}\n{ran.output}", file=sys.stderr)
    for start in sorted(new, reverse=True):
        text = text[:start] + new[start] + text[ends[start] :]
    return text
