"""project.lock: what the last successful run of each command used and made, in a file for git.

Its entries have Weasel's four keys. What is ours stands in a last top-level mapping `.proj`, one block per command; a
block counts only while the entry that it was written with is unchanged. docs/formats.md defines both.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from weaselish.errors import BrokenState, InvalidProject, Problem
from weaselish.model.project import Algorithm, Command
from weaselish.plan.digests import ABSENT, digest_bytes
from weaselish.plan.fingerprint import Fingerprint, Made, Record
from weaselish.workspace import weasel
from weaselish.workspace.state_dir import write_whole

FILE = "project.lock"
OURS = ".proj"
FORMAT = 1
_MARKER = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)


class Entry(NamedTuple):
    """One command's entry as it stands in the file, with our block beside it if that counts."""

    name: str
    data: Mapping[str, Any]  # Weasel's four keys
    block: Mapping[str, Any] | None = None

    def record(self) -> Record | None:
        """The record that this entry is a view of; None for one that Weasel wrote, or one that is not whole."""
        if self.block is None:
            return None
        try:
            return _record(self.name, self.data, self.block)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None


class Lock(NamedTuple):
    """project.lock as read. `entries` may hold several of one command: both sides of a merge conflict."""

    entries: Mapping[str, tuple[Entry, ...]] = MappingProxyType({})
    problem: str | None = None  # why the file counts as empty
    conflicted: bool = False
    digest: str | None = None  # of the file's bytes; None if there is none


def read_lock(root: Path, *, cache: Path | None = None) -> Lock:
    """The lock in `root`. A broken one counts as empty and says why. Raises BrokenState for a later format."""
    try:
        text = (root / FILE).read_bytes()
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise BrokenState(f"{FILE} cannot be read: {error.strerror}") from None
    digest = digest_bytes(text, "md5")
    sides = _cached(cache, digest)
    if sides is None:
        try:
            sides = [_mapping(_read_yaml(side)) for side in _sides(text)]
        except InvalidProject as error:
            problem = error.problems[0]
            return Lock(problem=problem.located(FILE), digest=digest)
        _keep(cache, digest, sides)
    entries: dict[str, list[Entry]] = {}
    for side in sides:
        for entry in _entries(side):
            known = entries.setdefault(entry.name, [])
            if entry not in known:
                known.append(entry)
    return Lock({name: tuple(found) for name, found in entries.items()}, None, len(sides) > 1, digest)


def _read_yaml(text: bytes) -> object:
    from weaselish.workspace import yaml12  # not on the way of who has nothing to do

    return yaml12.read(text, file=FILE)[0]


def _mapping(data: object) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidProject([Problem(1, 1, "a lockfile is a mapping of commands")])
    return data


def _sides(text: bytes) -> list[bytes]:
    """The file as each side of its merge conflicts has it; the file itself if there are none."""
    decoded = text.decode("utf-8", "surrogateescape")
    if not _MARKER.search(decoded):
        return [text]
    sides: dict[str, list[str]] = {"<": [], ">": []}
    within = ""
    for line in decoded.splitlines(keepends=True):
        if _MARKER.match(line.rstrip("\r\n")):
            within = {"<": "<", "|": "|", "=": ">", ">": ""}[line[0]]
        else:
            for side, lines in sides.items():
                if within in ("", side):
                    lines.append(line)
    return ["".join(lines).encode("utf-8", "surrogateescape") for lines in sides.values()]


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    ours = data.get(OURS)
    if isinstance(ours, dict) and isinstance(ours.get("format"), int) and ours["format"] > FORMAT:
        raise BrokenState(f"{FILE} was written by a newer proj (format {ours['format']})", hint="update proj")
    blocks = ours.get("commands") if isinstance(ours, dict) else None
    blocks = blocks if isinstance(blocks, dict) else {}
    for name, entry in data.items():
        if name == OURS or not isinstance(entry, dict):
            continue
        block = blocks.get(name)
        counts = isinstance(block, dict) and block.get("entry") == entry_digest(entry)
        yield Entry(name, entry, block if counts else None)


