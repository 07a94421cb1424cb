""".projignore: the names that dep directories leave out, as in .gitignore."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE = ".projignore"
LARGEST = 1 << 24  # bytes

Ignored = Callable[[str, bytes, bool], bool]


def has_projignore(root: Path) -> bool:
    return (root / FILE).exists()


def read_projignore(root: Path) -> Ignored | None:
    """Return a test of (directory, path below it, whether that path is a directory); None without the file.

    Raises UsageError for a file that cannot be used.
    """
    if not os.path.lexists(root / FILE):
        return None
    from weaselish.files.text_file import read_limited

    spec = parse_patterns(read_limited(root / FILE, name=FILE, limit=LARGEST), name=FILE)
    return lambda top, path, is_dir: spec.match_file(
        os.path.normpath(f"{top}/{os.fsdecode(path)}") + ("/" if is_dir else "")
    )


def parse_patterns(data: bytes, *, name: str, before: Sequence[str] = ()) -> GitIgnoreSpec:
    """Return the patterns of a file that messages call `name`, after those of `before`. Raises UsageError."""
    import re

    from pathspec import GitIgnoreSpec

    lines = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    try:
        return GitIgnoreSpec.from_lines([*before, *lines])
    except (ValueError, re.error):
        for number, line in enumerate(lines, 1):
            try:
                GitIgnoreSpec.from_lines([line])
            except (ValueError, re.error):
                wrong = UsageError(f"`{line}` is not a valid pattern", hint="patterns are those of .gitignore")
                wrong.place = f"{name}:{number}:1"
                raise wrong from None
        raise
