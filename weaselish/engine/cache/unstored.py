"""Notes in `.proj/cache` which commands have a result that is not in the cache yet. A later run stores it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from weaselish.files.state_dir import cache_dir


class Unstored:
    """The notes of one project about one remote. A note that cannot be written is left out. Not thread-safe."""

    def __init__(self, root: Path, remote: str | None) -> None:
        directory = cache_dir(root)
        self._added: BinaryIO | None = None
        self._file = directory / f"unstored-{remote}.jsonl" if directory and remote else None

    def commands(self) -> list[str]:
        """Return the commands that earlier runs noted, each once."""
        try:
            lines = self._file.read_text("utf-8").splitlines() if self._file else []
            names = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return []
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))

    def add(self, command: str) -> None:
        """Note that a result of the command is about to be stored."""
        if self._file is not None:
            with suppress(OSError):
                self._added = self._added or self._file.open("ab", buffering=0)
                self._added.write(json.dumps(command).encode() + b"\n")

    def close(self) -> None:
        if self._added is not None:
            self._added.close()

    def clear(self) -> None:
        """Remove all notes: everything is stored."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
