"""Starts what the sessions of some pages need: an S3 server, a Slurm cluster, the packages of a template.

A page names them in a mark: `<!-- needs: s3, penguins -->`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import engines
import pytest
import servers
from engines.slurm import slurm
from environments import with_scikit_learn

BUCKET = "my-bucket"
_MARK = re.compile(r"^<!-- needs: ([^\n]*?) -->$", re.MULTILINE)


class Missing(Exception):
    """A server, engine or package that this machine does not have."""


class Supplies:
    """What has been started so far, each once. It ends with the context."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._started: dict[str, Mapping[str, str]] = {}

    def __enter__(self) -> Supplies:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def environ(self, names: list[str]) -> dict[str, str]:
        """Start what is not running yet; return the variables with which a reader's terminal finds all of it."""
        for name in names:
            if name not in self._started:
                try:
                    self._started[name] = self._stack.enter_context(_SUPPLIES[name]())
                except (servers.Missing, engines.Missing, pytest.skip.Exception) as reason:
                    raise Missing(str(reason)) from None
        return {variable: value for name in names for variable, value in self._started[name].items()}


def needs(text: str) -> list[str]:
    """Return the names in the marks of a page."""
    return [name for names in _MARK.findall(text) for name in names.split(", ")]


@contextmanager
def _s3() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory() as data, servers.seaweedfs(Path(data)) as server:
        servers.s3_client(server).create_bucket(Bucket=BUCKET)
        yield server.environ


@contextmanager
def _slurm() -> Iterator[Mapping[str, str]]:
    with slurm() as cluster:
        yield cluster.environ


@contextmanager
def _penguins() -> Iterator[Mapping[str, str]]:
    yield {"VIRTUAL_ENV": str(with_scikit_learn())}


_SUPPLIES = {"s3": _s3, "slurm": _slurm, "penguins": _penguins}
