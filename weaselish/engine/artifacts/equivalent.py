"""Compares the numbers of a version that was computed again with those of the version, within tolerances."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from weaselish.engine.artifacts.rerun import Ended, Rerun
from weaselish.engine.run.metrics import metric_values
from weaselish.errors import ProjError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.metrics import MetricValue

_Values = Mapping[str, MetricValue]


class Difference(NamedTuple):
    """A number that a tolerance is about. `old`: of the version; None where a side does not have it."""

    file: str
    metric: str
    old: float | None
    new: float | None
    tolerance: float

    @property
    def is_within(self) -> bool:
        return self.old is not None and self.new is not None and abs(self.new - self.old) <= self.tolerance


def differences(rerun: Rerun, ended: Ended) -> Iterator[Difference]:
    """Yield each number of the artifact's `equivalent:`, of the version and of the rerun."""
    with TemporaryDirectory(prefix="proj-artifact-") as place:
        version = _Content(rerun, Path(place))
        for file, tolerances in rerun.artifact.equivalent.items():
            old, new = version.values(file), _rebuilt(rerun, ended, file)
            for metric, tolerance in tolerances.items():
                yield Difference(file, metric, _number(old.get(metric)), _number(new.get(metric)), tolerance)


def _rebuilt(rerun: Rerun, ended: Ended, file: str) -> _Values:
    """Return the values of a file of the rerun: in the artifact, of another output of its run, or of one that read it.

    Raises ProjError if that run's deps are not found, or if its script fails.
    """
    inside = posixpath.join(rerun.manifest.path, file)
    if values := _values(ended.root, inside) or _values(ended.root, file):
        return values
    measuring = rerun.measuring(file)
    if measuring is None:
        return {}
    if failure := rerun.measure(ended.root, measuring):
        raise ProjError(f"`{measuring.command}`, which writes `{file}`, failed in the rerun: {failure}")
    return _values(ended.root, file)


class _Content:
    """The version's own content, downloaded when it is needed."""

    def __init__(self, rerun: Rerun, place: Path) -> None:
        self._rerun = rerun
        self._place = place

    def values(self, file: str) -> _Values:
        """Return the values of a file: in the artifact, the artifact itself, or of an output of its run or a later one.

        A later run is one that read the version's content.
        """
        rerun = self._rerun
        metrics = rerun.record.metrics.get(file)
        if metrics is not None:
            return metrics
        top = self._top()
        if rerun.version.is_directory and (values := _values(top, file)):
            return values
        if file in (rerun.manifest.path, posixpath.basename(rerun.manifest.path)):
            return _values(top.parent, top.name)
        if values := _values(rerun.output_of(rerun.record, file, self._place), file):
            return values
        measuring = rerun.measuring(file)
        if measuring is None:
            return {}
        return measuring.metrics.get(file) or _values(rerun.output_of(measuring, file, self._place), file)

    def _top(self) -> Path:
        place = self._place / "version"
        if not place.exists():
            place.mkdir()
            rerun = self._rerun
            rerun.puller.fetch(rerun.artifact, rerun.version, place, unpacks=rerun.version.is_directory)
        if self._rerun.version.is_directory:
            return place / self._rerun.manifest.path
        return next(iter(place.iterdir()))


def _values(root: Path, path: str) -> _Values:
    try:
        return metric_values(root, path)
    except ProjError:
        return {}


def _number(value: MetricValue | None) -> float | None:
    return None if value is None or isinstance(value, str | bool) else float(value)
