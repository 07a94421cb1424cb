"""Checksums of assets: the MD5 of Weasel, or `sha256:…` of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from weaselish.compat import weasel
from weaselish.errors import ProjError

_SHA256 = "sha256:"


class WrongChecksum(ProjError):
    """The content of an asset differs from its `checksum:`. What was there before stays.

    Cure: correct `checksum:`, or ask the publisher which content is right.
    """


def has_checksum(path: Path, checksum: str) -> bool:
    """Return whether a file or directory has `checksum`. Raises WrongChecksum if it cannot have one of that kind."""
    return _checksum(path, like=checksum) == checksum


def check_checksum(path: Path, checksum: str) -> None:
    """Raise WrongChecksum unless a file or directory has `checksum`."""
    actual = _checksum(path, like=checksum)
    if actual != checksum:
        raise WrongChecksum(f"wrong checksum: expected {checksum}, found {actual}")


def _checksum(path: Path, *, like: str) -> str | None:
    """Compute the checksum of the same kind as `like`. The MD5 of a directory follows Weasel's formula."""
    try:
        if not like.startswith(_SHA256):
            return weasel.digest(path)
        if path.is_dir():
            raise WrongChecksum("`sha256:` is for files, and this is a directory", hint="give an MD5, as Weasel does")
        with open(path, "rb", buffering=0) as file:
            return f"{_SHA256}{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProjError(f"cannot read `{path}`: {error.strerror}") from None
