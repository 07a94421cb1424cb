"""Recognises that a script missed a file that the project has, but that its command does not declare."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from weaselish.executors.base import JobOutput, Line, Outcome
from weaselish.model.paths import dep_base, inside, is_outside, normalise
from weaselish.model.project import Command
from weaselish.workspace import Workspace

_KEPT = 8192  # bytes of the end of a job's output
_MISSING = re.compile(r"No such file|can't open|cannot open|not found|does not exist|No module named", re.IGNORECASE)
_MODULE = re.compile(r"No module named '?([\w.]+)")
_PATH = re.compile(r"[\w.@+/-]+")


class Tail:
    """Passes the output of a job on, without the line that started `proj exec`, and keeps its end."""

    def __init__(self, output: JobOutput) -> None:
        self.data = b""
        self._output = output
        self.replicas: dict[str, Tail] = {}

    def start_line(self, line: Line, program: str) -> None:
        """Say nothing: `proj exec` announces the lines of the script itself."""

    def write(self, data: bytes) -> None:
        self.data = (self.data + data)[-_KEPT:]
        self._output.write(data)

    def replica(self, name: str) -> Tail:
        self.replicas[name] = Tail(self._output.replica(name))
        return self.replicas[name]


def undeclared_hint(
    workspace: Workspace, command: Command, executor: str, outcome: Outcome, output: bytes
) -> str | None:
    """Return a hint that names a file which exists in the project, is not declared, and was missed. None without."""
    text = output.decode("utf-8", "replace") + f"\n{outcome.message or ''}"
    directories = dict.fromkeys(["", command.workdir, *(os.path.dirname(dep_base(dep)) for dep in command.deps)])
    for path in (normalise(os.path.join(directory, name)) for name in _missed(text) for directory in directories):
        is_declared = any(inside(path, dep_base(dep)) for dep in command.deps)
        if not is_outside(path) and not is_declared and (workspace.root / path).exists():
            return f"only declared deps exist on `{executor}`: list `{path}` under `deps`"
    return None


def _missed(text: str) -> Iterator[str]:
    """Yield the paths that the last lines about something missing may mean, relative to the project."""
    for line in reversed([line for line in text.splitlines() if _MISSING.search(line)]):
        for module in _MODULE.findall(line):
            path = module.replace(".", "/")
            yield from (f"{path}.py", path)
        for word in _PATH.findall(line):
            parts = [part for part in word.rstrip(".:").split("/") if part not in ("", ".")]
            yield from ("/".join(parts[start:]) for start in range(len(parts)) if ".." not in parts)
