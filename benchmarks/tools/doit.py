"""doit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Call
from benchmarks.tools.base import Command, Project, Tool, is_directory

_HEAD = """import os


def files(top):
    return [os.path.join(directory, name) for directory, _, names in os.walk(top) for name in names]

"""


class Doit(Tool):
    name = "doit"
    requirements = ("doit",)
    program = "doit"

    def start_up(self, option: str) -> Call:
        return self.call({"--help": "help"}.get(option, option))

    def write(self, project: Project, directory: Path) -> None:
        tasks = "\n\n".join("\n".join(_task(command, directory)) for command in project.commands)
        (directory / "dodo.py").write_text(f"{_HEAD}\n{tasks}\n")

    def run(self, jobs: int) -> Call:
        return self.call("run", *(["-n", str(jobs), "-P", "thread"] if jobs > 1 else []))


def _task(command: Command, directory: Path) -> Iterator[str]:
    deps = [f"*files({dep!r})" if is_directory(directory, dep) else repr(dep) for dep in command.deps]
    yield f"def task_{command.name}():"
    yield "    return {"
    yield f"        'actions': [{list(command.script)!r}],"
    yield f"        'file_dep': [{', '.join(deps)}],"
    yield f"        'targets': {list(command.outputs)!r},"
    yield "    }"
