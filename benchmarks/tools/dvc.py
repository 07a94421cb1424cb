"""DVC, without git and without what it does in the background."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Call
from benchmarks.tools.base import TRANSFERS, Command, Project, Remote, Tool

_CORE = """[core]
    no_scm = true
    analytics = false
    check_update = false
    site_cache_dir = {site}
"""
_SITE = "site"  # in .dvc: indexes that are otherwise kept for all projects of a machine


class Dvc(Tool):
    name = "dvc"
    is_slow = True
    requirements = ("dvc[s3]",)
    program = "dvc"
    keeps_in = (".dvc/cache", ".dvc/tmp", f".dvc/{_SITE}")

    def write(self, project: Project, directory: Path) -> None:
        config = directory / ".dvc" / "config"
        config.parent.mkdir()
        core = _CORE.format(site=config.with_name(_SITE))
        config.write_text(core + (_remote(project.remote) if project.remote else ""))
        lines = [line for command in project.commands for line in _stage(command)]
        (directory / "dvc.yaml").write_text("\n".join(["stages:", *lines, ""]))

    def run(self, jobs: int) -> Call:
        """One at a time: it has no other way."""
        return self.call("repro")

    def status(self) -> Call:
        return self.call("status")

    def push(self, remote: Remote) -> Call:
        return self.call("push", "--jobs", str(TRANSFERS), env=remote.env)

    def pull(self, remote: Remote) -> Call:
        return self.call("pull", "--jobs", str(TRANSFERS), env=remote.env)


def _remote(remote: Remote) -> str:
    endpoint = f"    endpointurl = {remote.endpoint}\n" if remote.endpoint else ""
    return f"    remote = default\n['remote \"default\"']\n    url = {remote.url}\n{endpoint}"


def _stage(command: Command) -> Iterator[str]:
    yield f"  {command.name}:"
    yield f"    cmd: {command.line}"
    if command.deps:
        yield "    deps:"
        yield from (f"      - {dep}" for dep in command.deps)
    yield "    outs:"
    yield from (f"      - {output}" for output in command.outputs)
