"""`proj` with a cache that never answers: `python slow.py get|put MARK WORDS…`.

The first read or write of an object creates the file MARK, and then blocks as a silent server would.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weaselish.__main__ import main
from weaselish.stores.directory import DirectoryStore

get, put = DirectoryStore.get, DirectoryStore.put


def wait(key: str) -> None:
    if not key.startswith(".proj/"):
        Path(sys.argv[2]).touch()
        time.sleep(3600)


def slow_get(self: DirectoryStore, key: str, **options: Any) -> Iterator[bytes]:
    wait(key)
    return get(self, key, **options)


def slow_put(self: DirectoryStore, key: str, chunks: Any, **options: Any) -> bool:
    wait(key)
    return put(self, key, chunks, **options)


if __name__ == "__main__":
    if sys.argv[1] == "get":
        DirectoryStore.get = slow_get  # type: ignore[method-assign]
    else:
        DirectoryStore.put = slow_put  # type: ignore[method-assign]
    sys.exit(main(sys.argv[3:]))
