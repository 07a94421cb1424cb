"""Read the version of the project, its artifacts, and the deps that name artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weaselish.errors import UnknownName
from weaselish.model.artifacts import ALL, DEP, Artifact, ProjectVersion
from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.path_rules import PathKind
from weaselish.model.paths import overlap
from weaselish.model.project import Asset, Command
from weaselish.model.versions import range_problem, version_problem

_NAME = re.compile(r"[^\W.-][^\s/@\\:*?\"<>|\x00-\x1f]*")


def read_version(values: Values) -> ProjectVersion:
    """Read the project's version. What other tools may have under this key is ignored with a warning."""
    given = values.data.get("version")
    if isinstance(given, dict) and set(given) == {"file"} and isinstance(given["file"], str):
        text = values.interpolated(("version", "file"), given["file"])
        file = values.path(("version", "file"), text, PathKind.VERSION_FILE) if text else None
        return ProjectVersion(file=file)
    text = values.text(("version",))
    if given is None or (text and version_problem(text) is None):
        return ProjectVersion(text=text or None)
    shown = f"`{given}`" if isinstance(given, str | int | float) else "a mapping or list"
    hint = 'write three numbers in quotes, `version: "1.4.0"`, or `version: {file: VERSION}`'
    values.warn(("version",), f"`version` is ignored: {shown} is not a version", hint)
    return ProjectVersion()


def read_artifacts(values: Values) -> dict[str, Artifact]:
    """Read the artifacts by name. One without a usable path is left out."""
    artifacts = {}
    for name, item in values.mapping("artifacts").items():
        path: Path = ("artifacts", name)
        if item is None:
            continue
        if not _NAME.fullmatch(name) or name == ALL:
            message = f"an artifact cannot be named `{name}`"
            values.problem(path, message, "use letters, digits, `-`, `_` and `.`: file names begin with it", key=True)
        elif (artifact := _artifact(values, path, item, name)) is not None:
            artifacts[name] = artifact
    return artifacts


def _artifact(values: Values, path: Path, item: Mapping[str, Any], name: str) -> Artifact | None:
    text = values.required_text((*path, "path"), within=item)
    normal = values.path((*path, "path"), text, PathKind.ARTIFACT) if text else None
    if normal is None:
        return None
    artifact = Artifact(
        name,
        normal,
        remote=values.text((*path, "remote"), within=item) or "default",
        description=values.text((*path, "description"), within=item),
        singular=bool(item.get("singular")),
        range=_range(values, (*path, "version"), values.text((*path, "version"), within=item)),
        equivalent=dict(_equivalent(values, (*path, "equivalent"), item.get("equivalent") or {})),
    )
    if artifact.singular and artifact.is_imported:
        hint = "remove one of the two: a singular artifact has no versions"
        values.problem((*path, "version"), "`singular: true` and `version:` exclude each other", hint)
    return artifact


def _range(values: Values, path: Path, text: str) -> str | None:
    if not text:
        return None
    if problem := range_problem(text):
        values.problem(path, *problem)
        return None
    return "".join(text.split())


def _equivalent(values: Values, path: Path, item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    for file, tolerances in item.items():
        if not isinstance(tolerances, dict):
            continue
        for metric, tolerance in tolerances.items():
            if not isinstance(tolerance, int | float) or isinstance(tolerance, bool) or not tolerance >= 0:
                message = f"the tolerance of `{metric}` must be a number from 0 on"
                values.problem((*path, file, metric), message, "for example `0.002`")
        yield file, {metric: float(one) for metric, one in tolerances.items() if isinstance(one, int | float)}


class ArtifactDeps:
    """The artifacts of a project, as deps of its commands name them."""

    def __init__(self, values: Values, artifacts: dict[str, Artifact]) -> None:
        self.artifacts = artifacts  # with the ranges that deps give
        self._values = values
        self._declared = values.mapping("artifacts")

    def paths(self, path: Path, items: Iterable[object]) -> Iterator[object]:
        """Yield the items of a list of deps, each `artifact:NAME` as the artifact's path, None if it has a problem."""
        for index, item in enumerate(items):
            is_artifact = isinstance(item, str) and item.startswith(DEP)
            yield self._path((*path, index), str(item)) if is_artifact else item

    def _path(self, path: Path, item: str) -> str | None:
        text = self._values.interpolated(path, item) or ""
        name, _, wanted = text.removeprefix(DEP).partition("@")
        if name in self._declared and name not in self.artifacts:
            self._values.problem(path, f"artifact `{name}` cannot be used", "correct its entry under `artifacts:`")
            return None
        if name not in self.artifacts:
            unknown = UnknownName("artifact", name, self.artifacts)
            hint = unknown.hint or 'define it: `artifacts: {NAME: {path: …, version: "^1.2"}}`'
            self._values.problem(path, unknown.message, hint)
            return None
        return self.artifacts[name].path if not wanted or self._take_range(path, name, wanted) else None

    def _take_range(self, path: Path, name: str, wanted: str) -> bool:
        """Give an artifact the range of a dep. Return whether it can have it."""
        artifact, wanted = self.artifacts[name], "".join(wanted.split())
        if problem := range_problem(wanted):
            self._values.problem(path, *problem)
        elif artifact.singular:
            message = f"artifact `{name}` is singular: it has no versions"
            self._values.problem(path, message, f"write `{DEP}{name}`")
        elif artifact.range not in (None, wanted):
            message = f"artifact `{name}` has two ranges: `{artifact.range}` and `{wanted}`"
            self._values.problem(path, message, "a project uses one version of an artifact: write one range")
        else:
            self.artifacts[name] = artifact._replace(range=wanted)
            return True
        return False


def check_imported(
    values: Values, artifacts: Mapping[str, Artifact], commands: Mapping[str, Command], assets: Iterable[Asset]
) -> None:
    """Note imported artifacts at a place that a command, an asset or another artifact fills."""
    imported = [artifact for artifact in artifacts.values() if artifact.is_imported]
    if not imported:
        return
    outputs = [(f"an output of `{one.name}`", path) for one in commands.values() for path in one.all_outputs]
    others = [*outputs, *(("an asset", asset.dest) for asset in assets)]
    for index, artifact in enumerate(imported):
        before = [(f"artifact `{one.name}`", one.path) for one in imported[:index]]
        what = next((what for what, path in (*others, *before) if overlap(path, artifact.path)), None)
        if what is not None:
            message = f"artifact `{artifact.name}` is imported to `{artifact.path}`, which overlaps {what}"
            values.problem(("artifacts", artifact.name, "path"), message, "give it a path of its own")
