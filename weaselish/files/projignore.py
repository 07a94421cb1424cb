""".projignore: the names that dep directories leave out, as in .gitignore."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Ignored = Callable[[str, bytes, bool], bool]


def read_projignore(root: Path) -> Ignored | None:
    """Return a test of (directory, path below it, whether that path is a directory); None without the file."""
    try:
        lines = (root / ".projignore").read_text("utf-8", "surrogateescape").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda top, path, is_dir: spec.match_file(
        os.path.normpath(f"{top}/{os.fsdecode(path)}") + ("/" if is_dir else "")
    )
