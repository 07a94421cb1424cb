"""Aliases, and the withdrawal of versions: each a small object of its own, so that nothing is read and written back."""

from __future__ import annotations

import json
import re
import time

from weaselish.engine.artifacts.names import Names
from weaselish.errors import UsageError
from weaselish.model.versions import LATEST, NEWEST, is_version
from weaselish.stores.base import Store

_FORMAT = 1
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def check_alias(alias: str) -> None:
    """Raise UsageError unless the text can be an alias."""
    is_word = alias.lower() in (LATEST.lower(), NEWEST.lower())
    if not _ALIAS.fullmatch(alias) or is_version(alias) or is_word:
        raise UsageError(f"`{alias}` cannot be an alias", hint="use letters, digits, `-`, `_` and `.`: `champion`")


def put_alias(store: Store, names: Names, version: str, alias: str) -> None:
    """Let an alias stand for a version from now on."""
    store.put(names.alias(alias), [_encoded({"version": version})], replace=True)


def put_yanked(store: Store, names: Names, version: str, reason: str) -> bool:
    """Withdraw a version. Return False if it was withdrawn before."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return store.put(names.yanked(version), [_encoded({"at": at, "reason": reason})])


def _encoded(facts: dict[str, str]) -> bytes:
    return json.dumps({"format": _FORMAT, **facts}, ensure_ascii=False).encode("utf-8", "backslashreplace")
