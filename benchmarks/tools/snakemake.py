"""Snakemake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Call
from benchmarks.tools.base import Command, Project, Tool, is_directory

_HEAD = """import os


def files(top):
    return [os.path.join(directory, name) for directory, _, names in os.walk(top) for name in names]


"""


class Snakemake(Tool):
    name = "snakemake"
    is_slow = True
    requirements = ("snakemake",)
    program = "snakemake"
    reads_content = False

    def write(self, project: Project, directory: Path) -> None:
        outputs = [output for command in project.commands for output in command.outputs]
        rules = [f"rule all:\n    input:\n        {outputs!r}"]
        rules += ["\n".join(_rule(command, directory)) for command in project.commands]
        (directory / "Snakefile").write_text(_HEAD + "\n\n\n".join(rules) + "\n")

    def run(self, jobs: int) -> Call:
        return self.call("--cores", str(jobs), "--quiet", "all")


def _rule(command: Command, directory: Path) -> Iterator[str]:
    deps = [f"files({dep!r})" if is_directory(directory, dep) else repr(dep) for dep in command.deps]
    yield f"rule {command.name}:"
    yield "    input:"
    yield from (f"        {dep}," for dep in deps)
    yield "    output:"
    yield from (f"        {output!r}," for output in command.outputs)
    yield "    shell:"
    yield f"        {command.line!r}"
