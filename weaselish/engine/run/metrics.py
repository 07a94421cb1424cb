"""Reads the metrics files that a step has written. One that cannot be read is a warning: the run counts without it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from weaselish.engine import events
from weaselish.engine.run.secrets import secret_values
from weaselish.errors import InvalidProject, ProjError
from weaselish.files import yaml12
from weaselish.files.text_file import read_limited, text_of
from weaselish.model.masking import masked
from weaselish.model.project import Command
from weaselish.plan.metrics import BadMetrics, Metrics, MetricValue, flattened
from weaselish.workspace import Workspace

_LARGEST = 1 << 20  # bytes of a metrics file
_TOO_DEEP = "it is nested too deeply"


def read_metrics(workspace: Workspace, command: Command, report: events.Reporter = lambda event: None) -> Metrics:
    """Return the values of each metrics file of a command that can be read, secrets masked. Report the others."""
    secrets = secret_values(workspace, command)
    metrics: dict[str, Mapping[str, MetricValue]] = {}
    for path in command.metrics:
        try:
            values = metric_values(workspace.root, path)
        except ProjError as error:
            place = f"{error.place}: " if error.place else ""
            message = f"`{command.name}`: no metrics from `{path}`: {place}{error.message}"
            report(events.Note(masked(message, secrets), error.hint))
            continue
        metrics[path] = dict(_masked(values, secrets))
    return metrics


def metric_values(root: Path, path: str) -> dict[str, MetricValue]:
    """Return the values of one file. Raises ProjError if it cannot be read or kept."""
    data = read_limited(root / path, name=path, limit=_LARGEST)
    parse = _PARSERS.get(PurePosixPath(path).suffix.lower())
    if parse is None:
        raise ProjError("its name must end with `.json`, `.yaml`, `.yml` or `.toml`")
    try:
        return flattened(parse(data, path))
    except BadMetrics as error:
        raise ProjError(str(error)) from None
    except RecursionError:
        raise ProjError(_TOO_DEEP) from None


def _json(data: bytes, path: str) -> object:
    try:
        return json.loads(text_of(data, name=path))
    except json.JSONDecodeError as error:
        raise _invalid(path, error.lineno, error.colno, error.msg) from None
    except ValueError as error:  # a whole number of more than 4,300 digits
        raise BadMetrics(str(error)) from None


def _yaml(data: bytes, path: str) -> object:
    try:
        return yaml12.read(data, file=path)[0]
    except InvalidProject as error:
        problem = error.problems[0]
        raise _invalid(path, problem.line, problem.column, problem.message) from None


def _toml(data: bytes, path: str) -> object:
    try:
        return tomllib.loads(text_of(data, name=path))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        raise _invalid(path, line, column, str(error).partition(" (at ")[0]) from None


_PARSERS: Mapping[str, Callable[[bytes, str], object]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
}


def _invalid(path: str, line: int, column: int, message: str) -> ProjError:
    error = ProjError(message[:1].lower() + message[1:])
    error.place = f"{path}:{line}:{column}" if line else None
    return error


def _masked(values: Mapping[str, MetricValue], secrets: Collection[str]) -> Iterator[tuple[str, MetricValue]]:
    """Yield the values with each secret masked, in names and numbers, too."""
    for name, value in values.items():
        text = str(value)
        shown = masked(text, secrets)
        yield masked(name, secrets), value if shown == text else shown
