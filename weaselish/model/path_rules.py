"""Which paths a dep, output, asset or directory of project.yml may have."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from weaselish.model.paths import holds_own_files, inside, is_executed_by_tools, is_outside, is_text, normalise, overlap
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.model.project import Asset


class PathKind(enum.Enum):
    """What a path of project.yml is for; the value names it in messages."""

    DEP = "a dep"
    OUTPUT = "an output"
    METRICS = "a metrics file"
    FETCHED_ASSET = "an asset"
    PRIVATE_ASSET = "a private asset"
    SOURCE = "a source's path"
    DIRECTORY = "a directory"
    WORKDIR = "a workdir"
    ENV_FILE = "an env file"
    ARTIFACT = "an artifact"
    VERSION_FILE = "a version file"

    @property
    def noun(self) -> str:
        """The word without its article."""
        return self.value.partition(" ")[2]


_BY_PROJ = (PathKind.FETCHED_ASSET, PathKind.ARTIFACT, PathKind.VERSION_FILE)
_INSIDE_ONLY = (*_BY_PROJ, PathKind.WORKDIR)
_WRITTEN = (PathKind.OUTPUT, PathKind.METRICS, *_BY_PROJ)  # by proj itself, when it fetches or restores
_FILLED = (PathKind.OUTPUT, PathKind.FETCHED_ASSET, PathKind.ARTIFACT)
_CONTENT = (PathKind.DEP, PathKind.OUTPUT, PathKind.METRICS, PathKind.PRIVATE_ASSET, PathKind.SOURCE, *_BY_PROJ)

METRICS_SUFFIXES = (".json", ".yaml", ".yml", ".toml")
_LONGEST_PATH = 4095  # bytes, on Linux
_LONGEST_NAME = 255


class ReadOnly(NamedTuple):
    """A normalised path into which nothing can be written: that of the source `name`."""

    path: str
    name: str


def path_refusal(
    path: str, kind: PathKind, root: str | None, read_only: Iterable[ReadOnly]
) -> tuple[str, str | None] | None:
    """Return message and hint if a normalised path cannot be used as `kind` in the project in `root`, else None."""
    what = kind.value
    if not path:
        return f"{what} must be a path, not empty text", None
    if "\0" in path or not is_text(path):
        return f"{what} cannot be {path!r}", "a path cannot contain NUL, nor bytes that are not UTF-8"
    if len(path.encode()) > _LONGEST_PATH:
        return f"{what} cannot have more than {_LONGEST_PATH:,} bytes", "shorten it"
    if any(len(name.encode()) > _LONGEST_NAME for name in path.split("/")):
        return f"{what} cannot have a name of more than {_LONGEST_NAME} bytes", "shorten it"
    if is_outside(path) and kind in _INSIDE_ONLY:
        return f"{what} is outside the project: `{path}`", "name a path inside the project"
    if kind in _CONTENT and _contains_project(path, root):
        return f"{what} cannot be `{path}`", "it contains the project itself"
    if kind is not PathKind.DEP and kind in _CONTENT and holds_own_files(path):
        return f"{what} cannot be `{path}`", "it would replace files of the project itself"
    if kind in _WRITTEN and is_executed_by_tools(path):
        return f"{what} cannot be `{path}`", "tools execute what they find there, without being asked"
    if kind is not PathKind.DEP and "*" in path:
        return f"{what} cannot be a glob: `{path}`", "name the file, or the directory that contains the files"
    if kind is PathKind.METRICS and not path.lower().endswith(METRICS_SUFFIXES) and "${env." not in path:
        return f"{what} cannot be `{path}`", "name a file that ends with `.json`, `.yaml`, `.yml` or `.toml`"
    for place in read_only if kind in _FILLED else ():
        if overlap(_absolute(path, root), _absolute(place.path, root)):
            return f"{what} cannot be `{path}`", f"the source `{place.name}` is read-only: name a path outside it"
    return None


def _absolute(path: str, root: str | None) -> str:
    return path if root is None or path.startswith("/") else normalise(f"{root}/{path}")


def _contains_project(path: str, root: str | None) -> bool:
    if path.startswith("/"):
        return path == "/" or (root is not None and inside(root, path))
    return set(path.split("/")) == {".."}


def read_only_places(assets: Iterable[Asset]) -> Iterator[ReadOnly]:
    """Yield where read-only sources are, each at its dest and where it is mounted."""
    for asset in assets:
        if asset.mount and asset.mount.read_only:
            yield from (ReadOnly(path, asset.name or "") for path in dict.fromkeys((asset.dest, asset.place)))
