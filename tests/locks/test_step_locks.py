"""The locks of steps: which steps exclude each other, in which order they wait, and that a death releases them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaselish.cancel import Cancel, Level
from weaselish.errors import Busy, Cancelled
from weaselish.locks import step_locks
from weaselish.locks.step_locks import hold_locks
from weaselish.model.paths import ancestors, overlap

LONG = 30.0  # seconds that nothing here may take


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    (tmp_path / "locks").mkdir()
    return tmp_path / "locks"


def step(
    locks: Path,
    name: str,
    *,
    writes: Sequence[str] = (),
    reads: Sequence[str] = (),
    wait: bool = False,
    on_wait: Callable[[str], None] = lambda holder: None,
    cancel: Cancel | None = None,
) -> AbstractContextManager[tuple[int, ...]]:
    return hold_locks(locks, name, writes=writes, reads=reads, on_wait=on_wait, wait=wait, cancel=cancel or Cancel())


def is_free(locks: Path, name: str = "other", *, writes: Sequence[str] = (), reads: Sequence[str] = ()) -> bool:
    try:
        with step(locks, name, writes=writes, reads=reads):
            return True
    except Busy:
        return False


# -- which steps exclude each other -----------------------------------------------------------------------------------


def test_a_written_path_is_exclusive_with_everything_inside_it(locks: Path) -> None:
    with step(locks, "a", writes=["d/e"]):
        assert not any(is_free(locks, writes=[path]) for path in ("d/e", "d/e/f", "d/e/f/g", "d"))
        assert not any(is_free(locks, reads=[path]) for path in ("d/e", "d/e/f"))
        assert all(is_free(locks, writes=[path]) for path in ("d/f", "d/ee", "e", "x/d/e"))
        assert all(is_free(locks, reads=[path]) for path in ("d/f", "e"))
    assert is_free(locks, writes=["d/e"])


def test_readers_share_a_path(locks: Path) -> None:
    with step(locks, "a", reads=["d/e"]):
        assert all(is_free(locks, reads=[path]) for path in ("d/e", "d", "d/e/f"))
        assert not any(is_free(locks, writes=[path]) for path in ("d/e", "d"))
        assert is_free(locks, writes=["d/f"])


def test_a_path_that_is_read_and_written_is_exclusive(locks: Path) -> None:
    with step(locks, "a", reads=["x", "d/y"], writes=["x", "d"]):
        assert not any(is_free(locks, reads=[path]) for path in ("x", "d", "d/y"))


def test_a_command_without_outputs_runs_once_at_a_time(locks: Path) -> None:
    with step(locks, "a"):
        assert not is_free(locks, "a")
        assert is_free(locks, "b")
        assert is_free(locks, "b", writes=["a"]), "a command and an output of the same name have different locks"


def test_busy_names_the_holder_if_the_caller_does_not_wait(locks: Path) -> None:
    with step(locks, "train", writes=["model"]), pytest.raises(Busy) as caught, step(locks, "other", reads=["model"]):
        pass
    assert caught.value.message == f"`other` would have to wait for `train` of process {os.getpid()}"


@pytest.mark.parametrize(
    "path", ["x" * 200, "x" * 250, "d/" * 60 + "x", "ü" * 60, "a b%2F/c", "%", "-", "p", "*", "a\nb"]
)
def test_any_path_can_be_locked(locks: Path, path: str) -> None:
    with step(locks, path, writes=[path]):
        assert not is_free(locks, writes=[path])
        assert is_free(locks, writes=[path[:-1] + "~"])


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize("directory", ["", "d/e/"])
def test_many_paths_take_few_descriptors(locks: Path, directory: str, reads: bool) -> None:
    paths = [f"{directory}{number // 20}/{number}" for number in range(5_000)]
    with step(locks, "a", writes=() if reads else paths, reads=paths if reads else ()) as held:
        assert len(held) <= 100
        assert not any(is_free(locks, writes=[path]) for path in (paths[0], paths[-1], f"{directory}0", "d/e", "."))
        assert not is_free(locks, writes=paths)
    assert is_free(locks, writes=paths)


@given(
    paths=st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map("/".join), max_size=12, unique=True),
    other=st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map("/".join),
    most=st.integers(2, 12),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_limit_on_locks_excludes_no_less(locks: Path, paths: list[str], other: str, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_locks, "_MOST_LOCKS", most)
        with step(locks, "a", writes=paths) as held:
            assert len(held) <= most
            if any(overlap(path, other) for path in paths):
                assert not is_free(locks, writes=[other])
            if any(path in (other, *ancestors(other)) for path in paths):
                assert not is_free(locks, reads=[other])


def test_only_the_fullest_directories_stand_for_many_paths(locks: Path) -> None:
    many = [f"out/{number}" for number in range(150)]
    with step(locks, "a", writes=[*many, "top", "deep/er/x"], reads=["in/x", "in/y"]):
        assert not any(is_free(locks, reads=[path]) for path in ("out/1", "out/200", "top", "deep/er/x"))
        assert not is_free(locks, writes=["in/x"])
        assert all(is_free(locks, reads=[path]) for path in ("in/x", "in/z", "deep/er/y"))
        assert all(is_free(locks, writes=[path]) for path in ("in/z", "deep/er/y", "other"))


def test_a_lock_of_the_project_excludes_every_path(locks: Path) -> None:
    with step(locks, "a", writes=["."]):
        for path in ("x", "d/e", "."):
            assert not is_free(locks, reads=[path])
            assert not is_free(locks, writes=[path])
    with step(locks, "a", reads=["x"]):
        assert not is_free(locks, writes=["."])
        assert is_free(locks, reads=["."])


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_a_waiting_step_reports_the_holder_and_goes_on_when_the_lock_is_free(locks: Path) -> None:
    reported: list[str] = []
    has_reported = threading.Event()
    has_lock = threading.Event()

    def report(holder: str) -> None:
        reported.append(holder)
        has_reported.set()

    def second() -> None:
        with step(locks, "second", writes=["x"], wait=True, on_wait=report):
            has_lock.set()

    with step(locks, "first", writes=["x"]):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert has_reported.wait(LONG)
        assert not has_lock.is_set()
    assert has_lock.wait(LONG)
    waiting.join(LONG)
    assert reported == [f"`first` of process {os.getpid()}"]
    assert is_free(locks, writes=["x"])


def test_a_cancelled_wait_releases_everything(locks: Path) -> None:
    cancel = Cancel()
    second = step(locks, "second", writes=["a", "x"], wait=True, on_wait=lambda holder: cancel.request(), cancel=cancel)
    with step(locks, "first", writes=["x"]):
        with pytest.raises(Cancelled), second:
            pass
        assert is_free(locks, "second", writes=["a"])


def test_an_error_in_the_block_releases_everything(locks: Path) -> None:
    with pytest.raises(ZeroDivisionError), step(locks, "a", writes=["x"]):
        raise ZeroDivisionError
    assert is_free(locks, "a", writes=["x"])


def test_a_refused_step_releases_the_locks_that_it_had(locks: Path) -> None:
    with step(locks, "holder", writes=["m"]):
        assert not is_free(locks, "b", writes=["a", "m", "z"])
        assert is_free(locks, "b", writes=["a", "z"])


@pytest.mark.parametrize("seed", range(3))
def test_steps_never_wait_for_each_other_in_a_circle(locks: Path, seed: int) -> None:
    """Many threads lock some paths over and over. No two hold overlapping paths that one of them writes."""
    paths = ["a", "a/b", "a/b/c", "d", "d/e", "f"]
    held: list[tuple[str, str]] = []
    guard = threading.Lock()
    wrong: list[object] = []

    def work(name: str) -> None:
        choose = random.Random(f"{seed} {name}")
        for _ in range(15):
            writes = choose.sample(paths, 2)
            if overlap(*writes):
                writes = writes[:1]
            reads = choose.sample(paths, 1)
            with step(locks, name, writes=writes, reads=reads, wait=True, cancel=Impatient()):
                with guard:
                    wrong.extend((path, other) for path in writes for other in held if overlap(path, other[1]))
                    held.extend((name, path) for path in writes)
                with guard:
                    held[:] = [one for one in held if one[0] != name]

    threads = [threading.Thread(target=work, args=(f"t{index}",), daemon=True) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


class Impatient(Cancel):
    """Waits less than it is asked to, so that much waiting takes little time."""

    def wait(self, timeout: float | None, *, above: Level = Level.RUN) -> Level:
        return super().wait(0.001, above=above)


# -- processes that die -----------------------------------------------------------------------------------------------

HOLD = """
import sys, signal, subprocess
from pathlib import Path
from weaselish.cancel import Cancel
from weaselish.locks.step_locks import hold_locks
with hold_locks(Path(sys.argv[1]), "victim", writes=["x"], reads=["y"], on_wait=print, cancel=Cancel()) as descriptors:
    if sys.argv[2:]:
        subprocess.Popen(["sleep", "30"], pass_fds=descriptors, stdout=subprocess.DEVNULL, start_new_session=True)
    print("held", flush=True)
    signal.pause()
