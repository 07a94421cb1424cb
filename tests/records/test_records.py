"""What processes know of each other's runs: journals, folds into project.lock, and deaths at any moment."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.errors import BrokenState
from weaselish.locks.flock import take_for_life
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.reasons import ReasonKind
from weaselish.plan.record import MAX_COUNT, Provenance, Record, RecordedOutput
from weaselish.records import journal
from weaselish.records.journal import Journal, JournalReader, owner_lives, retire
from weaselish.records.journal_lines import AttemptEnd, Began, Reset
from weaselish.records.lock_entry import LockEntry
from weaselish.records.lockfile import FILE, read_lock
from weaselish.records.record_format import to_document
from weaselish.records.records import Records

PROJECT = ProjectModel(commands={name: Command(name, outputs=(f"out/{name}",)) for name in "abcdefgh"})


def record(run: int, command: str = "a", digest: str = "0") -> Record:
    then = Fingerprint(("x",), (), (), (), False, ".")
    return Record(run, command, then, (RecordedOutput(f"out/{command}", digest * 32),))


def run(records: Records, command: str = "a", digest: str = "0") -> Record:
    """A run from its start to its record."""
    made = record(records.start(command, "key"), command, digest)
    records.add(made)
    return made


def runs(root: Path) -> list[Path]:
    return sorted((root / ".proj/runs").glob("*.jsonl"))


def past(root: Path) -> list[Path]:
    return sorted((root / ".proj/runs/past").glob("*.jsonl"))


def locked(root: Path) -> dict[str, int]:
    """command -> run id, as project.lock has it."""
    found = {name: entries[0].record() for name, entries in read_lock(root).entries.items()}
    return {name: one.run for name, one in found.items() if one is not None}


def last(records: Records, command: str = "a") -> list[int]:
    return [known.run if isinstance(known, Record) else 0 for known in records.last(command)]


@contextlib.contextmanager
def process(work: Callable[[], object]) -> Iterator[int]:
    """Do `work` in a new process, which then waits until it is killed at the end of the block. Yield its id.

    It is killed as by a power cut: nothing is closed or cleaned up.
    """
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os.write(tell, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    try:
        assert os.read(ready, 1), "the process could not do its work"
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


# -- one process ------------------------------------------------------------------------------------------------------


def test_asking_creates_nothing(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    assert (records.last("a"), records.unfinished("a"), records.problem, records.conflicted) == ((), None, None, ())
    records.close()
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_known_at_once_on_disk_before_that_and_in_the_lock_at_the_end(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    made = run(records)
    assert records.last("a") == (made,)
    (own,) = runs(tmp_path)
    lines = [json.loads(line) for line in own.read_text().rstrip().splitlines()]
    assert [line["event"] for line in lines] == ["began", "started", "recorded"]
    assert lines[2]["record"] == to_document(made)
    records.close()
    assert locked(tmp_path) == {"a": made.run}
    assert (runs(tmp_path), past(tmp_path)) == ([], [own.parent / "past" / own.name])
    assert last(Records(tmp_path, PROJECT)) == [made.run]


def test_nothing_is_written_per_step_but_the_journal(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    for _ in range(5):
        run(records)
    assert not (tmp_path / FILE).exists()
    records.close()


def test_the_lock_is_folded_every_other_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(tmp_path, PROJECT)
    first = run(records)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2.5)
    second = run(records, "b")
    assert locked(tmp_path) == {"a": first.run, "b": second.run}
    third = run(records, "b")
    assert locked(tmp_path)["b"] == second.run
    records.close()
    assert locked(tmp_path)["b"] == third.run


def test_a_failed_run_leaves_the_record_before_it(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    made = run(records)
    records.end("a", records.start("a", "key"), AttemptEnd.FAILED, exit_code=3)
    assert (records.last("a"), records.unfinished("a")) == ((made,), None)
    records.close()


def test_a_failed_run_is_remembered_until_a_later_run_succeeds(tmp_path: Path) -> None:
    for _ in range(3):
        records = Records(tmp_path, PROJECT)
        records.end("a", records.start("a", "key"), AttemptEnd.FAILED, exit_code=3)
        records.close()
    later = Records(tmp_path, PROJECT)
    attempt = later.last_attempt("a")
    assert attempt is not None and (attempt.has_failed, attempt.exit_code) == (True, 3)
    assert len(runs(tmp_path)) == 1, "the journals of earlier failures are history"
    run(later)
    assert later.last_attempt("a") is None
    later.close()
    assert runs(tmp_path) == []


def test_a_reset_forgets_a_failed_run(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    records.end("a", records.start("a", "key"), AttemptEnd.FAILED, exit_code=3)
    records.reset("a")
    assert records.last_attempt("a") is None


@pytest.mark.parametrize(
    ("how", "why"),
    [(AttemptEnd.INTERRUPTED, ReasonKind.INTERRUPTED), (AttemptEnd.INPUTS_CHANGED, ReasonKind.INPUTS_CHANGED)],
)
def test_what_ended_without_a_result_outranks_the_record_until_the_next_one(
    tmp_path: Path, how: AttemptEnd, why: ReasonKind
) -> None:
    records = Records(tmp_path, PROJECT)
    run(records)
    records.end("a", records.start("a", "key"), how)
    assert records.unfinished("a") is why
    records.close()
    later = Records(tmp_path, PROJECT)
    assert later.unfinished("a") is why, "its journal stays as long as it is the last word"
    run(later)
    assert later.unfinished("a") is None
    later.close()
    assert runs(tmp_path) == []


def test_a_run_that_goes_on_is_not_unfinished_for_its_own_process(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    records.start("a", "key")
    assert records.unfinished("a") is None


def test_run_ids_rise_also_when_the_clock_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(tmp_path, PROJECT)
    first = run(records)
    records.close()
    for backwards in (3600, 7200):
        at = time.time_ns() - backwards * 10**9
        monkeypatch.setattr(time, "time_ns", lambda at=at: at)
        later = Records(tmp_path, PROJECT)
        second = run(later, digest="1")
        assert second.run > first.run
        later.close()
        assert locked(tmp_path)["a"] == second.run
        assert last(Records(tmp_path, PROJECT)) == [second.run]
        first = second


def test_run_ids_of_one_microsecond_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(tmp_path, PROJECT)
    at = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: at)
    assert len({records.start("a", "key") for _ in range(5)} | {records.next_id() for _ in range(5)}) == 10


def test_run_ids_of_two_working_copies_differ_after_a_clock_that_was_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [tmp_path / "ours", tmp_path / "theirs"]
    at = time.time_ns()
    for copy in copies:
        copy.mkdir()
        monkeypatch.setattr(time, "time_ns", lambda: at + 3600 * 10**9)
        records = Records(copy, PROJECT)
        run(records)
        records.close()
    monkeypatch.setattr(time, "time_ns", lambda: at)
    ours, theirs = ([Records(copy, PROJECT).next_id() for _ in range(3)] for copy in copies)
    assert ours != theirs


def test_what_is_reset_counts_as_never_run(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    run(records)
    run(records, "b")
    records.fold()
    records.reset("a")
    assert (records.last("a"), last(records, "b") != []) == ((), True)
    records.close()
    assert locked(tmp_path).keys() == {"b"}
    again = Records(tmp_path, PROJECT)
    assert again.last("a") == ()
    made = run(again)
    again.close()
    assert locked(tmp_path)["a"] == made.run


def test_a_reset_holds_though_a_journal_still_tells_of_the_run(tmp_path: Path) -> None:
    other = Records(tmp_path, PROJECT)
    run(other)
    other.start("b", "key")
    records = Records(tmp_path, PROJECT)
    records.reset("a")
    records.close()
    assert Records(tmp_path, PROJECT).last("a") == ()
    other.close()
    assert len(runs(tmp_path)) == 2, "that of the reset, and that of the run without an end"
    assert Records(tmp_path, PROJECT).last("a") == ()
    later = Records(tmp_path, PROJECT)
    run(later, "b")
    later.close()
    run(later := Records(tmp_path, PROJECT), "b")
    later.close()
    assert list(locked(tmp_path)) == ["b"]
    assert runs(tmp_path) == []


# -- several processes ------------------------------------------------------------------------------------------------


def test_two_at_once_learn_from_each_other(tmp_path: Path) -> None:
    one, two = Records(tmp_path, PROJECT), Records(tmp_path, PROJECT)
    made = run(one)
    assert two.last("a") == ()
    version = two.version
    two.refresh()
    assert (two.last("a"), two.version != version) == ((made,), True)
    later = run(two, digest="1")
    assert later.run > made.run
    one.refresh()
    assert one.last("a") == (later,)
    one.close()
    two.close()
    assert (locked(tmp_path), runs(tmp_path)) == ({"a": later.run}, [])


def test_each_fold_takes_in_what_all_have_recorded(tmp_path: Path) -> None:
    one, two = Records(tmp_path, PROJECT), Records(tmp_path, PROJECT)
    first, second = run(one, "a"), run(two, "b")
    one.fold()
    assert locked(tmp_path) == {"a": first.run, "b": second.run}
    assert len(runs(tmp_path)) == 2, "the journal of a living owner is not touched"
    third = run(two, "c")
    two.close()
    one.close()
    assert locked(tmp_path) == {"a": first.run, "b": second.run, "c": third.run}
    assert len(past(tmp_path)) == 2


def test_an_earlier_record_never_replaces_a_later_one(tmp_path: Path) -> None:
    slow, quick = Records(tmp_path, PROJECT), Records(tmp_path, PROJECT)
    early = slow.start("a", "key")
    late = run(quick, digest="1")
    quick.close()
    slow.add(record(early, digest="2"))
    slow.close()
    assert locked(tmp_path) == {"a": late.run}
    assert last(Records(tmp_path, PROJECT)) == [late.run]


def test_a_failure_is_known_also_after_its_journal_became_history(tmp_path: Path) -> None:
    one, two = Records(tmp_path, PROJECT), Records(tmp_path, PROJECT)
    attempt = one.start("a", "key")
    two.refresh()
    assert two.unfinished("a") is None, "its owner lives"
    one.end("a", attempt, AttemptEnd.FAILED)
    one.close()
    retire(*runs(tmp_path))
    two.refresh()
    assert two.unfinished("a") is None, "it failed; it was not interrupted"


def test_records_of_commands_that_are_gone_are_kept(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    run(records, "a")
    records.close()
    other = Records(tmp_path, ProjectModel(commands={"z": Command("z")}))
    run(other, "z")
    other.close()
    assert list(locked(tmp_path)) == ["z", "a"]


# -- killed owners ----------------------------------------------------------------------------------------------------


def test_a_run_whose_process_lives_is_going_on_and_was_interrupted_when_it_is_dead(tmp_path: Path) -> None:
    with process(lambda: Records(tmp_path, PROJECT).start("a", "key")):
        assert Records(tmp_path, PROJECT).unfinished("a") is None
        (theirs,) = runs(tmp_path)
        assert owner_lives(theirs)
        retire(theirs)
        assert runs(tmp_path) == [theirs]
    assert not owner_lives(theirs)
    assert Records(tmp_path, PROJECT).unfinished("a") is ReasonKind.INTERRUPTED


def test_what_a_killed_process_recorded_is_known_and_folded_by_the_next(tmp_path: Path) -> None:
    with process(lambda: run(Records(tmp_path, PROJECT))):
        pass
    assert not (tmp_path / FILE).exists()
    records = Records(tmp_path, PROJECT)
    (known,) = records.last("a")
    assert isinstance(known, Record) and records.unfinished("a") is None
    records.close()
    assert locked(tmp_path) == {"a": known.run}
    assert runs(tmp_path) == []


def test_the_journal_of_a_killed_process_stays_while_it_is_the_last_word(tmp_path: Path) -> None:
    def work() -> None:
        records = Records(tmp_path, PROJECT)
        run(records, "b")
        records.start("a", "key")

    with process(work):
        pass
    for _ in range(2):
        records = Records(tmp_path, PROJECT)
        assert records.unfinished("a") is ReasonKind.INTERRUPTED
        run(records, "c")
        records.close()
        assert len(runs(tmp_path)) == 1
    records = Records(tmp_path, PROJECT)
    run(records, "a")
    records.close()
    assert runs(tmp_path) == []


def test_a_torn_last_line_counts_for_nothing_and_holds_nothing_up(tmp_path: Path) -> None:
    with process(lambda: run(Records(tmp_path, PROJECT))):
        pass
    (theirs,) = runs(tmp_path)
    whole = theirs.read_bytes()
    theirs.write_bytes(whole + b'{"event": "recorded", "record": {"run": 99')
    records = Records(tmp_path, PROJECT)
    assert len(last(records)) == 1
    records.close()
    assert runs(tmp_path) == []
    assert locked(tmp_path).keys() == {"a"}


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_journal_cut_anywhere_in_its_last_line_tells_the_rest(tmp_path: Path, cut: int) -> None:
    def work() -> None:
        records = Records(tmp_path, PROJECT)
        run(records, "a")
        run(records, "b")

    with process(work):
        pass
    (theirs,) = runs(tmp_path)
    theirs.write_bytes(theirs.read_bytes().rstrip(b" ")[:-cut])
    records = Records(tmp_path, PROJECT)
    assert len(last(records, "a")) == 1
    assert (records.last("b"), records.unfinished("b")) == ((), ReasonKind.INTERRUPTED)


def test_a_line_that_was_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    reader = JournalReader(path)
    assert list(reader.lines()) == []
    first, second = (b'{"event": "reset", "run": %d, "command": "a"}\n' % run for run in (1, 2))
    path.write_bytes(first + second[:20])
    assert list(reader.lines()) == [Reset(1, "a")]
    assert not reader.grew
    with path.open("ab") as file:
        file.write(second[20:])
    assert reader.grew
    assert list(reader.lines()) == [Reset(2, "a")]


GARBAGE = [
    b"",
    b"{",
    b"[1]",
    b"null",
    b"\xff\xfe",
    b"\0" * 100,
    b"[" * 100_000,
    b'{"event": "started"}',
    b'{"event": "started", "run": "1", "command": "a"}',
    b'{"event": "started", "run": 1, "command": ["a"]}',
    b'{"event": "ended", "run": 1, "command": "a"}',
    b'{"event": "recorded"}',
    b'{"event": "recorded", "record": {"format": 1, "run": Infinity}}',
    b'{"event": "recorded", "record": []}',
    b'{"event": "reset", "run": null, "command": "a"}',
    b'{"event": ["x"], "run": 1, "command": "a"}',
    b'{"no": "event"}',
]


def test_lines_of_garbage_are_skipped(tmp_path: Path) -> None:
    with process(lambda: run(Records(tmp_path, PROJECT))):
        pass
    (theirs,) = runs(tmp_path)
    lines = theirs.read_bytes().splitlines()
    theirs.write_bytes(b"\n".join(line for good in lines for line in (*GARBAGE, good)) + b"\n")
    records = Records(tmp_path, PROJECT)
    assert (len(last(records)), records.unfinished("a")) == (1, None)
    records.close()
    assert locked(tmp_path).keys() == {"a"}


def test_a_record_with_bytes_that_no_lock_could_hold_is_skipped(tmp_path: Path) -> None:
    document = to_document(record(5))
    document["script"] = ["\udcff"]
    (tmp_path / ".proj/runs").mkdir(parents=True)
    line = json.dumps({"event": "recorded", "record": document}, ensure_ascii=False)
    (tmp_path / ".proj/runs/1-1-aa.jsonl").write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    records = Records(tmp_path, PROJECT)
    assert records.last("a") == ()
    run(records, "b")
    records.close()
    assert locked(tmp_path).keys() == {"b"}


def test_a_line_goes_into_the_journal_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Journal(tmp_path)
    write = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[: len(data) // 2], at))
        with pytest.raises(OSError, match="No space left"):
            own.append(Reset(1, "lost"))
    own.append(Reset(2, "kept"))
    assert list(JournalReader(own.path).lines())[1:] == [Reset(2, "kept")]
    own.close()
    assert own.path.read_bytes().endswith(b'"kept"}\n')


def test_a_journal_takes_lines_of_any_length(tmp_path: Path) -> None:
    own = Journal(tmp_path)
    reader = JournalReader(own.path)
    assert len(list(reader.lines())) == 1
    for size in (1, 100, 16_000, 16_384, 40_000, 1):
        assert not reader.grew
        own.flush(own.append(Reset(1, "x" * size)))
        assert reader.grew
        assert list(reader.lines()) == [Reset(1, "x" * size)]
    own.close()
    assert not reader.grew
    assert own.path.read_bytes().count(b"\n") == 7
    assert own.path.read_bytes().endswith(b'"x"}\n')


def test_threads_that_wait_for_a_flush_share_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Journal(tmp_path)
    flushed: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def flush(fd: int) -> None:
        flushed.append(own.path.read_bytes().count(b"line"))
        begun.set()
        assert go_on.wait(10)

    monkeypatch.setattr(os, "fdatasync", flush)
    threads = [threading.Thread(target=own.flush, args=(own.append(Reset(1, "line")),))]
    threads[0].start()
    assert begun.wait(10)
    threads += [threading.Thread(target=own.flush, args=(own.append(Reset(1, "line")),)) for _ in range(5)]
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert flushed == [1, 6]
    own.close()


def test_a_line_is_written_even_if_the_disk_lacks_room_to_write_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def on_a_full_disk(fd: int, data: bytes, at: int) -> int:
        if data.isspace():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data, at)

    monkeypatch.setattr(os, "pwrite", on_a_full_disk)
    own = Journal(tmp_path)
    own.append(Reset(1, "kept"))
    assert own.path.read_bytes().endswith(b'"kept"}\n')
    own.close()


def test_many_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(name: str) -> Callable[[], None]:
        def works() -> None:
            records = Records(tmp_path, PROJECT)
            for _ in range(3):
                run(records, name)
            records.close()

        return works

    with contextlib.ExitStack() as stack:
        for name in PROJECT.commands:
            stack.enter_context(process(work(name)))
    assert locked(tmp_path).keys() == set(PROJECT.commands)
    assert list(read_lock(tmp_path).entries) == list(PROJECT.commands)
    assert runs(tmp_path) == []
    assert len(past(tmp_path)) == len(PROJECT.commands)


# -- retiring ---------------------------------------------------------------------------------------------------------


def test_a_journal_that_was_retired_before_it_was_locked_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its creation and its lock, another process may take it for the journal of a dead process."""
    raced: list[int] = []

    def late(fd: int, path: Path) -> None:
        if not raced:
            raced.append(fd)
            for file in tmp_path.glob("*.jsonl"):
                retire(file)
        take_for_life(fd, path)

    monkeypatch.setattr(journal, "take_for_life", late)
    own = Journal(tmp_path)
    own.append(Reset(1, "x"))
    assert owner_lives(own.path)
    own.close()
    assert raced
    assert list(JournalReader(own.path).lines())[1:] == [Reset(1, "x")]


