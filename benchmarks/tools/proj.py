"""proj itself: the working tree, as its own `.venv` runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.environments import OWN, version_of
from benchmarks.measure import Call
from benchmarks.tools.base import TRANSFERS, Project, Remote, Tool
from benchmarks.tools.weasel import project_yml


class Proj(Tool):
    name = "proj"
    program = "proj"

    @property
    def bin(self) -> Path:
        return OWN

    def version(self) -> str:
        git = ["git", "-C", str(OWN.parent.parent), "describe", "--always", "--dirty"]
        commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
        return f"{version_of('weaselish', OWN)} ({commit})"

    def write(self, project: Project, directory: Path) -> None:
        (directory / "project.yml").write_text(project_yml(project))

    def run(self, jobs: int) -> Call:
        return self.call("run", "all", *(["--jobs", str(jobs)] if jobs > 1 else []))

    def status(self) -> Call:
        return self.call("status")

    def push(self, remote: Remote) -> Call:
        return self.call("push", "--jobs", str(TRANSFERS), env=remote.env)

    def pull(self, remote: Remote) -> Call:
        return self.call("pull", "--jobs", str(TRANSFERS), env=remote.env)


class ProjBlake3(Proj):
    """With `digest: blake3`."""

    name = "proj-blake3"
    only_deps = True

    def version(self) -> str:
        return f"blake3 {version_of('blake3', OWN)}"

    def write(self, project: Project, directory: Path) -> None:
        (directory / "project.yml").write_text("digest: blake3\n" + project_yml(project))
