"""The whole way on every kind of remote: push, a fresh clone pulls, nothing is left to run."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from harness import ProjectDir

from weaselish.cancel import Cancel
from weaselish.model.project import Remote
from weaselish.stores import open as opening
from weaselish.stores.base import Store, Stored

from .conftest import PLACES
from .samples import ALL_UP_TO_DATE, OUTPUTS, clone, intact_runs, lines_of, outputs, pipeline

everywhere = pytest.mark.parametrize("remote", PLACES, indirect=True)


class Counting:
    """A store that counts what is asked of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[str] = []

    def list(self, prefix: str) -> Iterator[Stored]:
        self.calls.append(f"list {prefix}".strip())
        return self._store.list(prefix)

    def head(self, key: str) -> Stored | None:
        self.calls.append(f"head {key}")
        return self._store.head(key)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self.calls.append(f"get {key}")
        return self._store.get(key, start=start, end=end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self.calls.append(f"put {key}")
        return self._store.put(key, chunks, replace=replace, if_version=if_version)

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        self.calls.append(f"copy {source}")
        return self._store.copy(source, target, replace=replace)

    def delete(self, key: str) -> None:
        self.calls.append(f"delete {key}")
        self._store.delete(key)

    def delete_many(self, keys: Sequence[str]) -> None:
        self.calls.append(f"delete {len(keys)}")
        self._store.delete_many(keys)

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Counting]:
    """The stores that `proj` opens from now on."""
    opened: list[Counting] = []
    really = opening.open_store

    def counting(remote: Remote, **options: Any) -> Store:
        opened.append(Counting(really(remote, **options)))
        return opened[-1]

    monkeypatch.setattr(opening, "open_store", counting)
    return opened


def store_of(project: ProjectDir, remote: str) -> Store:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environ.items():
            patch.setenv(name, value)
        return opening.open_store(Remote("check", remote), root=project.path, cancel=Cancel())


def on_remote(project: ProjectDir) -> dict[str, str]:
    return {step["step"]: step["remote"] for step in project.proj("status", "--remote", "default", "--json").json}


@everywhere
def test_a_fresh_clone_pulls_what_was_pushed_and_has_nothing_to_run(project: ProjectDir, remote: str) -> None:
    pipeline(project, remote)
    pushed = project.proj("push")
    assert (pushed.code, pushed.out) == (0, "")
    assert pushed.err == ("✔ prepare: pushed 3 outputs, 24 B\n✔ train: pushed 1 output, 8 B\n2 pushed to default\n")
    assert [run.command for run in intact_runs(store_of(project, remote))].count("train") == 1

    other = clone(project, "other")
    assert lines_of(other.proj("pull", "--dry")) == {
        "prepare": "would pull data, linked, list of words.txt",
        "train": "would pull model.bin",
    }
    assert outputs(other) == {}
    pulled = other.proj("pull")
    assert (pulled.code, pulled.out) == (0, "")
    assert pulled.err == (
        "✔ prepare: pulled data, linked, list of words.txt\n✔ train: pulled model.bin\n2 pulled from default\n"
    )
    assert outputs(other) == outputs(project)
    assert os.access(other.path / "data/sub/b.txt", os.X_OK)
    ran = other.proj("run", "all")
    assert (ran.code, ran.out, ran.err) == (0, "", ALL_UP_TO_DATE)


@everywhere
def test_status_and_ls_download_no_output(project: ProjectDir, remote: str, counted: list[Counting]) -> None:
    pipeline(project, remote)
    assert on_remote(project) == {"prepare": "missing", "train": "missing"}
    project.proj("push", "--command", "prepare")
    assert on_remote(project) == {"prepare": "there", "train": "missing"}
    project.proj("push", "-c", "train")
    counted.clear()
    other = clone(project, "other")
    assert on_remote(other) == {"prepare": "there", "train": "there"}
    assert [call for call in counted[0].calls if not call.startswith("get .proj/")] == ["list"]

    listed = project.proj("ls", "--json").json
    assert [(run["command"], [output["path"] for output in run["outputs"]]) for run in listed] == [
        ("prepare", ["data", "linked", "list of words.txt"]),
        ("train", ["model.bin"]),
    ]
    assert all(run["made_by"] == os.uname().nodename for run in listed)
    rows = project.proj("ls").out.splitlines()
    assert rows[0].split() == ["command", "output", "size", "stored", "age", "host", "run"]
    assert [row.split("   ")[0].strip() for row in rows[2:]] == ["prepare", "prepare", "prepare", "train"]


@everywhere
def test_a_second_push_with_nothing_new_is_one_listing(
    project: ProjectDir, remote: str, counted: list[Counting], caplog: pytest.LogCaptureFixture
) -> None:
    pipeline(project, remote)
    project.proj("push")
    counted.clear()
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        done = project.proj("push")
    assert done.err == (
        "✔ prepare: already on the remote\n✔ train: already on the remote\n"
        "0 pushed to default, 2 already on the remote\n"
    )
    assert [store.calls for store in counted] == [["list"]]
    requests = [line for line in caplog.messages if re.search(r'"(GET|PUT|POST|HEAD|DELETE) ', line)]
    requests = [line for line in requests if "/storage/v1/b/weaselish-tests?" not in line]  # Google's library, unasked
    assert len(requests) <= 1


@everywhere
def test_a_remote_can_be_tried(project: ProjectDir, remote: str) -> None:
    project.project(f"remotes: {{default: '{remote}'}}")
    done = project.proj("remote", "test", "default")
    steps = [line.strip() for line in done.out.splitlines()[1:] if "credentials" not in line]
    assert (done.code, done.err) == (0, "")
    assert [re.sub(r"\d+ ms", "N ms", line) for line in steps] == [
        "list: ok, N ms",
        "write: ok, N ms",
        "read back: ok, N ms",
        "delete: ok, N ms",
    ]
    assert list(store_of(project, remote).list("")) == []


@everywhere
def test_what_is_pulled_is_named_and_what_is_not_stays_away(project: ProjectDir, remote: str) -> None:
    pipeline(project, remote)
    project.proj("push", "-j", "1")
    other = clone(project, "other", with_lock=True)
    assert lines_of(other.proj("pull", "--command", "train", "-j", "8")) == {"train": "pulled model.bin"}
    assert [path for path in OUTPUTS if other.exists(path)] == ["model.bin"]