def test_a_journal_is_retired_only_once(tmp_path: Path) -> None:
    own = Journal(tmp_path)
    own.close()
    for _ in range(2):
        retire(own.path)
    assert [path.name for path in (tmp_path / "past").iterdir()] == [own.path.name]
    assert [type(line) for line in JournalReader(own.path).lines()] == [Began]


def test_what_was_recorded_just_before_its_journal_retired_is_not_lost(tmp_path: Path) -> None:
    """One process has read half of another's journal when that one records, folds and ends."""
    one, two = Records(tmp_path, PROJECT), Records(tmp_path, PROJECT)
    run(two, "b")
    one.refresh()
    made = run(two, "a")
    two.close()
    assert one.last("a") == ()
    run(one, "c")
    one.close()
    assert locked(tmp_path)["a"] == made.run
    assert locked(tmp_path).keys() == {"a", "b", "c"}


def test_after_the_lock_was_deleted_nothing_is_recorded(tmp_path: Path) -> None:
    records = Records(tmp_path, PROJECT)
    run(records)
    records.close()
    (tmp_path / FILE).unlink()
    assert Records(tmp_path, PROJECT).last("a") == ()


def test_without_flock_the_process_decides_whether_a_journal_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(fd: int, kind: int, arg: bytes = b"") -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    monkeypatch.setattr(fcntl, "fcntl", no_locks)
    with process(lambda: Journal(tmp_path).append(Reset(1, "a"))):
        (theirs,) = tmp_path.glob("*.jsonl")
        assert owner_lives(theirs)
        retire(theirs)
        assert theirs.exists()
    assert not owner_lives(theirs)
    retire(theirs)
    assert [path.name for path in (tmp_path / "past").iterdir()] == [theirs.name]


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_the_last_possible_run_id_is_an_error_whose_hint_helps(tmp_path: Path) -> None:
    (tmp_path / ".proj/runs").mkdir(parents=True)
    line = json.dumps({"event": "reset", "run": MAX_COUNT - 1, "command": "a"})
    (tmp_path / ".proj/runs/1-1-aa.jsonl").write_text(f"{line}\n")
    with pytest.raises(BrokenState, match="leaves none for new runs") as refused:
        Records(tmp_path, PROJECT).start("b", "key")
    assert "delete" in (refused.value.hint or "")
    shutil.rmtree(tmp_path / ".proj/runs")
    assert run(Records(tmp_path, PROJECT), "b").run < MAX_COUNT


