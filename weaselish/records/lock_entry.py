"""Entries of project.lock, and the records that they are a view of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from weaselish.compat import weasel
from weaselish.model.project import Algorithm, Command
from weaselish.plan.digests import ABSENT, digest_bytes
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import Record, RecordedOutput


class LockEntry(NamedTuple):
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


def entry_digest(entry: Mapping[str, Any]) -> str:
    """What ties a block to its entry."""
    return digest_bytes(json.dumps(entry, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace"), "md5")


def entry_of(record: Record, command: Command | None, *, compat: bool) -> LockEntry:
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
        "outs": [item(made.path, made.digest) for made in record.all_outputs],
    }
    return LockEntry(record.command, data, _block(record, data))


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
    made = [(made.path, made.digest) for made in record.all_outputs]
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
    made = [RecordedOutput(path, digest or ABSENT) for path, digest in pairs("outs")]
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
