"""Entries of project.lock, and the records that they are views of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from weaselish.compat import weasel
from weaselish.model.project import Algorithm, Command
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT, digest_bytes
from weaselish.plan.fingerprint import DigestPairs, Fingerprint
from weaselish.plan.record import ARTIFACTS, Origin, Record, RecordedOutput
from weaselish.records.record_format import origin_of
from weaselish.records.untrusted import items, run_id, text, text_if_any, text_pairs, text_pairs_or_none, texts

_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


class LockEntry(NamedTuple):
    """One command's entry as the file holds it, with our block beside it if that counts."""

    name: str
    data: Mapping[str, Any]  # Weasel's four keys
    block: Mapping[str, Any] | None = None
    is_mixed: bool = False  # edited, or merged by git from two entries: it describes no run

    def record(self) -> Record | None:
        """Return the record that this entry is a view of; None for one that Weasel wrote, or an incomplete one."""
        if self.block is None:
            return None
        try:
            return _record(self.name, self.data, self.block)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def entry_digest(entry: Mapping[str, Any]) -> str:
    """Return the digest that ties a block to its entry. Raises TypeError and ValueError for what JSON cannot hold."""
    return digest_bytes(_JSON.encode(entry).encode("utf-8", "replace"), "md5")


def entry_of(record: Record, command: Command | None, *, compat: bool) -> LockEntry:
    """Return the lock entry of a record; under `compat: weasel` with Weasel's `cmd`, digests and paths as written."""
    as_written = command.as_written if command and compat else _unchanged
    weasel_digests = record.weasel if compat else {}

    def item(path: str, digest: str | None) -> dict[str, str | None]:
        shown = None if digest == ABSENT else weasel_digests.get(path, digest)
        return {"path": as_written(path), record.algorithm: shown}

    data = {
        "cmd": weasel.cmd(record.command) if compat else _cmd(record.command),
        "script": _script_with_args(record.fingerprint),
        "deps": [item(path, digest) for path, digest in record.fingerprint.deps],
        "outs": [item(output.path, output.digest) for output in record.all_outputs],
    }
    return LockEntry(record.command, data, _block(record, data))


def is_written_by_us(name: str, data: Mapping[str, Any]) -> bool:
    """Return whether `proj` wrote the entry, outside `compat: weasel`."""
    return data.get("cmd") == _cmd(name)


def _cmd(name: str) -> str:
    return f"proj run {name}"


def _unchanged(path: str) -> str:
    return path


# -- arguments --------------------------------------------------------------------------------------------------------


def _script_with_args(then: Fingerprint) -> list[str]:
    """Return the script as it ran: without our block, the result must not pass for that of the script alone."""
    return [*then.script[:-1], *(line + _shown_args(then.args) for line in then.script[-1:])]


def _script_without(args: tuple[str, ...], script: Sequence[str]) -> tuple[str, ...]:
    return (*script[:-1], *(line.removesuffix(_shown_args(args)) for line in script[-1:]))


def _shown_args(args: tuple[str, ...]) -> str:
    if not args:
        return ""
    import shlex

    return f" {shlex.join(args)}"


# -- our block --------------------------------------------------------------------------------------------------------


def _block(record: Record, data: Mapping[str, Any]) -> dict[str, Any]:
    then = record.fingerprint
    block: dict[str, Any] = {"entry": entry_digest(data), "run": record.run, "key": then.key}
    if record.origin is not Origin.RUN:
        block["origin"] = record.extra.get("origin", record.origin.value)
    if then.args:
        block["args"] = list(then.args)
    if then.env:
        block["env"] = dict(then.env)
    if then.shell is not False:
        block["shell"] = then.shell
    if then.workdir != ".":
        block["workdir"] = then.workdir
    if then.environment:
        block["environment"] = dict(then.environment)
    if record.outputs_no_cache:
        block["outputs_no_cache"] = [output.path for output in record.outputs_no_cache]
    if ARTIFACTS in record.extra and (versions := text_pairs_or_none(record.extra[ARTIFACTS])):
        block[ARTIFACTS] = dict(versions)
    outputs = [(output.path, output.digest) for output in record.all_outputs]
    for key, pairs in (("deps", then.deps), ("outs", outputs)):
        own = _own(pairs, data[key], record.algorithm)
        if own:
            block[key] = own
    return block


def _own(
    pairs: Iterable[tuple[str, str | None]], shown: Iterable[Mapping[str, Any]], algorithm: str
) -> dict[str, list[str | None]]:
    """Return path as written -> [path, digest], where the entry shows another path or Weasel's digest."""
    return {
        item["path"]: [path, digest]
        for (path, digest), item in zip(pairs, shown, strict=True)
        if item["path"] != path or (item[algorithm] or ABSENT) != (digest or ABSENT)
    }


def _record(name: str, data: Mapping[str, Any], block: Mapping[str, Any]) -> Record:
    """Decode a record. Raises KeyError, TypeError, ValueError and AttributeError for anything that is not one."""
    shown = [*items(data["deps"]), *items(data["outs"])]
    algorithm: Algorithm = "blake3" if any("blake3" in item for item in shown) else "md5"
    weasel_digests: dict[str, str] = {}

    def own_pairs(own: Mapping[str, Any], pairs: DigestPairs) -> Iterator[tuple[str, str | None]]:
        for written_path, written in pairs:
            path, digest = own.get(written_path) or (written_path, written)
            if written is not None and digest != written:
                weasel_digests[text(path)] = written
            yield text(path), text_if_any(digest)

    def pairs(key: str) -> DigestPairs:
        shown = tuple([(text(item["path"]), text_if_any(item[algorithm])) for item in data[key]])
        return tuple(own_pairs(block[key], shown)) if block.get(key) else shown

    deps = pairs("deps")
    outputs = [RecordedOutput(path, digest or ABSENT) for path, digest in pairs("outs")]
    no_cache = set(texts(block.get("outputs_no_cache", [])))
    args = texts(block.get("args", []))
    shell = block.get("shell", False)
    origin = origin_of(block.get("origin", "run"))
    return Record(
        run=run_id(block["run"]),
        command=text(name),
        fingerprint=Fingerprint(
            script=_script_without(args, texts(data["script"])),
            args=args,
            deps=deps,
            env=tuple((text(name), text_if_any(digest)) for name, digest in block.get("env", {}).items()),
            shell=False if shell is False else text(shell),
            workdir=text(block.get("workdir", ".")),
            environment=text_pairs(block.get("environment", {})),
        ),
        outputs=tuple(output for output in outputs if output.path not in no_cache),
        outputs_no_cache=tuple(output for output in outputs if output.path in no_cache),
        algorithm=algorithm,
        origin=origin,
        weasel=weasel_digests,
        extra=dict(_extra(block, origin)),
    )


def _extra(block: Mapping[str, Any], origin: Origin) -> Iterator[tuple[str, object]]:
    """Yield the further keys of a record's document that a block holds."""
    if origin is Origin.OTHER:
        yield "origin", block["origin"]
    if ARTIFACTS in block and (versions := text_pairs_or_none(block[ARTIFACTS])):
        yield ARTIFACTS, dict(versions)
