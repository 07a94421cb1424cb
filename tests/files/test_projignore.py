""".projignore may be anything: whatever it is, the error is one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from weaselish.errors import UsageError
from weaselish.files.digests import Digests
from weaselish.files.projignore import read_projignore

from .samples import digest, file, tree, write

BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a directory": (lambda path: path.mkdir(), "`.projignore` is a directory, not a file"),
    "a pipe": (os.mkfifo, "`.projignore` is a named pipe, not a file"),
    "a broken link": (lambda path: path.symlink_to("nowhere"), "`.projignore` is a link to `nowhere`"),
    "huge": (lambda path: (path.touch(), os.truncate(path, 1 << 30)), "`.projignore` is larger than 16 MiB"),
    "a bad negation": (lambda path: path.write_text("*.tmp\n!\n"), "`!` is not a valid pattern"),
    "a bad range": (lambda path: path.write_text("[z-a]"), r"`\[z-a\]` is not a valid pattern"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_used_is_named(root: Path, kind: str) -> None:
    create, message = BAD[kind]
    create(root / ".projignore")
    with pytest.raises(UsageError, match=message) as caught:
        Digests(root)
    if kind == "a bad negation":
        assert caught.value.place == ".projignore:2:1"


@pytest.mark.parametrize(
    "text", [b"*.tmp\r\n*.log\r\n", b"*.tmp\n*.log", b"\xff\xfe\n*.tmp\n*.log\n", b"*.tmp\n\x0b\n*.log"]
)
def test_lines_may_end_in_any_way_and_hold_any_bytes(root: Path, text: bytes) -> None:
    for name in ("a", "x.tmp", "y.log"):
        write(root / "d" / name, b"1")
    (root / ".projignore").write_bytes(text)
    assert digest(root, "d") == tree(file("a", b"1"))


def test_without_the_file_nothing_is_ignored(root: Path) -> None:
    assert read_projignore(root) is None
