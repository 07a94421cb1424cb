"""What remotes hold, and what a garbage collection would free. Each is read in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.errors import UnknownName
from weaselish.serve.views.readings import Reading, ReadState, state_of
from weaselish.serve.views.sources import Source

if TYPE_CHECKING:
    from weaselish.engine.gc.collect import Collected
    from weaselish.engine.remote.listing import RemoteRun

_MOST = 500  # runs of a remote that are listed


@dataclass(frozen=True, slots=True)
class RemoteRunItem:
    """A run on a remote. `size`: bytes of content; `stored`: of the archives. `published` in seconds since 1970."""

    command: str
    run: int
    published: float
    host: str
    commit: str | None
    outputs: tuple[str, ...]
    size: int
    stored: int


@dataclass(frozen=True, slots=True)
class GcItem:
    """What gc would do without a policy: bytes in all, that it would free, and that become free later."""

    total: int
    freed: int
    waiting: int
    kept: dict[str, int]  # why runs stay -> how many


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """A remote and what it holds. `count`: of all runs; `runs` has the newest of them."""

    name: str
    url: str
    read_only: bool
    state: ReadState
    count: int
    size: int
    stored: int
    runs: tuple[RemoteRunItem, ...]
    gc: GcItem | None


@dataclass(frozen=True)
class _RemoteContent:
    runs: tuple[RemoteRun, ...]
    gc: Collected | None


def list_remotes(source: Source) -> tuple[RemoteItem, ...]:
    """Return the remotes of project.yml with what they hold. Raises ProjError if project.yml cannot be used."""
    return tuple(
        _remote(remote.name, remote.url, remote.read_only, _remote_reading(source, remote.name))
        for remote in source.project.remotes
    )


def read_remote_again(source: Source, name: str) -> None:
    """Begin to read a remote of project.yml again. Raises UnknownName."""
    names = [remote.name for remote in source.project.remotes]
    if name not in names:
        raise UnknownName("remote", name, names)
    source.readings.again(("remote", source.name, name), _remote_reader(source, name))


def _remote_reading(source: Source, name: str) -> Reading[_RemoteContent]:
    return source.readings.last(("remote", source.name, name), _remote_reader(source, name))


def _remote_reader(source: Source, name: str) -> Callable[[Cancel], _RemoteContent]:
    def read(cancel: Cancel) -> _RemoteContent:
        from weaselish.engine.gc.collect import GcOptions
        from weaselish.errors import ProjError

        runs = source.project.ls(name, cancel=cancel)
        try:
            foreseen = source.project.gc(name, options=GcOptions(dry=True), cancel=cancel)
        except ProjError:  # a remote that cannot be collected can still be shown
            foreseen = None
        return _RemoteContent(runs, foreseen)

    return read


def _remote(name: str, url: str, read_only: bool, reading: Reading[_RemoteContent]) -> RemoteItem:
    runs = reading.value.runs if reading.value else ()
    items = [_remote_run(run) for run in sorted(runs, key=lambda run: -run.published)]
    foreseen = reading.value.gc if reading.value else None
    return RemoteItem(
        name,
        url,
        read_only,
        state_of(reading),
        len(items),
        sum(item.size for item in items),
        sum(item.stored for item in items),
        tuple(items[:_MOST]),
        _gc(foreseen) if foreseen else None,
    )


def _remote_run(run: RemoteRun) -> RemoteRunItem:
    return RemoteRunItem(
        run.command,
        run.run,
        run.published,
        run.host,
        run.git.commit if run.git else None,
        tuple(output.path for output in run.outputs),
        sum(output.size or 0 for output in run.outputs),
        sum(output.stored for output in run.outputs),
    )


def _gc(found: Collected) -> GcItem:
    kept = {why.value: runs.runs for why, runs in found.choice.kept.items() if runs.runs}
    return GcItem(found.total, found.freed, found.orphaned + found.waiting, kept)
