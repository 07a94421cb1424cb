"""Killed pushes and pulls, racing publishers, large remotes, real servers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from harness import ProjectDir
from remotes.conftest import PLACES, remote  # noqa: F401 - a fixture
from remotes.test_kills import killed
from stores.conftest import azurite, fake_gcs, moto, rclone, seaweedfs  # noqa: F401 - fixtures

from weaselish.cancel import Cancel
from weaselish.engine.artifacts.catalogue import select
from weaselish.engine.artifacts.names import names_of
from weaselish.model.artifacts import Artifact
from weaselish.model.versions import parse_selector
from weaselish.stores.base import Stored
from weaselish.stores.memory import MemoryStore

from .conftest import PROJECT, publish, set_version, train

KILLS = 10
FOREIGN = 100_000


@pytest.mark.parametrize("remote", PLACES, indirect=True)
def test_a_version_goes_to_every_kind_of_remote_and_back(project: ProjectDir, remote: str) -> None:  # noqa: F811
    project.project(PROJECT.replace("../remote", remote))
    train(project, "one")
    if "://" not in remote:
        Path(remote).mkdir()
    assert project.proj("push").code == 0
    done = project.proj("artifact", "push", "ALL", "--alias", "first")
    assert done.code == 0, done
    assert project.proj("artifact", "push", "ALL").code == 0
    train(project, "two")
    assert project.proj("artifact", "push", "ALL").code == 1
    assert project.proj("artifact", "push", "ALL", "-f").code == 0
    set_version(project, "1.6.0")
    train(project, "three")
    assert project.proj("artifact", "push", "ALL").code == 0
    assert project.proj("artifact", "pull", "ALL", "LATEST", "--override").code == 0
    assert project.read("out/model.pkl") == "three\n"
    assert project.proj("artifact", "pull", "model", "@first", "-o").code == 0
    assert project.read("out/model.pkl") == "two\n"
    assert project.proj("artifact", "pull", "corpus", "~1.5", "-o").code == 0
    assert project.read("out/corpus/a.txt") == "two\ntwo\n"
    for name in ("model", "corpus"):
        assert project.proj("artifact", "verify", f"{name}@1.5.0").code == 0
        assert [one["version"] for one in project.proj("artifact", "list", name, "--json").json] == ["1.6.0", "1.5.0"]


def test_a_killed_push_is_completed_by_the_next(trained: ProjectDir) -> None:
    words = ("artifact", "push", "ALL")
    for _ in killed(trained, *words, random=Random(1), count=KILLS):
        done = trained.proj(*words)
        assert done.code == 0, done
        for name in ("model", "corpus"):
            assert trained.proj("artifact", "verify", f"{name}@1.5.0").code == 0
        place = trained.path.parent / "remote"
        for path in sorted(place.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


def test_a_killed_forced_push_is_completed_by_the_next(trained: ProjectDir) -> None:
    words = ("artifact", "push", "ALL", "--force")
    train(trained, "0")
    for number in killed(trained, *words, random=Random(2), count=KILLS):
        assert trained.proj(*words).code == 0
        for name in ("model", "corpus"):
            assert trained.proj("artifact", "verify", f"{name}@1.5.0").code == 0
        train(trained, str(number + 1))


def test_a_killed_pull_leaves_the_old_or_the_new_content(trained: ProjectDir) -> None:
    publish(trained, "1.4.0", "1.5.0")
    words = ("artifact", "pull", "model", "1.4.0", "--override")
    for _ in killed(trained, *words, random=Random(3), count=KILLS):
        assert trained.proj(*words).code == 0
        assert trained.read("out/model.pkl") == "model 1.4.0\n"
        assert trained.proj("artifact", "pull", "model", "1.5.0", "-o").code == 0
        assert trained.read("out/model.pkl") == "model 1.5.0\n"
    assert not [path for path in trained.files() if ".proj-" in path]


class Crowded(MemoryStore):
    """A store with very many foreign objects, which it makes up as they are listed."""

    def list(self, prefix: str) -> Iterator[Stored]:
        if prefix:
            yield from super().list(prefix)
            return
        for number in range(FOREIGN):
            yield Stored(f"model_v1.{number % 997}.{number}.pkl", 1, 0.0)
        yield Stored("model_v1.997.0.pkl", 1, 0.0)


def test_a_hundred_thousand_keys_are_listed_in_constant_memory() -> None:
    names = names_of(Artifact("model", "model.pkl"))
    tracemalloc.start()
    with Cancel() as cancel:
        chosen = select(Crowded(), [(names, parse_selector("LATEST"))], "1.999.0", cancel)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert chosen == {names: "1.997.0"}
    assert peak < 4 << 20


def test_of_two_publishers_with_other_content_one_wins(trained: ProjectDir) -> None:
    other = trained.beside("other")
    other.project(trained.read("project.yml").replace("../remote", str(trained.path.parent / "remote")))
    train(other, "two")
    calls = [one.start("artifact", "push", "model") for one in (trained, other)]
    codes = sorted(call.wait().code for call in calls)
    assert codes == [0, 1]
    assert trained.proj("artifact", "verify", "model@1.5.0").code == 0