@pytest.mark.parametrize("run_id", ["1e3", "true", "-1", "0", str(MAX_COUNT), "9" * 5000, "NaN", "1e999", "null"])
def test_a_line_with_an_impossible_run_id_is_skipped(tmp_path: Path, run_id: str) -> None:
    (tmp_path / ".proj/runs").mkdir(parents=True)
    lines = "".join(f'{{"event": "{event}", "run": {run_id}, "command": "a"}}\n' for event in ("started", "reset"))
    (tmp_path / ".proj/runs/1-1-aa.jsonl").write_text(lines)
    records = Records(tmp_path, PROJECT)
    assert (records.last_attempt("a"), records.version) == (None, Records(tmp_path, PROJECT).version)
    assert run(records, "b").run > 1_000


# -- the lock in trouble ----------------------------------------------------------------------------------------------


def test_a_broken_lock_is_kept_beside_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a: b: c\n")
    records = Records(tmp_path, PROJECT)
    assert (records.problem or "").startswith("project.lock:1:")
    made = run(records)
    records.close()
    assert locked(tmp_path) == {"a": made.run}
    assert (tmp_path / "project.lock.broken-1").read_text() == "a: b: c\n"
    assert records.problem is None


def conflict(root: Path, ours: list[str], theirs: list[str]) -> dict[str, tuple[int, int]]:
    """A lock with the conflict of two branches on which these commands ran; command -> their run ids."""
    ids: dict[str, list[int]] = {}
    texts = []
    for side, commands in (("1", ours), ("2", theirs)):
        with tempfile.TemporaryDirectory() as place:
            records = Records(Path(place), PROJECT)
            for command in commands:
                ids.setdefault(command, []).append(run(records, command, digest=side).run)
            records.close()
            texts.append(Path(place, FILE).read_text())
    (root / FILE).write_text(f"<<<<<<< ours\n{texts[0]}=======\n{texts[1]}>>>>>>> theirs\n")
    return {command: (found[0], found[-1]) for command, found in ids.items()}


