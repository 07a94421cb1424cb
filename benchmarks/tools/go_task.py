"""go-task, with its default method: checksums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.measure import Call
from benchmarks.tools.base import Command, Project, Tool, is_directory


class GoTask(Tool):
    name = "go-task"
    requirements = ("go-task-bin",)
    program = "task"

    def write(self, project: Project, directory: Path) -> None:
        makers = {output: command.name for command in project.commands for output in command.outputs}
        lines = ["version: '3'", "run: once", "tasks:", "  all:", "    deps:"]
        lines += [f"      - {command.name}" for command in project.commands]
        for command in project.commands:
            lines += _task(command, directory, makers)
        (directory / "Taskfile.yml").write_text("\n".join([*lines, ""]))

    def run(self, jobs: int) -> Call:
        return self.call("--concurrency", str(jobs), "--silent", "all")


def _task(command: Command, directory: Path, makers: Mapping[str, str]) -> Iterator[str]:
    yield f"  {command.name}:"
    upstream = [makers[dep] for dep in command.deps if dep in makers]
    if upstream:
        yield "    deps:"
        yield from (f"      - {name}" for name in dict.fromkeys(upstream))
    yield "    sources:"
    yield from (f"      - {dep}/**/*" if is_directory(directory, dep) else f"      - {dep}" for dep in command.deps)
    yield "    generates:"
    yield from (f"      - {output}" for output in command.outputs)
    yield f"    cmds: ['{command.line}']"
