"""What a snapshot leaves out: ignored names, what looks like a secret, and what no pull would restore."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Container
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.files.projignore import FILE, LARGEST, parse_patterns
from weaselish.files.text_file import read_limited
from weaselish.model.paths import EXECUTED_NAMES

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

LAB_FILE = ".labignore"  # of Lab: used by projects without .projignore
BUILT_IN = (
    ".venv/",
    "venv/",
    ".git/",
    ".proj/",
    "__pycache__/",
    ".ipynb_checkpoints/",
    "node_modules/",
    ".DS_Store",
)
_FOLDERS = frozenset(name.rstrip("/") for name in BUILT_IN)
_FILES = frozenset(name for name in BUILT_IN if not name.endswith("/"))
SECRETS = (
    ".env",
    ".env.*",
    "*.pem",
    "*.key",
    "id_rsa*",
    "id_ed25519*",
    "credentials*",
    ".netrc",
    ".pypirc",
    "*.p12",
    "*.pfx",
    "*.kdbx",
)
_SECRET = re.compile("|".join(map(translate, SECRETS)), re.IGNORECASE)
_LEFT_BY_A_SWAP = re.compile(r"\..*\.proj-(new|old|gone)-", re.DOTALL)


class Why(enum.Enum):
    """Why a path is left out."""

    IGNORED = "ignored"
    SECRET = "looks like a secret"
    EXECUTED = "other tools execute what they find there"
    TOO_LARGE = "larger than `--max-file-size`"
    SPECIAL = "neither a file, a directory nor a link"


class LeftOut:
    """Tells which paths of one project its snapshots leave out."""

    def __init__(self, root: Path, *, include_secrets: bool, stores: Container[str] = ()) -> None:
        """Read the patterns of the project. `stores`: directories of remotes. Raises UsageError for a bad pattern."""
        self._spec = _patterns(root)
        self._include_secrets = include_secrets
        self._stores = stores

    def why(self, path: str, name: str, *, is_directory: bool) -> Why | None:
        """Return why a path, which ends in `name`, is left out, None if it is not."""
        if name.casefold() in EXECUTED_NAMES:
            return Why.IGNORED if name in (".git", ".proj") else Why.EXECUTED
        if self._spec is None:
            is_ignored = name in (_FOLDERS if is_directory else _FILES)
        else:
            is_ignored = self._spec.match_file(f"{path}/" if is_directory else path)
        if is_ignored or path in self._stores or (name.startswith(".") and _LEFT_BY_A_SWAP.match(name)):
            return Why.IGNORED
        if not self._include_secrets and _SECRET.match(name):
            return Why.SECRET
        return None


def _patterns(root: Path) -> GitIgnoreSpec | None:
    """Return the built-in patterns and those of the project, None if it has none of its own."""
    for name in (FILE, LAB_FILE):
        if os.path.lexists(root / name):
            return parse_patterns(read_limited(root / name, name=name, limit=LARGEST), name=name, before=BUILT_IN)
    return None
