"""The run record as a JSON document, as the journal and remotes hold it. docs/formats.md defines it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import (
    NO_REPOSITORY,
    RECORD_FORMAT,
    GitCommit,
    Host,
    Origin,
    Provenance,
    Record,
    RecordedOutput,
)
from weaselish.records.untrusted import (
    count,
    digest_pairs,
    is_count,
    is_plain,
    items,
    known_metrics,
    run_id,
    seconds_or_none,
    sentences_or_none,
    text,
    text_if_any,
    text_or_none,
    text_pairs,
    texts,
)


class BadRecord(ValueError):
    """The document is not a run record of a known format."""


# -- writing ----------------------------------------------------------------------------------------------------------


def to_document(record: Record) -> dict[str, Any]:
    """Return the record as a JSON document, with the keys that only a later version knows."""
    then = record.fingerprint
    return {
        "format": RECORD_FORMAT,
        "run": record.run,
        "command": record.command,
        "key": then.key,
        "origin": record.origin.value,
        "algorithm": record.algorithm,
        "script": list(then.script),
        "args": list(then.args),
        "deps": [{"path": path, "digest": digest, "size": record.dep_sizes.get(path)} for path, digest in then.deps],
        "env": [[name, digest] for name, digest in then.env],
        "shell": then.shell,
        "workdir": then.workdir,
        **({"environment": dict(then.environment)} if then.environment else {}),
        "outputs": [output._asdict() for output in record.outputs],
        "outputs_no_cache": [output._asdict() for output in record.outputs_no_cache],
        "weasel": dict(record.weasel),
        **({"dep_digests": dict(record.dep_digests)} if record.dep_digests else {}),
        **dict(_facts(record.provenance or Provenance())),
        **({"metrics": {path: dict(values) for path, values in record.metrics.items()}} if record.metrics else {}),
        **record.extra,
    }


def _facts(provenance: Provenance) -> Iterator[tuple[str, Any]]:
    """Yield the known facts. `git` is null for a run outside a repository."""
    for name in ("started", "seconds", "reasons", "executor", "image", "tool"):
        if (value := getattr(provenance, name)) is not None:
            yield name, list(value) if name == "reasons" else value
    if provenance.host is not None:
        yield "host", {name: value for name, value in provenance.host._asdict().items() if value is not None}
    if provenance.git is not None:
        yield "git", None if provenance.git == NO_REPOSITORY else provenance.git._asdict()


# -- reading ----------------------------------------------------------------------------------------------------------


def from_document(data: object) -> Record:
    """Decode a record. Raises BadRecord; nothing in the document is trusted to have the right type or size."""
    try:
        return _record(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecord(f"not a run record: {error!r}") from None


def _record(data: Any) -> Record:
    if not isinstance(data, dict) or isinstance(data["format"], bool) or data["format"] != RECORD_FORMAT:
        raise BadRecord("not a run record of a known format")
    deps = [(text(dep["path"]), text_if_any(dep["digest"]), count(dep.get("size"))) for dep in items(data["deps"])]
    origin = origin_of(data["origin"])
    extra = {name: value for name, value in data.items() if name not in _KNOWN and is_plain(value)}
    return Record(
        run=run_id(data["run"]),
        command=text(data["command"]),
        fingerprint=Fingerprint(
            script=texts(data["script"]),
            args=texts(data["args"]),
            deps=tuple((path, digest) for path, digest, _ in deps),
            env=digest_pairs(data["env"]),
            shell=False if data["shell"] is False else text(data["shell"]),
            workdir=text(data["workdir"]),
            environment=text_pairs(data.get("environment", {})),
        ),
        outputs=tuple(map(_output, items(data["outputs"]))),
        outputs_no_cache=tuple(map(_output, items(data["outputs_no_cache"]))),
        algorithm="blake3" if data["algorithm"] == "blake3" else "md5",
        origin=origin,
        dep_sizes={path: size for path, _, size in deps if size is not None},
        weasel={text(path): text(digest) for path, digest in data["weasel"].items()},
        dep_digests=dict(text_pairs(data.get("dep_digests", {}))),
        provenance=_provenance(data),
        metrics=known_metrics(data.get("metrics")),
        extra=extra if origin is not Origin.OTHER else {**extra, "origin": data["origin"]},
    )


_ORIGINS = {origin.value: origin for origin in Origin}


def origin_of(value: object) -> Origin:
    """Return the origin that a record names. Raises TypeError and ValueError for anything but text."""
    return _ORIGINS.get(text(value), Origin.OTHER)


def _output(data: Any) -> RecordedOutput:
    return RecordedOutput(text(data["path"]), text(data["digest"]), count(data["size"]), count(data["files"]))


def _provenance(data: Mapping[str, Any]) -> Provenance | None:
    """Decode the facts. A fact of the wrong type counts as unknown: nothing depends on it."""
    host = data.get("host")
    provenance = Provenance(
        executor=text_or_none(data.get("executor")),
        tool=text_or_none(data.get("tool")),
        host=_host(host) if isinstance(host, dict) else None,
        git=_git(data["git"]) if "git" in data else None,
        started=text_or_none(data.get("started")),
        seconds=seconds_or_none(data.get("seconds")),
        reasons=sentences_or_none(data.get("reasons")),
        image=text_or_none(data.get("image")),
    )
    return None if provenance == Provenance() else provenance


def _host(data: Mapping[str, Any]) -> Host:
    cpus = data.get("cpus")
    return Host(
        name=text_or_none(data.get("name")),
        system=text_or_none(data.get("system")),
        python=text_or_none(data.get("python")),
        cpus=cpus if is_count(cpus) else None,
    )


def _git(data: object) -> GitCommit | None:
    if data is None:
        return NO_REPOSITORY
    if not isinstance(data, dict):
        return None
    commit = text_or_none(data.get("commit"))
    return None if commit is None else GitCommit(commit, dirty=data.get("dirty") is True)


_EVERY_ENVIRONMENT = (("", ""),)
_EVERY_FACT = Provenance("", "", Host(), NO_REPOSITORY, "", 0.0, (), "")
_KNOWN = frozenset(
    to_document(
        Record(
            0,
            "",
            Fingerprint((), (), (), (), False, ".", _EVERY_ENVIRONMENT),
            (),
            provenance=_EVERY_FACT,
            dep_digests={"": ""},
            metrics={"": {}},
        )
    )
)
