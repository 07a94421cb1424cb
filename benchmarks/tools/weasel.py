"""Weasel, and the project.yml that it and proj read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Call, CannotDo
from benchmarks.tools.base import Project, Remote, Tool


class Weasel(Tool):
    name = "weasel"
    is_slow = True
    requirements = ("weasel==1.0.*", "cloudpathlib[s3]")
    program = "weasel"

    def start_up(self, option: str) -> Call:
        if option == "--version":
            raise CannotDo("weasel has no --version")
        return self.call(option)

    def write(self, project: Project, directory: Path) -> None:
        (directory / "project.yml").write_text(project_yml(project))

    def run(self, jobs: int) -> Call:
        return self.call("run", "all")

    def push(self, remote: Remote) -> Call:
        return self.call("push", env=remote.env)

    def pull(self, remote: Remote) -> Call:
        return self.call("pull", env=remote.env)


def project_yml(project: Project) -> str:
    return "\n".join([*_lines(project), ""])


def _lines(project: Project) -> Iterator[str]:
    yield "commands:"
    for command in project.commands:
        yield f"  - name: {command.name}"
        yield f'    script: ["{command.line}"]'
        yield f"    deps: [{', '.join(command.deps)}]"
        yield f"    outputs: [{', '.join(command.outputs)}]"
    yield "workflows:"
    yield "  all:"
    yield from (f"    - {command.name}" for command in project.commands)
    if project.remote:
        yield f"remotes: {{default: '{project.remote.url}'}}"
