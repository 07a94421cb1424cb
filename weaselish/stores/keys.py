"""Check keys of objects."""

from __future__ import annotations

import re

from weaselish.errors import StoreError

_NOT_ENCODABLE = re.compile("[\0\ud800-\udfff]")


def is_key(text: str) -> bool:
    """Return whether every store can hold an object under `text`.

    It has no empty, `.` or `..` segment and no NUL, and can be encoded.
    """
    return _NOT_ENCODABLE.search(text) is None and {"", ".", ".."}.isdisjoint(text.split("/"))


def check_key(key: str, remote: str) -> None:
    """Raise `StoreError` unless `key` is a valid key. `remote` is how messages name the store."""
    if not is_key(key):
        raise StoreError(
            f"{remote}: {key!r} cannot be a key",
            hint="keys are relative, separated by `/`, without empty, `.` or `..` segments",
        )
