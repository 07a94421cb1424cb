"""What no tool can do without: the interpreter, imports, a walk, hashing bytes, running scripts."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environments import OWN
from benchmarks.measure import Call, CannotDo
from benchmarks.tools.base import Kind, Tool

_PROGRAMS = Path(__file__).parent.parent / "programs"


class Limit(Tool):
    """A Python program in the environment of proj, given what it is asked for as its argument."""

    is_limit = True

    def __init__(self, name: str, kind: Kind, *arguments: str) -> None:
        self.name = name
        self._kind = kind
        self._arguments = arguments

    @property
    def bin(self) -> Path:
        return OWN

    def version(self) -> str:
        return ""

    def least(self, kind: Kind, subject: str) -> Call:
        if kind != self._kind:
            raise CannotDo(f"{self.name} is no limit of this")
        return Call((str(self.bin / "python"), *self._arguments, subject))


LIMITS = (
    Limit("python", "start-up", "-c", "pass"),
    Limit("import-typer", "start-up", "-c", "import typer"),
    Limit("typer-app", "start-up", str(_PROGRAMS / "typer_app.py")),
    Limit("walk", "walk", str(_PROGRAMS / "walk.py")),
    Limit("md5", "hash", str(_PROGRAMS / "hash_files.py"), "md5"),
    Limit("blake3", "hash", str(_PROGRAMS / "hash_files.py"), "blake3"),
    Limit("start-wait-flush", "steps", str(_PROGRAMS / "run_steps.py")),
    Limit("import-boto3", "transfer", "-c", "import boto3"),
)