"""


@contextmanager
def holder(locks: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that writes `x` and reads `y`; kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(locks), *words], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait(LONG)
        assert process.stdout is not None
        process.stdout.close()


def test_the_death_of_a_process_releases_its_locks(locks: Path) -> None:
    with holder(locks) as process:
        assert not is_free(locks, writes=["x"])
        assert not is_free(locks, writes=["y"])
        assert is_free(locks, reads=["y"])
        with pytest.raises(Busy, match=f"`victim` of process {process.pid}"), step(locks, "me", writes=["x"]):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LONG)
        assert is_free(locks, "victim", writes=["x", "y"])


@pytest.mark.skipif(not Path("/proc/self/fdinfo").is_dir(), reason="orphans are found by /proc")
def test_orphans_of_a_killed_process_are_ended(locks: Path) -> None:
    reported: list[str] = []
    with holder(locks, "with a child") as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LONG)
        assert not is_free(locks, writes=["x"])
        with step(locks, "me", writes=["x"], wait=True, on_wait=reported.append):
            pass
    assert [one.split(" (")[0].rsplit(" ", 1)[0] for one in reported] == ["what a killed `proj` left running: process"]


# -- any two steps ----------------------------------------------------------------------------------------------------

paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
steps = st.tuples(st.lists(paths, max_size=3), st.lists(paths, max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps, steps)
def test_two_steps_exclude_each_other_if_one_writes_what_the_other_uses(
    locks: Path, one: tuple[list[str], list[str]], other: tuple[list[str], list[str]]
) -> None:
    """A step that reads a directory and one that writes inside it may run together: the reader checks again."""

    def clash(writer: tuple[list[str], list[str]], user: tuple[list[str], list[str]]) -> bool:
        written = [overlap(path, used) for path in writer[0] for used in user[0]]
        read = [path == used or used.startswith(f"{path}/") for path in writer[0] for used in user[1]]
        return any(written) or any(read)

    with step(locks, "one", writes=one[0], reads=one[1]):
        assert is_free(locks, "other", writes=other[0], reads=other[1]) == (
            not clash(one, other) and not clash(other, one)
        )
