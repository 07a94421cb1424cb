"""SIGKILL at any moment of a push or a pull: nothing partial appears, and the next call completes.

Half of the kills come after a random time, the other half just before a random one of the process's file operations,
so that short moments are met too.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from harness import ProjectDir
from stores.conftest import BUCKET

from weaselish.stores import open as opening
from weaselish.stores.directory import DirectoryStore

from .conftest import sign_in
from .forked import Events, fork
from .samples import clone, intact_runs, leftovers, lines_of, outputs, states
from .test_servers import store_of

KILLS = 20  # per seed; `make soak` kills for half an hour
SEEDS = range(2)

THREE = """\
env: {{PLACE: PLACE}}
remotes: {{default: "{remote}"}}
commands:
  - {{name: first, script: [sh make.sh first 3], deps: [make.sh, in.txt], outputs: [out/first, out/one.bin]}}
  - {{name: second, script: [sh make.sh second 9], deps: [make.sh, out/first], outputs: [out/second]}}
  - {{name: third, script: [cp -r out/second out/third], deps: [out/second], outputs: [out/third]}}
"""
MAKE = """\
rm -rf out/$1 && mkdir -p out/$1/sub
for i in $(seq $2); do cat in.txt > out/$1/$i; echo $1 $i >> out/$1/sub/$i; done
ln -sf sub/1 out/$1/link
yes "$(cat in.txt)" | head -4000 > out/one.bin
"""
ALL = ("first", "second", "third")


@pytest.fixture
def project(fast: Path) -> ProjectDir:
    return ProjectDir(fast / "project", fast / "scratch")


def three(project: ProjectDir, remote: object) -> ProjectDir:
    project.project(THREE.format(remote=remote))
    project.write("make.sh", MAKE)
    project.write("in.txt", "old\n")
    assert project.proj("run", *ALL).code == 0
    return project


def killed(project: ProjectDir, *words: str, random: Random, count: int) -> Iterator[int]:
    """Run `proj WORDS` again and again, killed each time; yields the number of kills. The caller resets the state."""
    events = Events()
    begun = time.monotonic()
    assert fork(project, *words, events=events).wait() == 0
    seconds = time.monotonic() - begun
    yield 0
    for number in range(1, count + 1):
        if number % 2:
            child = fork(project, *words, events=Events(kill_at=random.randint(1, events.count)))
            child.wait()
        else:
            child = fork(project, *words)
            time.sleep(random.uniform(0, seconds))
            child.kill()
            assert child.wait() in (0, -signal.SIGKILL)
        yield number


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_push_leaves_nothing_half_and_is_completed_by_the_next(
    project: ProjectDir, fast: Path, seed: int
) -> None:
    remote = fast / "remote"
    three(project, remote)
    before = outputs(project)
    for number in killed(project, "push", random=Random(seed), count=KILLS):
        seen = intact_runs(remote)
        assert number or len(seen) == 3
        assert project.proj("push").code == 0
        assert sorted(run.command for run in intact_runs(remote)) == sorted(ALL)
        assert (outputs(project), leftovers(project)) == (before, [])
        assert set(os.listdir(remote)) <= {
            ".proj",
            ".proj-tmp",
            "out%2Ffirst",
            "out%2Fone.bin",
            "out%2Fsecond",
            "out%2Fthird",
        }
        shutil.rmtree(remote)
    assert set(states(project).values()) == {"up to date"}


def test_what_a_killed_verification_unpacked_is_removed_by_the_next(project: ProjectDir, fast: Path) -> None:
    three(project, fast / "remote")
    project.proj("push")
    all_of_it = Events()
    assert fork(project, "push", "--verify", events=all_of_it).wait() == 0
    left = set()
    for at in range(1, all_of_it.count + 1, 3):
        fork(project, "push", "--verify", events=Events(kill_at=at)).wait()
        left.update(unpacked(project))
        assert project.proj("push", "--verify").code == 0
        assert not unpacked(project)
    assert left


def unpacked(project: ProjectDir) -> list[Path]:
    """What a verification has in the project."""
    return [path for path in (project.path / ".proj").iterdir() if "verify" in path.name]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_pull_leaves_the_old_or_the_new_and_is_completed_by_the_next(
    project: ProjectDir, fast: Path, seed: int
) -> None:
    three(project, fast / "remote")
    old = outputs(project)
    project.proj("push")
    other = clone(project, "other")
    assert other.proj("pull").code == 0
    other.write("in.txt", "new, and longer\n")
    project.write("in.txt", "new, and longer\n")
    project.proj("run", *ALL)
    project.proj("push")
    new = outputs(project)
    kept = fast / "kept"
    shutil.copytree(other.path, kept, symlinks=True)

    for number in killed(other, "pull", random=Random(seed), count=KILLS):
        for step, state in states(other).items():
            if state == "up to date":
                assert of(step, outputs(other)) == of(step, new)
            else:
                assert of(step, outputs(other)) in (of(step, old), of(step, new), *half_swapped(step, old, new))
        assert number or set(states(other).values()) == {"up to date"}
        done = other.proj("pull")
        assert done.code == 0, done.err
        assert outputs(other) == new
        assert leftovers(other) == []
        shutil.rmtree(other.path)
        shutil.copytree(kept, other.path, symlinks=True)


def of(step: str, files: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """Return the files of a step's outputs, without what a killed pull keeps beside them."""
    names = {"first": ("out/first", "out/one.bin")}.get(step, (f"out/{step}",))
    return {name: content for name, content in files.items() if name.startswith(names)}