def test_both_sides_of_a_conflict_are_candidates_the_later_first(tmp_path: Path) -> None:
    ids = conflict(tmp_path, ["a", "b"], ["a", "c"])
    records = Records(tmp_path, PROJECT)
    assert records.conflicted == ("a",)
    assert last(records) == sorted(ids["a"], reverse=True)
    assert [last(records, command) for command in "bc"] == [[ids["b"][0]], [ids["c"][0]]]


@pytest.mark.parametrize("side", [0, 1])
def test_of_a_conflict_the_side_that_is_settled_on_is_kept(tmp_path: Path, side: int) -> None:
    ids = conflict(tmp_path, ["a", "b"], ["a", "c"])
    records = Records(tmp_path, PROJECT)
    (chosen,) = [known for known in records.last("a") if isinstance(known, Record) and known.run == ids["a"][side]]
    records.settle("a", chosen)
    records.close()
    assert "<<<<<<<" not in (tmp_path / FILE).read_text()
    assert locked(tmp_path) == {"a": ids["a"][side], "b": ids["b"][0], "c": ids["c"][0]}


def test_of_a_conflict_that_is_not_settled_the_later_side_is_kept(tmp_path: Path) -> None:
    ids = conflict(tmp_path, ["a"], ["a"])
    records = Records(tmp_path, PROJECT)
    run(records, "b")
    records.close()
    assert locked(tmp_path)["a"] == max(ids["a"])


