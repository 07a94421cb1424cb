"""The manifest of a version: what its stored bytes are, and which recorded run produced them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from weaselish.engine.artifacts.names import ARTIFACTS, Names
from weaselish.errors import NotInStore, StoreError
from weaselish.files.strict_json import read_json
from weaselish.model.paths import is_outside, normalise
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import Algorithm
from weaselish.records.untrusted import count, is_plain, run_id, text, text_if_any
from weaselish.stores.base import Store

FORMAT = 1
_LARGEST = 1 << 20  # bytes of a manifest
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})(\.dir)?")
_MANIFEST = re.compile(re.escape(ARTIFACTS) + r"/[^/]+/([^/]+|replaced/[^/]+/manifest)\.json")


class LaterVersion(StoreError):
    """A document on the remote was written by a later version of `proj`.

    Cure: upgrade `proj`.
    """


class RunReference(NamedTuple):
    """The recorded run that produced a version. `path`: its output, which is the artifact or contains it."""

    command: str
    key: str
    run: int
    path: str


class Manifest(NamedTuple):
    """`path`: where the artifact was in its project, which is its name in the archive of a directory."""

    name: str
    version: str | None
    file: str
    is_directory: bool
    size: int
    sha256: str
    algorithm: Algorithm
    digest: str
    path: str
    record: RunReference | None = None  # None: unattested
    project: str = ""
    description: str = ""
    pushed: str = ""  # UTC, ISO 8601
    tool: str = ""
    host: str = ""
    git: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Return the manifest as JSON has it."""
        fields = self._asdict()
        fields["kind"] = "directory" if fields.pop("is_directory") else "file"
        fields["record"] = self.record and self.record._asdict()
        fields["git"] = self.git and dict(self.git)
        return {"format": FORMAT, **fields}

    def encoded(self) -> bytes:
        return json.dumps(self.document(), ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")


def read_manifest(store: Store, names: Names, version: str | None) -> Manifest | None:
    """Return the manifest of a version, None if it has none. Raises StoreError for one that cannot be used."""
    return manifest_at(store, names.manifest(version), names, version)


def manifest_at(store: Store, key: str, names: Names, version: str | None) -> Manifest | None:
    """Return the manifest under a key, None if there is none. Raises StoreError for one that cannot be used."""
    document = read_fact(store, key)
    if document is None:
        return None
    try:
        manifest = _decoded(document)
    except (KeyError, TypeError, ValueError):
        raise _damaged(key, "it lacks what a manifest needs") from None
    if manifest.name != names.full or manifest.version != version or not names.can_be(manifest.file, version):
        raise _damaged(key, "it describes something else")
    return manifest


def read_fact(store: Store, key: str) -> dict[str, Any] | None:
    """Return one of our JSON objects about artifacts, None if there is none. Raises StoreError for a broken one."""
    try:
        body = b""
        for chunk in store.get(key):
            body += chunk
            if len(body) > _LARGEST:
                raise _damaged(key, "it is too large")
        document = read_json(body)
    except NotInStore:
        return None
    except ValueError:
        raise _damaged(key, "it is not JSON") from None
    if not isinstance(document, dict) or not is_plain(document) or not isinstance(document.get("format"), int):
        raise _damaged(key, "it has no `format`")
    if document["format"] > FORMAT:
        raise LaterVersion(f"`{key}` was written by a later version of proj", hint="upgrade proj")
    return document


def is_manifest_key(key: str) -> bool:
    """Return whether a key is that of a manifest: of a version, or of one that was replaced."""
    return _MANIFEST.fullmatch(key) is not None


def run_of_manifest(store: Store, key: str) -> tuple[str, int] | None:
    """Return key and id of the run that a manifest names, None if it names none or is broken.

    Raises StoreError for one of a later version: this version cannot tell what it needs.
    """
    try:
        record = (read_fact(store, key) or {}).get("record")
        reference = _reference(record) if record is not None else None
    except LaterVersion:
        raise
    except (StoreError, KeyError, TypeError, ValueError):
        return None
    return (reference.key, reference.run) if reference else None


def _damaged(key: str, why: str) -> StoreError:
    return StoreError(f"`{key}` on the remote cannot be used: {why}", hint="`proj artifact push --force` replaces it")


def _decoded(document: Mapping[str, Any]) -> Manifest:
    """Decode a manifest. Raises KeyError, TypeError and ValueError for anything that is not one."""
    kind, size, record = document["kind"], count(document["size"]), document.get("record")
    digest, sha256, path = text(document["digest"]), text(document["sha256"]), text(document.get("path") or "")
    if kind not in ("file", "directory") or size is None or document["algorithm"] not in ("md5", "blake3"):
        raise ValueError("unknown kind")
    if not _SHA256.fullmatch(sha256) or not _DIGEST.fullmatch(digest) or digest.endswith(".dir") != (kind != "file"):
        raise ValueError("not a digest")
    if path and (is_outside(path) or path != normalise(path)):
        raise ValueError("a path outside")
    git = document.get("git")
    texts = {key: text(document.get(key) or "") for key in ("project", "description", "pushed", "tool", "host")}
    return Manifest(
        name=text(document["name"]),
        version=text_if_any(document["version"]),
        file=text(document["file"]),
        is_directory=kind == "directory",
        size=size,
        sha256=sha256,
        algorithm=document["algorithm"],
        digest=digest,
        path=path,
        record=None if record is None else _reference(record),
        git=git if isinstance(git, dict) else None,
        **texts,
    )


def _reference(record: Any) -> RunReference:
    key = text(record["key"])
    if not re.fullmatch(r"[0-9a-f]{32}", key):
        raise ValueError("not a key")
    return RunReference(text(record["command"]), key, run_id(record["run"]), text(record["path"]))
