"""Check keys of objects."""

from __future__ import annotations

from weaselish.errors import StoreError


def is_key(text: str) -> bool:
    """Return whether every store can hold an object under `text`.

    It has no empty, `.` or `..` segment and no NUL, and can be encoded.
    """
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return False
    return not {"", ".", ".."} & set(text.split("/"))


def check_key(key: str, remote: str) -> None:
    """Raise `StoreError` unless `key` is a valid key. `remote` is how messages name the store."""
    if not is_key(key):
        raise StoreError(
            f"{remote}: {key!r} cannot be a key",
            hint="keys are relative, separated by `/`, without empty, `.` or `..` segments",
        )
