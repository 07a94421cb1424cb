"""Several clones and one remote at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir
from stores.conftest import BUCKET

from weaselish.model.project import Remote
from weaselish.stores import open as opening
from weaselish.stores.base import Store, Stored

from .conftest import sign_in
from .forked import fork
from .samples import clone, intact_runs, leftovers, lines_of, records, twin, twins
from .test_servers import store_of


class Watched:
    """A store that calls `look` before, during and after it stores an object."""

    def __init__(self, store: Store, look: Callable[[], None]) -> None:
        self._store = store
        self._look = look

    def list(self, prefix: str) -> Iterator[Stored]:
        return self._store.list(prefix)

    def head(self, key: str) -> Stored | None:
        return self._store.head(key)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._store.get(key, start=start, end=end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self._look()
        done = self._store.put(key, self._watched(chunks), replace=replace, if_version=if_version)
        self._look()
        return done

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        return self._store.copy(source, target, replace=replace)

    def delete(self, key: str) -> None:
        self._store.delete(key)

    def delete_many(self, keys: Sequence[str]) -> None:
        self._store.delete_many(keys)

    def close(self) -> None:
        self._store.close()

    def _watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._look()


@pytest.mark.parametrize("kind", ["directory", pytest.param("seaweedfs", marks=pytest.mark.servers)])
def test_two_clones_that_push_different_results_of_one_command_keep_both(
    project: ProjectDir, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    remote = str(tmp_path / "remote")
    if kind == "seaweedfs":
        sign_in(project, request.getfixturevalue(kind))
        remote = f"s3://{BUCKET}/{tmp_path.name}-two-clones"
    twins(project, remote)
    clones = [project, *(clone(project, name) for name in ("second", "third"))]
    for other in clones[1:]:
        assert other.proj("run", "make").code == 0
    pushes = [fork(other, "push") for other in clones]
    assert [push.wait() for push in pushes] == [0, 0, 0]
    runs = intact_runs(store_of(project, remote))
    assert len({run.run for run in runs}) == 3
    produced = {twin(other) for other in clones}
    assert len(produced) == 3
    pulled = clone(project, "pulled")
    assert pulled.proj("pull").code == 0
    assert twin(pulled) in produced
    for owner in clones:  # each has its own by its lock
        by_lock = clone(owner, f"{owner.path.name}-by-lock", with_lock=True)
        assert by_lock.proj("pull").code == 0
        assert twin(by_lock) == twin(owner)


def test_a_pull_while_a_push_runs_gets_one_whole_run_or_none(
    project: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = tmp_path / "remote"
    twins(project, remote)
    seen: list[bytes | None] = []
    other = clone(project, "other")
    first: list[bytes | None] = [None]

    def look() -> None:
        other.proj("lock", "reset", "make")
        for path in ("one.txt", "two/same.txt"):
            (other.path / path).unlink(missing_ok=True)
        if (other.path / "two").exists():
            (other.path / "two").rmdir()
        assert fork(other, "pull").wait() == 0
        seen.append(twin(other))
        assert leftovers(other) == []

    def push_watched(owner: ProjectDir) -> None:
        with monkeypatch.context() as patch:
            really = opening.open_store

            def watched(place: Remote, *, root: Path, **options: Any) -> Store:
                store = really(place, root=root, **options)
                return Watched(store, look) if root == owner.path else store

            patch.setattr(opening, "open_store", watched)
            assert owner.proj("push", "-j", "1").code == 0

    push_watched(project)
    first = [twin(project)]
    assert seen[-1:] == first and set(seen) == {None, *first}
    seen.clear()
    again = clone(project, "again")
    again.proj("run", "make")
    push_watched(again)
    assert seen[-1] == twin(again) and set(seen) == {*first, twin(again)}
    assert len(records(remote)) == 2


def test_pulls_of_one_project_at_once_do_not_get_into_each_others_way(project: ProjectDir, tmp_path: Path) -> None:
    twins(project, tmp_path / "remote").proj("push")
    other = clone(project, "other")
    pulls = [fork(other, "pull") for _ in range(6)]
    assert [pull.wait() for pull in pulls] == [0] * 6
    assert (twin(other), leftovers(other)) == (twin(project), [])
    assert lines_of(other.proj("pull")) == {"make": "already present"}
    assert other.proj("run", "make").err == "✔ all up to date (1 step)\n"


def test_pushes_of_one_project_at_once_do_not_get_into_each_others_way(project: ProjectDir, tmp_path: Path) -> None:
    twins(project, tmp_path / "remote")
    pushes = [fork(project, "push") for _ in range(6)]
    assert [push.wait() for push in pushes] == [0] * 6
    assert len(intact_runs(tmp_path / "remote")) == 1
    assert list((tmp_path / "remote/.proj-tmp").iterdir()) == []
