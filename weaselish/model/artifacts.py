"""An artifact of project.yml: a file or directory that is published, or imported, in versions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from weaselish.named_tuple import NamedTuple

ALL = "ALL"  # stands for every artifact on the command line
DEP = "artifact:"  # begins a dep that names an artifact
_NONE: Mapping[str, Any] = MappingProxyType({})


class Artifact(NamedTuple):
    """`range`: the versions that an imported artifact may have; None if this project publishes the artifact."""

    name: str
    path: str
    remote: str = "default"
    description: str = ""
    singular: bool = False  # one object without a version in its name
    range: str | None = None
    equivalent: Mapping[str, Mapping[str, float]] = _NONE  # file -> metric -> difference that does not count

    @property
    def is_imported(self) -> bool:
        return self.range is not None


class ProjectVersion(NamedTuple):
    """The version that project.yml gives: as text, or in a file."""

    text: str | None = None
    file: str | None = None