def test_a_new_record_settles_a_conflict(tmp_path: Path) -> None:
    conflict(tmp_path, ["a"], ["a"])
    records = Records(tmp_path, PROJECT)
    made = run(records, "a")
    assert last(records) == [made.run]
    records.close()
    assert locked(tmp_path) == {"a": made.run}


def test_markers_go_away_also_where_both_sides_agree(tmp_path: Path) -> None:
    ids = conflict(tmp_path, ["a"], ["b"])
    records = Records(tmp_path, PROJECT)
    assert records.conflicted == ()
    records.close()
    assert "<<<<<<<" not in (tmp_path / FILE).read_text()
    assert locked(tmp_path) == {"a": ids["a"][0], "b": ids["b"][0]}


def test_an_entry_of_weasel_is_a_candidate_until_something_later_is_recorded(tmp_path: Path) -> None:
    entry = {"cmd": "python -m weasel run a", "script": ["x"], "deps": [], "outs": [{"path": "out/a", "md5": "0" * 32}]}
    (tmp_path / FILE).write_text(json.dumps({"a": entry, "b": {**entry, "cmd": "python -m weasel run b"}}))
    records = Records(tmp_path, PROJECT)
    assert records.last("a") == (LockEntry("a", entry),)
    made = run(records)
    assert records.last("a")[0] == made
    records.close()
    assert locked(tmp_path) == {"a": made.run}
    assert isinstance(Records(tmp_path, PROJECT).last("b")[0], LockEntry)