def half_swapped(
    step: str, old: dict[str, bytes | None], new: dict[str, bytes | None]
) -> list[dict[str, bytes | None]]:
    """Return what a kill during a swap may leave: some outputs new, others missing, their old content beside them."""
    if step != "first":
        return [{}]
    folder = [{name: data for name, data in files.items() if name.startswith("out/first")} for files in (old, new)]
    file = [{"out/one.bin": files["out/one.bin"]} for files in (old, new)]
    return [{**a, **b} for a in (*folder, {}) for b in (*file, {})]


@pytest.mark.servers
def test_kills_on_a_real_server_leave_nothing_half(project: ProjectDir, request: pytest.FixtureRequest) -> None:
    sign_in(project, request.getfixturevalue("seaweedfs"))
    base = f"s3://{BUCKET}/kills-{uuid.uuid4().hex}"
    three(project, f"{base}/${{env.PLACE}}")
    project.environ["PLACE"] = "0"
    store, random = store_of(project, base), Random(7)
    for number in killed(project, "push", random=random, count=6):
        intact_runs(store, project.environ["PLACE"])
        assert project.proj("push").code == 0
        assert sorted(run.command for run in intact_runs(store, project.environ["PLACE"])) == sorted(ALL)
        project.environ["PLACE"] = str(number + 1)
    project.environ["PLACE"] = "0"
    new = outputs(project)
    other = clone(project, "other")
    for _ in killed(other, "pull", random=random, count=6):
        assert other.proj("pull").code == 0
        assert (outputs(other), leftovers(other)) == (new, [])
        assert lines_of(other.proj("pull")) == dict.fromkeys(ALL, "already present")
        shutil.rmtree(other.path / "out")
        shutil.rmtree(other.path / ".proj")
        other.remove("project.lock")


def test_what_killed_pushes_left_on_a_remote_goes_after_a_day(project: ProjectDir, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    three(project, remote)
    fork(project, "push", events=Events("os.link", kill_at=1)).wait()
    left = list((remote / ".proj-tmp").iterdir())
    assert left
    assert project.proj("push").code == 0
    assert sorted(run.command for run in intact_runs(remote)) == sorted(ALL)
    for path in left:
        os.utime(path, (time.time() - 90_000, time.time() - 90_000))
    project.proj("run", "third", "--force")
    project.proj("push")
    project.write("in.txt", "other\n")
    project.proj("run", *ALL)
    project.proj("push")
    assert list((remote / ".proj-tmp").iterdir()) == []


def test_what_was_restored_before_a_kill_needs_no_other_run(
    project: ProjectDir, fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the third command's output is downloaded: the first two are recorded, and count."""
    three(project, fast / "remote").proj("push")

    class Deadly(DirectoryStore):
        def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
            if key.startswith("out%2Fthird/"):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().get(key, start=start, end=end)

    monkeypatch.setattr(opening, "open_store", lambda *_, **__: Deadly(fast / "remote"))
    other = clone(project, "other")
    assert fork(other, "pull").wait() == -signal.SIGKILL
    assert states(other) == {"first": "up to date", "second": "up to date", "third": "never ran"}
    ran = other.proj("run", *ALL)
    assert (ran.code, ran.out) == (0, "Running command: cp -r out/second out/third\n")
