"""The run record as a JSON document: what the journal, the remote and every later reader hold. See docs/formats.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import RECORD_FORMAT, Record, RecordedOutput


class BadDocument(ValueError):
    """A document that is no run record of a format that is known."""


def to_document(record: Record) -> dict[str, Any]:
    then = record.fingerprint
    return {
        "format": RECORD_FORMAT,
        "run": record.run,
        "command": record.command,
        "key": then.key,
        "origin": record.origin,
        "algorithm": record.algorithm,
        "script": list(then.script),
        "args": list(then.args),
        "deps": [{"path": path, "digest": digest, "size": record.dep_sizes.get(path)} for path, digest in then.deps],
        "env": [[name, digest] for name, digest in then.env],
        "shell": then.shell,
        "workdir": then.workdir,
        "outputs": [_made_document(made) for made in record.outputs],
        "outputs_no_cache": [_made_document(made) for made in record.outputs_no_cache],
        "weasel": dict(record.weasel),
        **record.facts,
    }


_OWN = frozenset(to_document(Record(0, "", Fingerprint((), (), (), (), False, "."), ())))


def from_document(data: object) -> Record:
    """Raises BadDocument; nothing in the document is trusted to have the right type."""
    try:
        if not isinstance(data, Mapping) or data["format"] != RECORD_FORMAT:
            raise BadDocument("not a run record of a known format")
        deps = [(_text(dep["path"]), _text(dep["digest"], optional=True)) for dep in _list(data["deps"])]
        sizes = {dep["path"]: int(dep["size"]) for dep in data["deps"] if dep.get("size") is not None}
        shell = data["shell"]
        return Record(
            run=int(data["run"]),
            command=str(_text(data["command"])),
            fingerprint=Fingerprint(
                script=_texts(data["script"]),
                args=_texts(data["args"]),
                deps=tuple((str(path), digest) for path, digest in deps),
                env=tuple((str(_text(name)), _text(digest, optional=True)) for name, digest in data["env"]),
                shell=False if shell is False else str(_text(shell)),
                workdir=str(_text(data["workdir"])),
            ),
            outputs=tuple(_made(item) for item in _list(data["outputs"])),
            outputs_no_cache=tuple(_made(item) for item in _list(data["outputs_no_cache"])),
            algorithm="blake3" if data["algorithm"] == "blake3" else "md5",
            origin=str(data["origin"]),
            dep_sizes=sizes,
            weasel={str(_text(path)): str(_text(digest)) for path, digest in data["weasel"].items()},
            facts={name: value for name, value in data.items() if name not in _OWN},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadDocument(f"not a run record: {error!r}") from None


def _made_document(made: RecordedOutput) -> dict[str, Any]:
    return {"path": made.path, "digest": made.digest, "size": made.size, "files": made.files}


def _made(data: Mapping[str, Any]) -> RecordedOutput:
    size, files = data["size"], data["files"]
    return RecordedOutput(
        str(_text(data["path"])),
        str(_text(data["digest"])),
        None if size is None else int(size),
        None if files is None else int(files),
    )


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(_text(item)) for item in _list(value))


def _text(value: object, *, optional: bool = False) -> str | None:
    if isinstance(value, str):
        value.encode()  # raises for bytes in disguise, which no lock could hold
        return value
    if optional and value is None:
        return None
    raise TypeError(f"text was expected, not {value!r}")
