"""The OS locks of steps: who excludes whom, in which order, and that no death leaves one behind."""

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

from weaselish.errors import Busy
from weaselish.locks import step_locks as claims
from weaselish.locks.flock import FileLock, locked
from weaselish.locks.step_locks import hold_locks
from weaselish.model.paths import ancestors, overlap

LONG = 30.0  # seconds that nothing here may take


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    (tmp_path / "locks").mkdir()
    return tmp_path / "locks"


def claim(
    locks: Path,
    name: str,
    *,
    writes: Sequence[str] = (),
    reads: Sequence[str] = (),
    wait: bool = False,
    on_wait: Callable[[str], None] = lambda holder: None,
) -> AbstractContextManager[tuple[int, ...]]:
    return hold_locks(locks, name, writes=writes, reads=reads, on_wait=on_wait, wait=wait)


def is_free(locks: Path, name: str = "other", *, writes: Sequence[str] = (), reads: Sequence[str] = ()) -> bool:
    try:
        with claim(locks, name, writes=writes, reads=reads):
            return True
    except Busy:
        return False


# -- who excludes whom ------------------------------------------------------------------------------------------------


def test_what_is_written_is_held_alone_with_all_inside_it_and_around_it(locks: Path) -> None:
    with claim(locks, "a", writes=["d/e"]):
        assert not any(is_free(locks, writes=[path]) for path in ("d/e", "d/e/f", "d/e/f/g", "d"))
        assert not any(is_free(locks, reads=[path]) for path in ("d/e", "d/e/f"))
        assert all(is_free(locks, writes=[path]) for path in ("d/f", "d/ee", "e", "x/d/e"))
        assert all(is_free(locks, reads=[path]) for path in ("d/f", "e"))
    assert is_free(locks, writes=["d/e"])


def test_what_is_read_is_held_together_with_other_readers(locks: Path) -> None:
    with claim(locks, "a", reads=["d/e"]):
        assert all(is_free(locks, reads=[path]) for path in ("d/e", "d", "d/e/f"))
        assert not any(is_free(locks, writes=[path]) for path in ("d/e", "d"))
        assert is_free(locks, writes=["d/f"])


def test_a_path_that_is_read_and_written_is_held_alone(locks: Path) -> None:
    with claim(locks, "a", reads=["x", "d/y"], writes=["x", "d"]):
        assert not any(is_free(locks, reads=[path]) for path in ("x", "d", "d/y"))


def test_a_command_runs_once_at_a_time_even_if_it_writes_nothing(locks: Path) -> None:
    with claim(locks, "a"):
        assert not is_free(locks, "a")
        assert is_free(locks, "b")
        assert is_free(locks, "b", writes=["a"]), "a command and an output of one name are different things"


def test_whoever_does_not_wait_is_told_for_whom_it_would_have_to(locks: Path) -> None:
    with claim(locks, "train", writes=["model"]), pytest.raises(Busy) as caught, claim(locks, "other", reads=["model"]):
        pass
    assert caught.value.message == f"`other` would have to wait for `train` of process {os.getpid()}"


@pytest.mark.parametrize(
    "path", ["x" * 200, "x" * 250, "d/" * 60 + "x", "ü" * 60, "a b%2F/c", "%", "-", "p", "*", "a\nb"]
)
def test_any_path_can_be_held(locks: Path, path: str) -> None:
    with claim(locks, path, writes=[path]):
        assert not is_free(locks, writes=[path])
        assert is_free(locks, writes=[path[:-1] + "~"])


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize("directory", ["", "d/e/"])
def test_many_paths_are_held_with_few_descriptors(locks: Path, directory: str, reads: bool) -> None:
    paths = [f"{directory}{number // 20}/{number}" for number in range(5_000)]
    with claim(locks, "a", writes=() if reads else paths, reads=paths if reads else ()) as held:
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
def test_with_fewer_locks_no_less_is_held(locks: Path, paths: list[str], other: str, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "_MOST", most)
        with claim(locks, "a", writes=paths) as held:
            assert len(held) <= most
            if any(overlap(path, other) for path in paths):
                assert not is_free(locks, writes=[other])
            if any(path in (other, *ancestors(other)) for path in paths):
                assert not is_free(locks, reads=[other])


def test_of_many_paths_only_the_fullest_directories_are_held_whole(locks: Path) -> None:
    many = [f"out/{number}" for number in range(150)]
    with claim(locks, "a", writes=[*many, "top", "deep/er/x"], reads=["in/x", "in/y"]):
        assert not any(is_free(locks, reads=[path]) for path in ("out/1", "out/200", "top", "deep/er/x"))
        assert not is_free(locks, writes=["in/x"])
        assert all(is_free(locks, reads=[path]) for path in ("in/x", "in/z", "deep/er/y"))
        assert all(is_free(locks, writes=[path]) for path in ("in/z", "deep/er/y", "other"))


