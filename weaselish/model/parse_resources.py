"""Read `resources` of a command, and the ceilings under `defaults`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.resources import NOTHING, Resources, read_bytes, read_cpus, shown_bytes, shown_cpus

_ALIASES = {"cpu": "cpus", "gpu": "gpus"}


def read_resources(values: Values, path: Path, item: Mapping[str, Any] | None) -> tuple[Resources, Resources]:
    """Read what a command requests, and its limits. A plain mapping is both.

    Limits that are lower than the requests, and requests above the ceilings of `defaults`, are errors.
    """
    if not item:
        return NOTHING, NOTHING
    if not {"requests", "limits"} & item.keys():
        requests = limits = _amounts(values, path, item)
        requested = limited = path
    else:
        requested, limited = (*path, "requests"), (*path, "limits")
        limits = _amounts(values, limited, item.get("limits") or {})
        requests = _amounts(values, requested, item.get("requests") or item.get("limits") or {})
        if not item.get("requests"):
            requested = limited
        _check_below(values, requested, requests, limits, "its limit")
    _check_below(values, requested, requests, _ceilings(values), "the limit under `defaults`")
    return requests, limits


def _ceilings(values: Values) -> Resources:
    defaults = values.data.get("defaults")
    ceilings = defaults.get("resources") if isinstance(defaults, dict) else None
    return _amounts(values, ("defaults", "resources"), ceilings) if isinstance(ceilings, dict) else NOTHING


def _amounts(values: Values, path: Path, item: Mapping[str, Any]) -> Resources:
    read: dict[str, Any] = {}
    for key, value in item.items():
        name = _ALIASES.get(key, key)
        if name in read:
            values.problem((*path, key), f"`{name[:-1]}` and `{name}` are the same", "remove one of them", key=True)
            continue
        amount = _amount(values, (*path, key), name, value)
        if amount is not None:
            read[name] = amount
    return Resources(**read)


def _amount(values: Values, path: Path, name: str, value: object) -> float | int | None:
    """Read one amount, with variables replaced, and note a problem if it is none."""
    text = values.interpolated(path, value) if isinstance(value, str) else value
    if text is None:
        return None
    match name:
        case "cpus":
            read: float | int | None = read_cpus(text)
            example = "`4`, `0.5` or `500m`"
        case "gpus":
            read = int(str(text)) if str(text).isdecimal() else None
            example = "`1`"
        case _:
            read = read_bytes(text)
            example = "`8GiB` or `500MB`"
    if read is None or read > 2**53:
        values.problem(path, f"`{path[-1]}` must be an amount, not `{text}`", f"for example {example}")
        return None
    return read


def _check_below(values: Values, path: Path, amounts: Resources, bounds: Resources, what: str) -> None:
    for name, amount, bound in zip(Resources._fields, amounts, bounds, strict=True):
        if bound and amount > bound:
            message = f"`{name}` of {_shown(name, amount)} exceeds {what} of {_shown(name, bound)}"
            values.problem(path, message, "lower it, or raise the limit")


def _shown(name: str, amount: float) -> str:
    return shown_bytes(int(amount)) if name in ("memory", "disk") else shown_cpus(amount)