def test_two_locks_written_apart_merge_in_git_and_are_known_together(tmp_path: Path) -> None:
    sides = {"base": ["a", "b", "c", "d", "e"], "ours": ["a"], "theirs": ["e"]}
    records = Records(tmp_path, PROJECT)
    for side, commands in sides.items():
        if side != "base":
            (tmp_path / FILE).write_text((tmp_path / "base").read_text())
        records = Records(tmp_path, PROJECT)
        for command in commands:
            run(records, command, digest="0" if side == "base" else "1")
        records.close()
        (tmp_path / side).write_text((tmp_path / FILE).read_text())
    done = subprocess.run(["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    (tmp_path / FILE).write_bytes(done.stdout)
    merged = Records(tmp_path, PROJECT)
    made = {command: merged.last(command) for command in "abcde"}
    assert {name: one.outputs[0].digest[0] for name, (one,) in made.items() if isinstance(one, Record)} == {
        "a": "1", "b": "0", "c": "0", "d": "0", "e": "1"
    }  # fmt: skip


# -- whatever happens -------------------------------------------------------------------------------------------------

acts = st.sampled_from(["run", "run", "start", "fail", "change", "refresh", "fold", "close", "kill", "reset"])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), acts, st.sampled_from("ab")), max_size=14))
def test_any_course_of_three_processes(course: list[tuple[int, str, str]]) -> None:
    """Whatever was recorded last is what everybody knows in the end, and what had no end is known to have had none.

    The processes are three `Records` here; one is killed by closing its journal without anything else.
    """
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        alive: dict[int, Records] = {}
        going: dict[str, int] = {}  # command -> the process that runs it
        recorded = dict.fromkeys("ab", 0)
        unfinished: dict[str, ReasonKind | None] = dict.fromkeys("ab")  # what the last start left
        for who, act, command in course:
            records = alive.setdefault(who, Records(root, PROJECT))
            if act in ("run", "start", "fail", "change", "reset") and command in going:
                continue  # claims see to it that no command runs twice at once
            if act not in ("fold", "close", "kill"):
                records.refresh()  # as every step does before it starts
            if act == "run":
                recorded[command], unfinished[command] = run(records, command).run, None
            elif act == "start":
                going[command] = who
                records.start(command, "key")
                unfinished[command] = None
            elif act == "fail":
                records.end(command, records.start(command, "key"), AttemptEnd.FAILED)
                unfinished[command] = None
            elif act == "change":
                records.end(command, records.start(command, "key"), AttemptEnd.INPUTS_CHANGED)
                unfinished[command] = ReasonKind.INPUTS_CHANGED
            elif act == "reset":
                records.reset(command)
                recorded[command], unfinished[command] = 0, None
            elif act == "fold":
                records.fold()
            else:
                for name in [name for name, owner in going.items() if owner == who]:
                    del going[name]
                    unfinished[name] = ReasonKind.INTERRUPTED
                if act == "close":
                    records.close()
                elif records._own is not None:
                    records._own.close()
                del alive[who]
        for records in (*alive.values(), Records(root, PROJECT)):
            records.refresh()
            for name in "ab":
                assert max(last(records, name), default=0) == recorded[name]
                assert records.unfinished(name) is unfinished[name]
        for records in alive.values():
            records.close()


def test_a_record_of_the_lock_file_gets_its_facts_from_the_journal_that_holds_it(tmp_path: Path) -> None:
    facts = Provenance(tool="proj 1", seconds=2.0)
    for number in range(6):  # more journals than stay in memory
        records = Records(tmp_path, PROJECT)
        for name in "abc":
            records.add(record(records.start(name, "key"), name, str(number))._replace(provenance=facts))
        records.close()
    reading = Records(tmp_path, PROJECT)
    for _ in range(2):
        for name in "abc":
            (known,) = reading.last(name)
            assert isinstance(known, Record)
            bare = known._replace(provenance=None)
            assert reading.complete(bare).provenance == facts
            assert reading.complete(bare._replace(run=1)).provenance is None
    run(other := Records(tmp_path, PROJECT), "d")
    (known,) = other.last("d")
    assert isinstance(known, Record)
    assert reading.complete(known._replace(provenance=None)) == known  # of a journal that is still being written
    other.close()