def entry_digest(entry: Mapping[str, Any]) -> str:
    """What ties a block to its entry."""
    return digest_bytes(json.dumps(entry, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace"), "md5")


def _cached(cache: Path | None, digest: str) -> list[dict[str, Any]] | None:
    if cache is None:
        return None
    try:
        data = json.loads((cache / "lock.json").read_bytes())
        sides = data["sides"] if data["digest"] == digest else None
        return sides if isinstance(sides, list) and all(isinstance(side, dict) for side in sides) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(cache: Path | None, digest: str, sides: list[dict[str, Any]]) -> None:
    if cache is not None:
        with contextlib.suppress(OSError):
            write_whole(cache / "lock.json", [json.dumps({"digest": digest, "sides": sides}).encode()])


# -- entries and records ----------------------------------------------------------------------------------------------


def entry_of(record: Record, command: Command | None, *, compat: bool) -> Entry:
    """The lock entry of a record; under `compat: weasel` with Weasel's `cmd`, digests and paths as written."""
    written = command.as_written if command and compat else _as_it_is
    weasel_digests = record.weasel if compat else {}

    def item(path: str, digest: str | None) -> dict[str, str | None]:
        shown = None if digest == ABSENT else weasel_digests.get(path, digest)
        return {"path": written(path), record.algorithm: shown}

    data = {
        "cmd": weasel.cmd(record.command) if compat else f"proj run {record.command}",
        "script": _script_with_args(record.fingerprint),
        "deps": [item(path, digest) for path, digest in record.fingerprint.deps],
        "outs": [item(made.path, made.digest) for made in record.made],
    }
    return Entry(record.command, data, _block(record, data))


def _as_it_is(path: str) -> str:
    return path


def _script_with_args(then: Fingerprint) -> list[str]:
    """The script as it ran: what arguments made, nobody without our block may take for the script's own result."""
    return [*then.script[:-1], *(line + _added(then.args) for line in then.script[-1:])]


def _script_without(args: tuple[str, ...], script: Sequence[str]) -> tuple[str, ...]:
    return (*script[:-1], *(line.removesuffix(_added(args)) for line in script[-1:]))


def _added(args: tuple[str, ...]) -> str:
    if not args:
        return ""
    import shlex

    return f" {shlex.join(args)}"


def _block(record: Record, data: Mapping[str, Any]) -> dict[str, Any]:
    then = record.fingerprint
    block: dict[str, Any] = {"entry": entry_digest(data), "run": record.run, "key": then.key}
    if record.origin != "run":
        block["origin"] = record.origin
    if then.args:
        block["args"] = list(then.args)
    if then.env:
        block["env"] = dict(then.env)
    if then.shell is not False:
        block["shell"] = then.shell
    if then.workdir != ".":
        block["workdir"] = then.workdir
    if record.outputs_no_cache:
        block["outputs_no_cache"] = [made.path for made in record.outputs_no_cache]
    made = [(made.path, made.digest) for made in record.made]
    for key, pairs in (("deps", then.deps), ("outs", made)):
        own = _own(pairs, data[key], record.algorithm)
        if own:
            block[key] = own
    return block


def _own(
    pairs: Iterable[tuple[str, str | None]], items: Iterable[Mapping[str, Any]], algorithm: str
) -> dict[str, list[str | None]]:
    """path as written -> [path, digest], where the entry shows another path or Weasel's digest."""
    return {
        item["path"]: [path, digest]
        for (path, digest), item in zip(pairs, items, strict=True)
        if item["path"] != path or (item[algorithm] or ABSENT) != (digest or ABSENT)
    }


def _record(name: str, data: Mapping[str, Any], block: Mapping[str, Any]) -> Record:
    algorithm: Algorithm = "blake3" if any("blake3" in item for item in [*data["deps"], *data["outs"]]) else "md5"
    weasel_digests: dict[str, str] = {}

    def pairs(key: str) -> Iterator[tuple[str, str | None]]:
        own = block.get(key) or {}
        for item in data[key]:
            path, digest = own.get(item["path"]) or (item["path"], item[algorithm])
            if digest != item[algorithm] and item[algorithm] is not None:
                weasel_digests[path] = item[algorithm]
            yield str(path), digest

    deps = tuple(pairs("deps"))
    made = [Made(path, digest or ABSENT) for path, digest in pairs("outs")]
    no_cache = set(block.get("outputs_no_cache") or ())
    args = tuple(block.get("args") or ())
    return Record(
        run=int(block["run"]),
        command=name,
        fingerprint=Fingerprint(
            script=_script_without(args, data["script"]),
            args=args,
            deps=deps,
            env=tuple((block.get("env") or {}).items()),
            shell=block.get("shell", False),
            workdir=block.get("workdir", "."),
        ),
        outputs=tuple(one for one in made if one.path not in no_cache),
        outputs_no_cache=tuple(one for one in made if one.path in no_cache),
        algorithm=algorithm,
        origin=str(block.get("origin", "run")),
        weasel=weasel_digests,
    )


# -- writing ----------------------------------------------------------------------------------------------------------


def write_lock(root: Path, entries: Mapping[str, Entry], order: Iterable[str], *, cache: Path | None) -> None:
    """Replace project.lock whole: entries in the order of the file, those of commands unknown there last."""
    names = [name for name in order if name in entries]
    known = set(names)
    names += [name for name in entries if name not in known]
    texts = _Texts(cache)
    parts = [texts.of(name, entries[name].data) for name in names]
    blocks = {name: entry.block for name in names if (entry := entries[name]).block is not None}
    if blocks:
        parts.append(f"{OURS}:\n  format: {FORMAT}\n  commands:\n")
        parts += [_indented(texts.of(name, block), 4) for name, block in blocks.items()]
    text = "".join(parts).encode()
    write_whole(root / FILE, [text], durable=True)
    texts.save()
    data: dict[str, Any] = {name: entries[name].data for name in names}
    if blocks:
        data[OURS] = {"format": FORMAT, "commands": blocks}
    _keep(cache, digest_bytes(text, "md5"), [data])


def _indented(text: str, by: int) -> str:
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


def _write_yaml(data: Mapping[str, Any]) -> str:
    from weaselish.workspace import yaml12

    return yaml12.write(data)


class _Texts:
    """YAML of entries, kept between runs: writing a thousand of them costs more than all the rest of a run."""

    def __init__(self, cache: Path | None) -> None:
        self._file = None if cache is None else cache / "lock-text.json"
        self._known = self._load()
        self._used: dict[str, str] = {}

    def _load(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            data = json.loads(self._file.read_bytes())
            return data if isinstance(data, dict) else {}
        except (OSError, ValueError):
            return {}

    def of(self, name: str, data: Mapping[str, Any]) -> str:
        key = digest_bytes(json.dumps([name, data], ensure_ascii=True).encode(), "md5")
        text = self._known.get(key) or _write_yaml({name: data})
        self._used[key] = text
        return text

    def save(self) -> None:
        if self._file is not None and self._used.keys() != self._known.keys():
            with contextlib.suppress(OSError):
                write_whole(self._file, [json.dumps(self._used).encode()])


def keep_beside(root: Path) -> Path:
    """Copy a lock that cannot be used to the first free `project.lock.broken-N`; nothing is lost with it."""
    number = 1
    while (kept := root / f"{FILE}.broken-{number}").exists():
        number += 1
    write_whole(kept, [(root / FILE).read_bytes()])
    return kept


def modified(root: Path) -> tuple[int, int, int] | None:
    """What tells that the lock was replaced since it was read: mtime, size, inode; None if there is none."""
    try:
        status = os.stat(root / FILE)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
