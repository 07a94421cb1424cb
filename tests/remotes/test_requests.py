"""How little push and pull ask a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from harness import ProjectDir

from weaselish.stores import open as opening
from weaselish.stores.base import Stored
from weaselish.stores.directory import DirectoryStore

from .samples import clone, lines_of, records, twin, twins


class Counting(DirectoryStore):
    """Notes which methods are called."""

    calls: list[str]

    def list(self, prefix: str) -> Iterator[Stored]:
        self.calls.append("list")
        return super().list(prefix)

    def head(self, key: str) -> Stored | None:
        self.calls.append("head")
        return super().head(key)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self.calls.append("get")
        return super().get(key, start=start, end=end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self.calls.append("put")
        return super().put(key, chunks, replace=replace, if_version=if_version)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of the store at `remote`."""
    calls: list[str] = []

    def open_store(*_: object, **__: object) -> Counting:
        store = Counting(tmp_path / "remote")
        store.calls = calls
        return store

    monkeypatch.setattr(opening, "open_store", open_store)
    return calls


def test_a_pull_of_one_command_whose_run_the_lock_file_names_lists_nothing(
    project: ProjectDir, tmp_path: Path, calls: list[str]
) -> None:
    twins(project, tmp_path / "remote").proj("push")
    other = clone(project, "other", with_lock=True)
    calls.clear()
    assert lines_of(other.proj("pull", "-c", "make")) == {"make": "pulled one.txt, two"}
    assert sorted(calls) == ["get", "get", "get", "head"]  # the record, and two objects
    assert twin(other) == twin(project)


def test_a_second_push_of_one_command_asks_for_its_record_and_objects_only(
    project: ProjectDir, tmp_path: Path, calls: list[str]
) -> None:
    twins(project, tmp_path / "remote").proj("push", "-c", "make")
    calls.clear()
    assert lines_of(project.proj("push", "-c", "make")) == {"make": "already on the remote"}
    assert calls == ["head", "head", "head"]


def test_a_second_pull_asks_for_nothing(project: ProjectDir, tmp_path: Path, calls: list[str]) -> None:
    twins(project, tmp_path / "remote").proj("push")
    calls.clear()
    for words in (["pull"], ["pull", "-c", "make"]):
        assert lines_of(project.proj(*words)) == {"make": "already present"}
    assert calls == []


def test_a_first_push_of_one_command_lists_only_the_runs_with_its_key(
    project: ProjectDir, tmp_path: Path, calls: list[str]
) -> None:
    twins(project, tmp_path / "remote")
    calls.clear()
    assert lines_of(project.proj("push", "-c", "make")) == {"make": "pushed 2 outputs, 39.1 KiB"}
    assert calls.count("list") == 1 and calls.count("put") == 3


def test_the_cache_drops_records_that_are_no_longer_on_the_remote(project: ProjectDir, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    twins(project, remote).proj("push")
    project.proj("ls")
    (cache,) = project.path.glob(".proj/cache/remote-*.json")
    (record,) = records(remote)
    assert record.name in cache.read_text()
    record.unlink()
    project.write("make.sh", project.read("make.sh") + "# another\n")
    project.proj("run", "make")
    project.proj("push")
    (newer,) = records(remote)
    assert record.name not in cache.read_text() and newer.name in cache.read_text()
