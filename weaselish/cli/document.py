"""`proj document`: the project as Markdown, on stdout or put into a README."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.cli.console import say, warn
from weaselish.engine.readme import is_ignored, merged, section
from weaselish.errors import ProjError
from weaselish.files.atomic import write_atomically
from weaselish.workspace import Workspace


def document(workspace: Workspace, output: str, *, emoji: bool, force: bool) -> int:
    """Write the section to `output`, relative to the current directory; `-` is stdout."""
    text = section(workspace.project, exists=lambda path: os.path.exists(workspace.root / path), emoji=emoji)
    if output == "-":
        print(text, end="")
        return 0
    file = Path(os.path.realpath(output))  # a link stays one
    try:
        _write(file, output, text, force=force)
    except OSError as error:
        raise ProjError(f"`{output}` cannot be written: {(error.strerror or str(error)).lower()}") from None
    return 0


def _write(file: Path, name: str, text: str, *, force: bool) -> None:
    old = file.read_bytes() if file.exists() else b""
    if is_ignored(old):
        warn(f"`{name}` asks to be left alone; nothing is written")
        return
    new = merged(old, text, name=name, force=force)
    if new == old:
        say(f"`{name}` is up to date")
        return
    write_atomically(file, [new])
    say(f"wrote `{name}`")