def test_a_claim_of_the_whole_project_excludes_all(locks: Path) -> None:
    with claim(locks, "a", writes=["."]):
        for path in ("x", "d/e", "."):
            assert not is_free(locks, reads=[path])
            assert not is_free(locks, writes=[path])
    with claim(locks, "a", reads=["x"]):
        assert not is_free(locks, writes=["."])
        assert is_free(locks, reads=["."])


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_whoever_waits_says_for_whom_and_goes_on_when_it_is_free(locks: Path) -> None:
    told: list[str] = []
    heard = threading.Event()
    got = threading.Event()

    def hear(holder: str) -> None:
        told.append(holder)
        heard.set()

    def second() -> None:
        with claim(locks, "second", writes=["x"], wait=True, on_wait=hear):
            got.set()

    with claim(locks, "first", writes=["x"]):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert heard.wait(LONG)
        assert not got.is_set()
    assert got.wait(LONG)
    waiting.join(LONG)
    assert told == [f"`first` of process {os.getpid()}"]
    assert is_free(locks, writes=["x"])


def test_a_wait_may_be_given_up_and_leaves_nothing_held(locks: Path) -> None:
    class GivenUp(Exception):
        pass

    def pause(seconds: float) -> None:
        raise GivenUp

    second = hold_locks(locks, "second", writes=["a", "x"], reads=(), on_wait=lambda holder: None, pause=pause)
    with claim(locks, "first", writes=["x"]):
        with pytest.raises(GivenUp), second:
            pass
        assert is_free(locks, "second", writes=["a"])


def test_an_error_inside_gives_everything_back(locks: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim(locks, "a", writes=["x"]):
        raise ZeroDivisionError
    assert is_free(locks, "a", writes=["x"])


def test_a_claim_that_fails_half_way_gives_back_what_it_had(locks: Path) -> None:
    with claim(locks, "holder", writes=["m"]):
        assert not is_free(locks, "b", writes=["a", "m", "z"])
        assert is_free(locks, "b", writes=["a", "z"])


@pytest.mark.parametrize("seed", range(3))
def test_nobody_ever_waits_in_a_circle(locks: Path, seed: int) -> None:
    """Many threads, each claiming some paths over and over; what one holds alone, no other has."""
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
            with hold_locks(locks, name, writes=writes, reads=reads, on_wait=lambda holder: None, pause=_spin):
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


def _spin(seconds: float) -> None:
    threading.Event().wait(0.001)


# -- processes that die -----------------------------------------------------------------------------------------------

HOLD = """
import sys, signal, subprocess
from pathlib import Path
from weaselish.locks.step_locks import hold_locks
with hold_locks(Path(sys.argv[1]), "victim", writes=["x"], reads=["y"], on_wait=print) as descriptors:
    if sys.argv[2:]:
        subprocess.Popen(["sleep", "30"], pass_fds=descriptors, stdout=subprocess.DEVNULL, start_new_session=True)
    print("held", flush=True)
    signal.pause()
"""


@contextmanager
def holder(locks: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds `x` alone and reads `y`; killed at the end, with its session."""
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


def test_another_process_is_kept_out_and_its_death_frees_what_it_held(locks: Path) -> None:
    with holder(locks) as process:
        assert not is_free(locks, writes=["x"])
        assert not is_free(locks, writes=["y"])
        assert is_free(locks, reads=["y"])
        with pytest.raises(Busy, match=f"`victim` of process {process.pid}"), claim(locks, "me", writes=["x"]):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LONG)
        assert is_free(locks, "victim", writes=["x", "y"])


@pytest.mark.skipif(not Path("/proc/self/fdinfo").is_dir(), reason="orphans are found by /proc")
def test_what_a_killed_process_left_running_holds_on_until_it_was_ended(locks: Path) -> None:
    told: list[str] = []
    with holder(locks, "with a child") as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(LONG)
        assert not is_free(locks, writes=["x"])
        with claim(locks, "me", writes=["x"], wait=True, on_wait=told.append):
            pass
    assert [one.split(" (")[0].rsplit(" ", 1)[0] for one in told] == [
        "what a killed `proj` left behind to end: process"
    ]


# -- any two steps ----------------------------------------------------------------------------------------------------

paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
step = st.tuples(st.lists(paths, max_size=3), st.lists(paths, max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(step, step)
def test_two_steps_exclude_each_other_if_one_writes_what_the_other_uses(
    locks: Path, one: tuple[list[str], list[str]], other: tuple[list[str], list[str]]
) -> None:
    """But for one that reads a directory and one that writes inside it: those meet, and the reader looks twice."""

    def clash(writer: tuple[list[str], list[str]], user: tuple[list[str], list[str]]) -> bool:
        written = [overlap(path, used) for path in writer[0] for used in user[0]]
        read = [path == used or used.startswith(f"{path}/") for path in writer[0] for used in user[1]]
        return any(written) or any(read)

    with claim(locks, "one", writes=one[0], reads=one[1]):
        assert is_free(locks, "other", writes=other[0], reads=other[1]) == (
            not clash(one, other) and not clash(other, one)
        )


# -- the lock itself --------------------------------------------------------------------------------------------------


def test_a_lock_says_who_holds_it(tmp_path: Path) -> None:
    with locked(tmp_path / "lock") as lock:
        lock.sign("a long signature of somebody")
        lock.sign("me")
        other = FileLock(tmp_path / "lock")
        assert (other.take(wait=False), other.take(exclusive=False, wait=False), other.holder()) == (False, False, "me")
        other.release()
    assert FileLock(tmp_path / "lock").take(wait=False)


def test_a_lock_that_was_given_back_is_free_though_children_have_it_open(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.take()
    child = subprocess.Popen(["sleep", "30"], pass_fds=[lock.fd])
    try:
        lock.release()
        assert FileLock(tmp_path / "lock").take(wait=False)
    finally:
        child.kill()
        child.wait(LONG)
