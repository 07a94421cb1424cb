"""Read a file of text that a user names: it may be anything, in any encoding, and of any size."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from weaselish.errors import UsageError

_LARGEST = 10 << 20  # bytes of a file that proj writes again
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_limited(path: Path, *, name: str, limit: int) -> bytes:
    """Return the bytes of the file at `path`, which messages call `name`.

    Raises UsageError if it is not a regular file, cannot be read, or has more than `limit` bytes.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind != stat.S_IFREG:  # to open a pipe would wait for its writer
            raise _unusable(name, f"is {_KINDS.get(kind, 'not a file')}, not a file", "replace it by a file of text")
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise _missing(path, name) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _unusable(name, f"cannot be read: {reason}", _read_hint(error)) from None
    if len(data) > limit:
        raise _unusable(name, f"is larger than {limit >> 20} MiB", "a file of this kind has a few pages of text")
    return data


def check_replaceable(path: Path, *, name: str) -> None:
    """Raise UsageError if `path` exists but is a directory, a pipe, a device or a socket."""
    with suppress(FileNotFoundError):
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind != stat.S_IFREG:
            raise _unusable(name, f"is {_KINDS.get(kind, 'not a file')}, not a file", "choose another name")


def read_if_exists(path: Path, *, name: str) -> bytes:
    """Return the bytes of a file that may be replaced, empty if it does not exist. Raises UsageError."""
    return read_limited(path, name=name, limit=_LARGEST) if os.path.lexists(path) else b""


def text_of(data: bytes, *, name: str) -> str:
    """Return the text in a file's bytes. Raises UsageError with the position of the first that are not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = position_of(data, error.start)
        wrong = _unusable(name, f"is not text in UTF-8: byte 0x{data[error.start]:02x}", "save it in UTF-8")
        wrong.place = f"{name}:{line}:{column}"
        raise wrong from None


def position_of(data: bytes, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset in bytes whose text before it is UTF-8."""
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1


def _unusable(name: str, what: str, hint: str | None) -> UsageError:
    return UsageError(f"`{name}` {what}", hint=hint)


def _missing(path: Path, name: str) -> UsageError:
    if os.path.islink(path):
        target = os.readlink(path)
        return _unusable(name, f"is a link to `{target}`, which does not exist", "correct the link, or remove it")
    return _unusable(name, "does not exist", None)


def _read_hint(error: Exception) -> str | None:
    return "make it readable for you: `chmod u+r`" if isinstance(error, PermissionError) else None
