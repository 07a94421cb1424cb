"""ninja. Its file lists the files of a directory, as whatever writes such a file would."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Call
from benchmarks.tools.base import Command, Project, Tool, is_directory


class Ninja(Tool):
    name = "ninja"
    requirements = ("ninja",)
    program = "ninja"
    reads_content = False

    def start_up(self, option: str) -> Call:
        return replace(self.call(option), exit_code=1 if option == "--help" else 0)

    def write(self, project: Project, directory: Path) -> None:
        builds = [_build(command, directory) for command in project.commands]
        (directory / "build.ninja").write_text("rule run\n  command = $line\n\n" + "\n".join(builds))

    def run(self, jobs: int) -> Call:
        return self.call("-j", str(jobs), "--quiet")


def _build(command: Command, directory: Path) -> str:
    deps = " ".join(path for dep in command.deps for path in _files(directory, dep))
    return f"build {' '.join(command.outputs)}: run {deps}\n  line = {command.line}\n"


def _files(directory: Path, dep: str) -> Iterator[str]:
    if not is_directory(directory, dep):
        yield dep
    for below, _, names in os.walk(directory / dep):
        yield from (os.path.relpath(os.path.join(below, name), directory) for name in names)
