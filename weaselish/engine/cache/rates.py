"""How quickly a remote lately gave back results: what a restore of some bytes will probably take."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from weaselish.files.atomic import write_atomically
from weaselish.files.state_dir import cache_dir
from weaselish.named_tuple import NamedTuple

_FILE = "rates.json"
_SMALL = 1 << 20  # bytes up to which a restore says nothing about the rate
_WEIGHT = 0.3  # of the newest restore in the averages


class Rate(NamedTuple):
    """Averages over the last restores. `latency`: seconds of a restore without bytes; `rate`: bytes per second."""

    latency: float = 0.0
    rate: float = 0.0  # 0: not known

    def seconds(self, size: int) -> float | None:
        """Return what a restore of `size` bytes will probably take, None if nothing is known of the rate."""
        if size > _SMALL and not self.rate:
            return None
        return self.latency + (size / self.rate if self.rate else 0.0)

    def after(self, size: int, seconds: float) -> Rate:
        """Return the averages with one more restore."""
        if size <= _SMALL:
            return self._replace(latency=_average(self.latency, seconds))
        return self._replace(rate=_average(self.rate, size / max(seconds - self.latency, 0.001)))


class Rates:
    """The rate of one remote, kept in `.proj/cache` if that exists. Not thread-safe."""

    def __init__(self, root: Path, remote: str | None) -> None:
        directory = cache_dir(root)
        self._file = None if directory is None else directory / _FILE
        self._remote = remote
        self.current = self._read().get(remote or "", Rate())

    def add(self, size: int, seconds: float) -> None:
        self.current = self.current.after(size, seconds)

    def save(self) -> None:
        """Write the rate, if there is a place for it."""
        if self._file is not None and self._remote is not None and self.current != Rate():
            rates = {**self._read(), self._remote: self.current}
            text = json.dumps({name: rate._asdict() for name, rate in rates.items()})
            with suppress(OSError):
                write_atomically(self._file, [text.encode()])

    def _read(self) -> dict[str, Rate]:
        try:
            data = json.loads(self._file.read_bytes()) if self._file else {}
            return {name: Rate(float(one["latency"]), float(one["rate"])) for name, one in data.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}


def _average(average: float, newest: float) -> float:
    return newest if not average else (1 - _WEIGHT) * average + _WEIGHT * newest
