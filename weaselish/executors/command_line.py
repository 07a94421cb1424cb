"""Turns a line of a job into the program and the arguments that a machine executes."""

from __future__ import annotations

import os
from collections.abc import Sequence

_SHELL_FLAGS = {"sh": ("-e", "-c"), "dash": ("-e", "-c"), "zsh": ("-e", "-c"), "bash": ("-eo", "pipefail", "-c")}


def command_line(words: Sequence[str], shell: str | None, python: str) -> tuple[str, ...]:
    """Return the program and its arguments, with `python` as the interpreter that `python` and `pip` mean."""
    if shell is not None:
        return (shell, *_SHELL_FLAGS.get(os.path.basename(shell), ("-c",)), *words)
    if words and words[0] in ("python", "python3"):
        return (python, *words[1:])
    if words and words[0] in ("pip", "pip3"):
        return (python, "-m", "pip", *words[1:])
    return tuple(words)
