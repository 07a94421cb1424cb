"""What a step needs of a machine, and how project.yml writes amounts."""

from __future__ import annotations

import re

from weaselish.named_tuple import NamedTuple

_BINARY = {unit: 1024**power for power, unit in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi"))}
_DECIMAL = {unit: 1000**power for power, unit in enumerate(("", "k", "M", "G", "T", "P"))}
_BYTES = {unit.lower(): size for units in (_BINARY, _DECIMAL) for unit, size in units.items()}
_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) *([A-Za-z]*)")


class Resources(NamedTuple):
    """Amounts of what a machine has. In requests 0 means nothing in particular, in limits no limit."""

    cpus: float = 0.0  # processors
    memory: int = 0  # bytes
    gpus: int = 0
    disk: int = 0  # bytes of scratch space

    @property
    def exists(self) -> bool:
        """Return whether any amount is given."""
        return any(self)


NOTHING = Resources()


def read_cpus(value: object) -> float | None:
    """Read a number of processors: `2`, `0.5`, `"500m"` (thousandths). None if it is none."""
    match = _AMOUNT.fullmatch(str(value))
    if match is None or match[2] not in ("", "m"):
        return None
    return float(match[1]) / (1000 if match[2] else 1)


def read_bytes(value: object) -> int | None:
    """Read a number of bytes: `1048576`, `"8GiB"`, `"8Gi"`, `"500MB"`. None if it is none."""
    match = _AMOUNT.fullmatch(str(value))
    unit = match[2].lower().removesuffix("b") if match else ""
    if match is None or unit not in _BYTES:
        return None
    return int(float(match[1]) * _BYTES[unit])


def shown_bytes(size: int) -> str:
    """Return a number of bytes as project.yml writes it, in the largest unit that is exact or has one decimal."""
    for unit, factor in reversed(_BINARY.items()):
        if unit and size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}B"
    return f"{size} B"


def shown_cpus(cpus: float) -> str:
    """Return a number of processors without needless decimals."""
    return f"{cpus:g}"
