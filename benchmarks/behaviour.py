"""What tools run again after a change: the table in docs/compare.md.

`python -m benchmarks.behaviour NAME=PROGRAM…` checks the named tools, such as `make=make`. Names are those of
TOOLS. Each question begins with a new project of two steps, `one` (in.txt → mid.txt) and `two` (mid.txt → out.txt).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

ONE = "echo one >> ran.log; tr a-z A-Z < in.txt > mid.txt\n"
TWO = "echo two >> ran.log; cat mid.txt > out.txt\n"
MAKEFILE = """\
all: out.txt
mid.txt: one.sh in.txt
	sh one.sh 1
out.txt: two.sh mid.txt
	sh two.sh
"""
TASKFILE = """\
version: '3'
tasks:
  all: {deps: [two]}
  one: {sources: [one.sh, in.txt], generates: [mid.txt], cmds: [sh one.sh 1]}
  two: {deps: [one], sources: [two.sh, mid.txt], generates: [out.txt], cmds: [sh two.sh]}
"""
SNAKEFILE = """\
rule all:
    input: "out.txt"
rule one:
    input: "one.sh", "in.txt"
    output: "mid.txt"
    shell: "sh one.sh 1"
rule two:
    input: "two.sh", "mid.txt"
    output: "out.txt"
    shell: "sh two.sh"
"""
DVC = """\
stages:
  one: {cmd: sh one.sh 1, deps: [one.sh, in.txt], outs: [mid.txt]}
  two: {cmd: sh two.sh, deps: [two.sh, mid.txt], outs: [out.txt]}
"""
PROJECT = """\
commands:
  - {name: one, script: [sh one.sh 1], deps: [one.sh, in.txt], outputs: [mid.txt]}
  - {name: two, script: [sh two.sh], deps: [two.sh, mid.txt], outputs: [out.txt]}
workflows: {all: [one, two]}
"""


class Tool(NamedTuple):
    file: str
    text: str
    run: tuple[str, ...]
    setup: tuple[str, ...] = ()


TOOLS: Mapping[str, Tool] = {
    "proj": Tool("project.yml", "cache: local\n" + PROJECT, ("run", "all")),
    "weasel": Tool("project.yml", PROJECT, ("run", "all")),
    "dvc": Tool("dvc.yaml", DVC, ("repro",), ("init", "--no-scm", "-q")),
    "snakemake": Tool("Snakefile", SNAKEFILE, ("-c1", "-q", "all")),
    "go-task": Tool("Taskfile.yml", TASKFILE, ("all",)),
    "make": Tool("Makefile", MAKEFILE, ("all",)),
}


class Place:
    """A new project of one tool."""

    def __init__(self, tool: Tool, program: str, root: Path) -> None:
        self.tool, self.program, self.root = tool, program, root
        for name, text in ((tool.file, tool.text), ("one.sh", ONE), ("two.sh", TWO), ("in.txt", "a\n")):
            self.write(name, text)
        if tool.setup:
            self._call(tool.setup)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def run(self) -> str:
        """Run everything; return the names of the steps that ran, whether the tool failed, and if out.txt is wrong."""
        log = self.root / "ran.log"
        log.unlink(missing_ok=True)
        code = self._call(self.tool.run)
        ran = log.read_text().split() if log.exists() else []
        out = self.root / "out.txt"
        is_right = code or (out.exists() and out.read_text() == (self.root / "in.txt").read_text().upper())
        return ", ".join(
            [*(ran or ["nothing"]), *(["fails"] if code else []), *([] if is_right else ["out.txt is wrong"])]
        )

    def _call(self, words: tuple[str, ...]) -> int:
        environ = {**os.environ, "PROJ_CACHE_DIR": str(self.root / ".cache"), "HOME": str(self.root)}
        argv = [*self.program.split(), *words]
        return subprocess.run(
            argv, cwd=self.root, env=environ, stdin=subprocess.DEVNULL, capture_output=True
        ).returncode


def _touched(place: Place) -> str:
    (place.root / "in.txt").touch()
    return place.run()


def _same_result(place: Place) -> str:
    place.write("in.txt", "A\n")
    return place.run()


def _other_argument(place: Place) -> str:
    place.write(place.tool.file, place.tool.text.replace("one.sh 1", "one.sh 2"))
    return place.run()


def _edited_output(place: Place) -> str:
    place.write("out.txt", "edited\n")
    return place.run()


def _missing_between(place: Place) -> str:
    (place.root / "mid.txt").unlink()
    return place.run()


def _and_back(place: Place) -> str:
    place.write("in.txt", "b\n")
    place.run()
    place.write("in.txt", "a\n")
    return place.run()


def _no_output(place: Place) -> str:
    place.write("one.sh", "echo one >> ran.log; rm -f mid.txt\n")
    return place.run()


QUESTIONS: Mapping[str, Callable[[Place], str]] = {
    "nothing changed": Place.run,
    "in.txt was only touched": _touched,
    "in.txt changed, mid.txt becomes the same": _same_result,
    "another argument in the line of `one`": _other_argument,
    "out.txt was edited": _edited_output,
    "mid.txt is missing, out.txt is current": _missing_between,
    "in.txt changed, and changed back": _and_back,
    "`one` succeeds without writing mid.txt": _no_output,
}


def main(words: list[str]) -> None:
    """Print the table in Markdown."""
    programs = dict(word.split("=", 1) for word in words)
    print("| then runs | " + " | ".join(programs) + " |")
    print("|---" * (len(programs) + 1) + "|")
    for question, ask in QUESTIONS.items():
        answers = []
        for name, program in programs.items():
            with tempfile.TemporaryDirectory() as root:
                place = Place(TOOLS[name], program, Path(root))
                first = place.run()
                answers.append(ask(place) if first == "one, two" else f"first run: {first}")
        print(f"| {question} | " + " | ".join(answers) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
