"""The keys of an artifact on a remote: its files, readable for people, and our facts about them below `.proj`."""

from __future__ import annotations

import posixpath
from urllib.parse import quote_plus

from weaselish.errors import UsageError
from weaselish.model.artifacts import Artifact
from weaselish.model.versions import is_version
from weaselish.named_tuple import NamedTuple
from weaselish.stores.base import Stored

ARTIFACTS = ".proj/artifacts"
SINGULAR = "singular"  # stands for the version of a singular artifact in the keys of our facts
DIRECTORY = ".tar.gz"  # the extension of a directory, which is stored as an archive
_DOUBLE = (
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"),
    *(".nii.gz", ".csv.gz", ".json.gz", ".jsonl.gz", ".txt.gz"),
)


def extension(path: str) -> str:
    """Return the extension of a file, of which some have two parts; empty if it has none."""
    name = posixpath.basename(path)
    double = next((one for one in _DOUBLE if name.endswith(one) and len(name) > len(one)), None)
    return double or posixpath.splitext(name)[1]


class Names(NamedTuple):
    """The names of one artifact on a remote. `full`: its prefix and name; `suffix`: the extension of its file."""

    full: str
    suffix: str
    is_singular: bool = False

    def file(self, version: str | None, *, is_directory: bool) -> str:
        """Return the key of a version's content; `version` is None for a singular artifact."""
        end = DIRECTORY if is_directory else self.suffix
        return f"{self.full}{end}" if version is None else f"{self.full}_v{version}{end}"

    @property
    def folder(self) -> str:
        """The prefix of our facts about this artifact."""
        return f"{ARTIFACTS}/{quote_plus(self.full)}"

    @property
    def directory(self) -> str:
        """The prefix that the files are in: empty, unless the artifact's prefix has a slash."""
        return posixpath.dirname(self.full)

    def manifest(self, version: str | None) -> str:
        return f"{self.folder}/{version or SINGULAR}.json"

    def alias(self, alias: str) -> str:
        return f"{self.folder}/aliases/{quote_plus(alias)}.json"

    def yanked(self, version: str) -> str:
        return f"{self.folder}/yanked/{version}.json"

    def checks(self, version: str | None) -> str:
        return f"{self.folder}/checks/{version or SINGULAR}"

    def replaced(self, sha256: str, name: str) -> str:
        return f"{self.folder}/replaced/{sha256}/{name}"

    def can_be(self, file: str, version: str | None) -> bool:
        """Return whether `file` can be the key of a version, whatever its extension."""
        start = self.full if version is None else f"{self.full}_v{version}"
        rest = file.removeprefix(start)
        return file.startswith(start) and "/" not in rest and (not rest or rest.startswith("."))

    def version_of(self, stored: Stored) -> str | None:
        """Return the version that a file is, None if it is not one. It may be a directory's archive."""
        key, start = stored.key, f"{self.full}_v"
        if not key.startswith(start):
            return None
        ends = (self.suffix,) if self.suffix else ("", DIRECTORY)  # a path without a suffix may be a directory
        versions = (key[len(start) : len(key) - len(end)] for end in ends if key.endswith(end))
        return next((version for version in versions if is_version(version)), None)


def names_of(artifact: Artifact, prefix: str = "") -> Names:
    """Return the names of an artifact, behind a prefix that the user gives. Raises UsageError."""
    full = prefix + artifact.name
    segments = full.split("/")
    if {"", ".", ".."} & set(segments) or segments[0].startswith(".proj") or "\\" in full or "\0" in full:
        raise UsageError(f"`{prefix}` cannot be a prefix", hint="for example `team-` or `team/`")
    return Names(full, extension(artifact.path), artifact.singular)
