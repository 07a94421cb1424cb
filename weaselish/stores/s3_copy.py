"""Copies an object of S3 that is too large for one request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from weaselish.stores.s3_failures import ERRORS


class CopyUpload(Protocol):
    """An upload whose parts come from another object."""

    def copy(self, number: int, source: Mapping[str, str], start: int, end: int) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


def copy_in_parts(upload: CopyUpload, source: Mapping[str, str], size: int, *, part: int) -> None:
    """Copy `size` bytes in parts of `part` bytes. If that fails, drop the parts and raise the library's error."""
    try:
        for number, start in enumerate(range(0, size, part)):
            upload.copy(number, source, start, min(start + part, size))
        upload.finish()
    except BaseException:
        with suppress(*ERRORS):
            upload.abort()
        raise
