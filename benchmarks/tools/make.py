"""GNU make, as the machine has it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.environments import NotInstalled
from benchmarks.measure import Call
from benchmarks.tools.base import Command, Project, Tool, is_directory


class Make(Tool):
    name = "make"
    program = "make"
    reads_content = False

    @property
    def bin(self) -> Path:
        found = shutil.which(self.program)
        if found is None:
            raise NotInstalled("there is no make here")
        return Path(found).parent

    def version(self) -> str:
        told = subprocess.run([self.bin / self.program, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+(?:\.\d+)+", told)
        return found[0] if found else "of an unknown version"

    def write(self, project: Project, directory: Path) -> None:
        outputs = " ".join(output for command in project.commands for output in command.outputs)
        rules = "\n\n".join(_rule(command, directory) for command in project.commands)
        (directory / "Makefile").write_text(f"all: {outputs}\n\n{rules}\n")

    def run(self, jobs: int) -> Call:
        return self.call(*([f"-j{jobs}"] if jobs > 1 else []), "all")


def _rule(command: Command, directory: Path) -> str:
    deps = [f"$(shell find {dep} -type f)" if is_directory(directory, dep) else dep for dep in command.deps]
    return f"{' '.join(command.outputs)}: {' '.join(deps)}\n\t{command.line}"
