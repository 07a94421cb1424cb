"""Shows what an installer does: its last line while it works, and all of its output if it fails."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from weaselish.cli.console import is_quiet, say
from weaselish.cli.region import Piece, Region, can_redraw
from weaselish.errors import ProjError
from weaselish.output_lines import last_line

_TAIL = 4096  # bytes of output in which the last line is looked for


class InstallerOutput:
    """Takes the command lines of a setup and their output. With `is_verbose`, it prints the output as it comes."""

    def __init__(self, *, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self._region = Region(sys.stderr) if can_redraw(sys.stderr) and not is_quiet() else None
        self._output = bytearray()  # of the current command line, unless it was printed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *rest: TracebackType | None) -> None:
        self._clear()
        if isinstance(error, ProjError):
            _write(self._output)

    def start_line(self, line: str) -> None:
        self._clear()
        self._output.clear()
        say(f"Running command: {line}")

    def write(self, data: bytes) -> None:
        if self._is_verbose:
            _write(data)
            return
        self._output += data
        if self._region is not None:
            self._region.draw([[Piece(last_line(bytes(self._output[-_TAIL:])), "dim")]])

    def _clear(self) -> None:
        if self._region is not None:
            self._region.clear()


def _write(data: bytes | bytearray) -> None:
    """Print output of another program on stderr, unchanged."""
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
