"""What a watch notices, with a system whose events the test sends, and with one that cannot watch."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
from harness import ProjectDir

from weaselish.cancel import Cancel
from weaselish.engine import events
from weaselish.engine.watch import Watch
from weaselish.errors import Cancelled
from weaselish.files.directory_watch import Batch, OpenWatch
from weaselish.workspace import Workspace

PROJECT = """\
commands:
  - {name: mixed, script: [touch d/out], deps: [d, "*.cfg"], outputs: [d/out, made.cfg]}
  - {name: use, script: [touch x], deps: [d/out, in.txt, gone/deep/file], outputs: [x]}
"""


class Events:
    """A system that reports the batches that the test sends."""

    def __init__(self) -> None:
        self.opened: list[tuple[frozenset[str], bool]] = []
        self._batches: SimpleQueue[Batch] = SimpleQueue()

    def __call__(self, paths: Iterable[str], stop: threading.Event, *, recursive: bool) -> Iterator[Batch]:
        self.opened.append((frozenset(paths), recursive))
        while not stop.wait(0.001):
            if not self._batches.empty():
                yield self._batches.get()

    def send(self, *moved: Path) -> None:
        self._batches.put(Batch(frozenset(map(str, moved))))


def without_watches(paths: Iterable[str], stop: threading.Event, *, recursive: bool) -> Iterator[Batch]:
    """Fail as a system does that allows no further watches."""
    raise OSError(errno.ENOSPC, "OS file watch limit reached")
    yield


@pytest.fixture
def found(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    for path in ("d/a", "in.txt", "one.cfg"):
        project.write(path, "1")
    return project


@contextmanager
def watch_of(
    project: ProjectDir, open_watch: OpenWatch, report: events.Reporter = lambda event: None
) -> Iterator[Watch]:
    def opened() -> Workspace:
        return Workspace.open(project.path)

    with (
        Cancel() as cancel,
        Watch(project.path, opened, ["use"], cancel=cancel, report=report, open_watch=open_watch) as watch,
    ):
        yield watch


def test_several_files_that_are_written_at_once_are_one_change(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        assert watch.begin() == 5  # project.yml and the deps except d/out
        for path in ("d/a", "in.txt", "two.cfg"):
            found.write(path, "22")
        system.send()
        system.send()
        assert sorted(watch.wait()) == ["d/a", "in.txt", "two.cfg"]
        watch.begin()
        assert not watch.has_changed()


def test_what_the_steps_produce_does_not_count(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        watch.begin()
        for path in ("d/out", "made.cfg", "x", "other.txt"):
            found.write(path, "22")
        system.send()
        found.write("gone/deep/file")
        system.send()
        assert watch.wait() == ("gone/deep/file",)


def test_without_an_event_nothing_is_read(found: ProjectDir) -> None:
    with watch_of(found, Events()) as watch:
        watch.begin()
        found.write("in.txt", "22")
        assert not watch.has_changed()


def test_an_edit_that_is_undone_does_not_count(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        watch.begin()
        (found.path / "new.cfg").touch()
        system.send()
        while not watch.has_changed():
            pass
        found.remove("new.cfg")
        found.write("in.txt", "22")
        system.send()
        assert watch.wait() == ("in.txt",)


def test_a_directory_that_reappeared_is_watched_anew(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        watch.begin()
        before = len(system.opened)
        found.write("in.txt", "22")
        system.send(found.path / "d")
        watch.wait()
        assert len(system.opened) == before + 2


def test_missing_deps_are_awaited_in_the_nearest_directory(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        watch.begin()
        assert sorted(system.opened, key=lambda pair: pair[1]) == [
            (frozenset({str(found.path)}), False),
            (frozenset({str(found.path / "d")}), True),
        ]


def test_where_the_system_cannot_watch_files_are_compared_about_every_second(found: ProjectDir) -> None:
    seen: list[events.Event] = []
    with watch_of(found, without_watches, seen.append) as watch:
        watch.begin()
        found.write("in.txt", "22")
        assert watch.wait() == ("in.txt",)
        watch.begin()
        found.write("d/b", "1")
        assert watch.wait() == ("d/b",)
    [note] = seen
    assert isinstance(note, events.Note)
    assert "watch limit reached" in note.message


def test_a_change_interrupts_a_run_with_its_token_only(found: ProjectDir) -> None:
    system = Events()
    with watch_of(found, system) as watch:
        watch.begin()
        with watch.interrupting() as token:
            assert not token.level
            found.write("in.txt", "22")
            system.send()
            token.wait(None)
        assert watch.wait() == ("in.txt",)
        watch.begin()
        with watch.interrupting() as token:
            token.request()  # as the terminal of a step does at Ctrl-C
        with pytest.raises(Cancelled):
            watch.wait()
