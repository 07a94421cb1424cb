"""The run cache of a world: what happens to it, and what must always be true of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote_plus

from weaselish.archive.unpack import unpack
from weaselish.errors import ProjError
from weaselish.plan.digests import algorithm_of

_DIGEST = re.compile(r"\b[0-9a-f]{32,64}(?:\.dir)?")
_DAY = 86400.0


@dataclass(frozen=True)
class StoredRecord:
    """A record in the cache. `objects`: keys -> sizes."""

    name: str
    key: str
    digests: frozenset[str]  # of its outputs
    objects: tuple[tuple[str, int], ...]
    modified: float


@dataclass
class Cache:
    """A directory as a run cache. `is_local`: it is the user's, which has no name in project.yml but `local`."""

    path: Path
    random: Random
    is_local: bool
    harmed: set[str] = field(default_factory=set)  # objects that were broken or removed here
    _verified: dict[tuple[str, int, int, int], str | None] = field(default_factory=dict)

    @property
    def setting(self) -> str:
        """What `cache:` in project.yml is."""
        return "local" if self.is_local else f"../{self.path.name}"

    @property
    def remote(self) -> str:
        """How a command line names it."""
        return "local" if self.is_local else str(self.path)

    def clear(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    # -- what it holds -------------------------------------------------------------------------------------------------

    def records(self) -> list[StoredRecord]:
        """Return the records that are whole."""
        found = (_record(path, self.path) for path in self._record_paths())
        return [record for record in found if record is not None]

    def _record_paths(self) -> list[Path]:
        """Return the files of all records. A collection may remove directories in the meantime."""
        walked = os.walk(self.path / ".proj/runs")  # unlike rglob, it skips a directory that has gone
        return sorted(Path(top, name) for top, _, names in walked for name in names if name.endswith(".json"))

    def objects(self) -> list[Path]:
        """Return the files of all objects."""
        tops = [top for top in self.path.iterdir() if not top.name.startswith(".proj")] if self.path.is_dir() else []
        return sorted(path for top in tops for path in top.rglob("*") if path.is_file())

    def holds(self, record: StoredRecord) -> bool:
        """Return whether a record and its objects are there."""
        return (self.path / record.name).exists() and not self.lost(record)

    def lost(self, record: StoredRecord) -> list[str]:
        """Return the objects that a record names and that are missing or of another size."""
        return [key for key, size in record.objects if key not in self.harmed and _size(self.path / key) != size]

    def broken(self) -> Iterator[str]:
        """Yield what is wrong with the objects, whether a record names them or not."""
        for path in self.objects():
            key = str(path.relative_to(self.path))
            if key not in self.harmed and (found := self._digest(path, key)) != path.name:
                yield f"object `{key}` unpacks to {found}"

    def _digest(self, path: Path, key: str) -> str | None:
        status = path.stat()
        mark = (key, status.st_ino, status.st_mtime_ns, status.st_size)
        if mark not in self._verified:
            self._verified[mark] = _digest(path)
        return self._verified[mark]

    def named_in(self, lock: Path) -> list[StoredRecord]:
        """Return the whole records that a project.lock names: by their key, or by the digests of all outputs."""
        try:
            names = set(_DIGEST.findall(lock.read_text("utf-8", "replace")))
        except OSError:
            return []
        return [one for one in self.records() if self.holds(one) and (one.key in names or one.digests <= names)]

    # -- what happens to it --------------------------------------------------------------------------------------------

    def age(self) -> None:
        """Make some of what it holds older or newer by up to days."""
        by = self.random.choice((0.1, 1.5, 1.5, 10.0, -1.5)) * _DAY
        for path in self.path.rglob("*"):
            if path.is_file() and ".proj-tmp" not in path.parts and self.random.random() < 0.7:
                at = time.time() - by
                os.utime(path, (at, at))

    def harm(self) -> str:
        """Break or remove an object or a record."""
        objects, records = self.objects(), self._record_paths()
        if not objects or not records:
            return "nothing in the cache to harm"
        if self.random.random() < 0.3:
            path = self.random.choice(records)
            path.write_bytes(self.random.choice((b"", b"{", b"null", path.read_bytes()[:-40])))
            return f"broken record {path.name}"
        path = self.random.choice(objects)
        self.harmed.add(str(path.relative_to(self.path)))
        content = path.read_bytes()
        match self.random.randrange(4):
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(content[: len(content) // 2])
            case 2:
                path.write_bytes(bytes(reversed(content)))
            case _:
                at = self.random.randrange(len(content) or 1)
                path.write_bytes(content[:at] + b"?" + content[at + 1 :])
        return f"broken object {path.relative_to(self.path)}"

    def gc_words(self, *, is_alone: bool) -> list[str]:
        """Return a random `proj gc`. What was stored within the grace time may belong to a run that is going on."""
        random = self.random
        graces = ("0s", "0s", "1s", "1h", "1d") if is_alone else ("1h", "1d")
        words = ["gc", self.remote, "--yes", "--json", "--grace", random.choice(graces)]
        if random.random() < 0.7:
            words += ["--keep-last", random.choice("012")]
        if random.random() < 0.3:
            words += ["--older-than", random.choice(("0s", "1h", "2d"))]
        if random.random() < 0.3:
            words += ["--budget", random.choice(("0kB", "2kB", "10kB"))]
        words += [word for word in ("--also-irreplaceable", "--verbose") if random.random() < 0.4]
        words += ["--unrecorded"] if is_alone and random.random() < 0.5 else []
        return words + (["--dry"] if random.random() < 0.05 else [])


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _record(path: Path, root: Path) -> StoredRecord | None:
    try:
        data: Any = json.loads(path.read_bytes())
        digests = frozenset(str(output["digest"]) for output in data["outputs"])
        objects = tuple((str(one["key"]), int(one["size"])) for one in data["objects"])
        modified = path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return StoredRecord(str(path.relative_to(root)), path.parent.name, digests, objects, modified)


def _digest(path: Path) -> str | None:
    output = unquote_plus(path.parent.parent.name)
    with TemporaryDirectory(prefix="soak-object-") as place:
        try:
            content = unpack([path.read_bytes()], output, Path(place), algorithm=algorithm_of(path.name))
        except ProjError:
            return None
        return content.digested().digest
