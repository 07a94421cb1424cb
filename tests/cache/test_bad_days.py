"""The cache when something goes wrong: Ctrl-C, full disks, other processes, clocks. The run's result is right."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Done, ProjectDir, wait_until

from weaselish.stores import directory_writes
from weaselish.stores.base import Stored
from weaselish.stores.directory import DirectoryStore

from .samples import CHAIN, colleague, object_of, objects_in, ran, records_in, results, run, write_chain

SLOW = Path(__file__).with_name("slow.py")
NO_CACHE = CHAIN.replace("outputs: [model]", "outputs: [model]\n    outputs_no_cache: [train.log]").replace(
    '["sh step.sh train data model ${vars.size}"]',
    '["sh step.sh train data model ${vars.size}", "sh step.sh log corpus train.log ${vars.size}"]',
)
BIG_OR_SMALL = """\
cache: local
commands:
  - name: make
    shell: true
    script: ["[ -e small ] && echo x > out || head -c 40960 /dev/urandom > out"]
    outputs: [out]
"""


def interrupted(project: ProjectDir, how: str, *words: str) -> Done:
    """Run `proj WORDS` with a cache that does not answer, and press Ctrl-C when it waits for that."""
    mark = project.path.parent / "waits"
    process = subprocess.Popen(
        [sys.executable, SLOW, how, mark, *words],
        cwd=project.path,
        env=project.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(mark.exists, "the cache to be asked")
    mark.unlink()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


def limited(project: ProjectDir, size: int, *words: str) -> Done:
    """Run `proj WORDS` where no file may be larger. Python would cut its bytecode off, too, and use it later."""
    done = subprocess.run(
        [sys.executable, "-m", "weaselish", *words],
        cwd=project.path,
        env={**project.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def files(project: ProjectDir) -> dict[str, bytes | None]:
    return {path: content for path, content in project.files().items() if not path.startswith((".proj", "ran.txt"))}


# -- Ctrl-C -----------------------------------------------------------------------------------------------------------


def test_ctrl_c_during_a_restore_changes_nothing(chain: ProjectDir) -> None:
    write_chain(chain, NO_CACHE)
    run(chain, "train")
    run(chain, "train", "--vars.size", "2")
    before = files(chain)
    done = interrupted(chain, "get", "run", "train")
    assert done.code == 130
    assert "Traceback" not in done.err
    assert files(chain) == before
    assert run(chain, "train", "--vars.size", "2")["train"] == "up to date"
    assert run(chain, "train")["train"] == "restored"


def test_ctrl_c_during_the_last_upload_stores_nothing_and_keeps_the_result(chain: ProjectDir, cache: Path) -> None:
    done = interrupted(chain, "put", "run", "prep")
    assert done.code == 130
    assert "Traceback" not in done.err
    assert records_in(cache) == objects_in(cache, "data") == []
    assert run(chain, "prep") == {"prep": "up to date"}


# -- what else is at work ---------------------------------------------------------------------------------------------


def test_an_object_that_gc_deletes_before_the_record_is_there_is_stored_again(
    chain: ProjectDir, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(chain, "prep")
    orphan = object_of(cache, "data")
    records_in(cache)[0].unlink()
    put = DirectoryStore.put

    def put_after_gc(self: DirectoryStore, key: str, chunks: Any, **options: Any) -> bool:
        if key.startswith(".proj/runs/"):
            orphan.unlink(missing_ok=True)
        return put(self, key, chunks, **options)

    monkeypatch.setattr(DirectoryStore, "put", put_after_gc)
    run(chain, "prep", "--force")
    assert orphan.exists()
    assert run(colleague(chain), "prep") == {"prep": "restored"}


def test_a_directory_that_a_delete_removes_while_a_file_is_placed_is_made_again(
    chain: ProjectDir, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = directory_writes.make_directory
    failures = iter((True, True))

    def make_directory(directory: Path, *, flushes: bool) -> None:
        if directory.name != ".proj-tmp" and next(failures, False):
            raise FileNotFoundError(directory)
        make(directory, flushes=flushes)

    monkeypatch.setattr(directory_writes, "make_directory", make_directory)
    done = chain.proj("run", "prep")
    assert (done.code, "warning" in done.err) == (0, False)
    assert len(records_in(cache)) == 1


def test_gc_reads_a_directory_that_names_a_file_twice(chain: ProjectDir, monkeypatch: pytest.MonkeyPatch) -> None:
    run(chain, "all")
    listed = DirectoryStore.list

    def list_twice(self: DirectoryStore, prefix: str) -> Iterator[Stored]:
        for stored in listed(self, prefix):
            yield from (stored, stored)

    monkeypatch.setattr(DirectoryStore, "list", list_twice)
    done = chain.proj("gc", "local", "--keep-last", "0", "--grace", "0s", "--yes", "--json")
    assert done.code == 0
    assert done.json["kept"]["named by a lock file"]["runs"] == 3


def test_gc_stops_if_it_cannot_read_the_lock_file(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    chain.remove("project.lock")
    (chain.path / "project.lock").mkdir()
    done = chain.proj("gc", "local", "--keep-last", "0", "--grace", "0s", "--yes")
    assert done.code == 1
    assert "project.lock" in done.err
    assert len(records_in(cache)) == 3


@pytest.mark.parametrize("make", ["sh step.sh one corpus out", "mkdir -p out/in out/empty"])
def test_an_output_that_a_later_step_removes_before_it_is_stored_is_not_stored(
    chain: ProjectDir, cache: Path, monkeypatch: pytest.MonkeyPatch, make: str
) -> None:
    chain.project(
        f"""\
        cache: local
        commands:
          - {{name: one, script: [{make}], outputs: [out]}}
          - {{name: two, script: [rm -r out, touch end], deps: [out], outputs: [end]}}
        """
    )
    put = DirectoryStore.put

    def put_late(self: DirectoryStore, key: str, chunks: Any, **options: Any) -> bool:
        wait_until(lambda: chain.exists("end"), "the later step")
        return put(self, key, chunks, **options)

    monkeypatch.setattr(DirectoryStore, "put", put_late)
    done = chain.proj("run", "one", "two")
    assert "Traceback" not in done.err and "Exception" not in done.err
    assert "`one` was not stored in the cache: " in done.err
    assert objects_in(cache, "out") == []


def test_an_output_that_a_later_step_replaces_before_it_is_stored_is_not_stored(
    chain: ProjectDir, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.project(
        """\
        cache: local
        commands:
          - {name: one, script: [sh step.sh one corpus out], outputs: [out]}
          - {name: two, script: [sh step.sh two corpus out, touch end], outputs: [out, end]}
        workflows: {all: [one, two]}
        """
    )
    put = DirectoryStore.put

    def put_late(self: DirectoryStore, key: str, chunks: Any, **options: Any) -> bool:
        wait_until(lambda: chain.exists("end"), "the later step")
        return put(self, key, chunks, **options)

    monkeypatch.setattr(DirectoryStore, "put", put_late)
    done = chain.proj("run", "all")
    assert done.code == 0
    assert "`one` was not stored in the cache: output `out` changed while it was pushed" in done.err
    assert len(records_in(cache)) == 1
    assert chain.read("out") == "words\ntwo \n"


# -- disks ------------------------------------------------------------------------------------------------------------


def test_a_step_runs_if_its_result_does_not_fit_on_the_disk(chain: ProjectDir) -> None:
    chain.project(BIG_OR_SMALL)
    run(chain, "make")
    chain.remove("out")
    chain.write("small")
    done = limited(chain, 20_000, "run", "make", "--json")
    assert (done.code, results(done)) == (0, {"make": "ran"})
    assert done.err.count("`make` was not restored from the cache: ") == 1
    assert chain.read("out") == "x\n"


def test_a_result_that_does_not_fit_into_the_cache_costs_one_warning(chain: ProjectDir, cache: Path) -> None:
    chain.project(BIG_OR_SMALL)
    done = limited(chain, 41_000, "run", "make")
    assert done.code == 0
    assert done.err.count("warning:") == 1, done.err
    assert "nothing more is stored in the cache: " in done.err
    assert records_in(cache) == objects_in(cache, "out") == []


def test_a_cache_that_cannot_be_written_is_still_read(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    for path in (cache / ".proj-tmp").iterdir():
        path.unlink()
    (cache / ".proj-tmp").rmdir()
    (cache / ".proj-tmp").touch()
    other = colleague(chain)
    done = other.proj("run", "all", "--vars.size", "2", "--json")
    assert (done.code, results(done)) == (0, {"prep": "restored", "train": "ran", "evaluate": "ran"})
    assert done.err.count("warning:") == 1, done.err


def test_a_cache_that_goes_away_during_a_run_costs_one_warning(chain: ProjectDir, cache: Path) -> None:
    cache.mkdir(parents=True)
    chain.write("step.sh", f"{chain.read('step.sh')}; rm -rf {cache}; touch {cache}")
    done = chain.proj("run", "all", "-j1")
    assert (done.code, ran(chain)) == (0, ["prep", "train", "evaluate"])
    assert done.err.count("warning:") == 1, done.err


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-10_000, -1, 1, 10_000])
def test_times_that_are_wrong_do_no_harm(chain: ProjectDir, cache: Path, days: int) -> None:
    run(chain, "all")
    at = time.time() + days * 86400
    for path in cache.rglob("*"):
        os.utime(path, (at, at))
    other = colleague(chain)
    assert set(run(other, "all").values()) == {"restored"}
    assert other.proj("gc", "local", "--keep-last", "1", "--yes").code == 0
    assert set(run(colleague(chain, "third"), "all").values()) == {"restored"}


# -- the cache as a remote --------------------------------------------------------------------------------------------


def test_a_result_is_restored_though_another_run_has_its_id(chain: ProjectDir, cache: Path) -> None:
    run(chain, "train")
    run(chain, "train", "--vars.size", "2")
    ours, last = (path for path in records_in(cache) if json.loads(path.read_text())["command"] == "train")
    document = json.loads(ours.read_text()) | {"run": int(last.stem)}
    ours.with_name(last.name).write_text(json.dumps(document))
    ours.unlink()
    assert run(chain, "train")["train"] == "restored"
    assert chain.proj("status", "train", "--check").code == 0
    assert run(chain, "train")["train"] == "up to date"


def test_a_push_to_the_cache_is_restored(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all", "--no-cache")
    assert not cache.exists()
    done = chain.proj("push", "local")
    assert done.code == 0, done.err
    assert "model" in chain.proj("ls", "local").out
    assert set(run(colleague(chain), "all").values()) == {"restored"}


def test_a_push_to_the_cache_replaces_an_object_that_no_record_vouches_for(chain: ProjectDir, cache: Path) -> None:
    run(chain, "prep")
    half = object_of(cache, "data")
    content = half.read_bytes()
    half.write_bytes(content[:50])
    records_in(cache)[0].unlink()
    done = chain.proj("push", "local")
    assert done.code == 0, done.err
    assert half.read_bytes() == content


# -- uploads that failed ----------------------------------------------------------------------------------------------


def test_what_a_run_could_not_store_the_next_run_of_any_step_stores(chain: ProjectDir, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the cache should be")
    done = chain.proj("run", "train")
    assert (done.code, ran(chain)) == (0, ["prep", "train"])
    assert "warning" in done.err
    cache.unlink()
    assert run(chain, "all") == {"prep": "up to date", "train": "up to date", "evaluate": "ran"}
    assert [json.loads(path.read_text())["command"] for path in records_in(cache)].count("train") == 1
    assert set(run(colleague(chain), "prep", "train", "evaluate").values()) == {"restored"}
    assert not list((chain.path / ".proj/cache").glob("unstored-*"))


def test_what_a_killed_run_did_not_store_the_next_run_stores(chain: ProjectDir, cache: Path) -> None:
    mark = chain.path.parent / "waits"
    process = subprocess.Popen(
        [sys.executable, SLOW, "put", mark, "run", "prep"], cwd=chain.path, env=chain.environ, stderr=subprocess.DEVNULL
    )
    wait_until(mark.exists, "the upload")
    process.kill()
    process.wait()
    assert records_in(cache) == []
    assert run(chain, "train") == {"prep": "up to date", "train": "ran"}
    assert len(records_in(cache)) == 2


def test_what_is_out_of_date_by_then_is_not_stored(chain: ProjectDir, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the cache should be")
    run(chain, "prep")
    cache.unlink()
    chain.write("data", "edited by hand\n")
    done = chain.proj("run", "--only", "train")
    assert (done.code, "not stored" in done.err) == (0, False)
    assert len(records_in(cache)) == 1
