"""Digests of what lies in a project, in both views, and the stat cache, which must never be seen in an answer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaselish.files import digests as hashing
from weaselish.files import stat_cache, walk
from weaselish.files.digests import Digested, Digests
from weaselish.files.stat_cache import FileStat, StatCache
from weaselish.files.walk import Unreadable, View
from weaselish.plan.digests import ManifestEntry

VIEWS: tuple[View, ...] = ("dep", "output")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def tree(*lines: bytes) -> str:
    """The digest of a directory with these lines in its manifest, already in order."""
    return md5(b"".join(line + b"\0" for line in lines)) + ".dir"


def file(path: str | bytes, content: bytes) -> bytes:
    return b"f %b %b" % (md5(content).encode(), os.fsencode(path))


def link(path: str, target: str) -> bytes:
    return b"l %b %b" % (md5(target.encode()).encode(), path.encode())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "d").mkdir(parents=True)
    return root


def digest(root: Path, path: str, view: View = "dep") -> str | None:
    return Digests(root).digest(path, view)


def write(path: Path, content: bytes | str = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_file_is_known_by_its_bytes(root: Path, view: View) -> None:
    write(root / "x", b"abc")
    assert Digests(root).of("x", view) == Digested(md5(b"abc"), 3, 1)
    assert Digests(root, "blake3").of("x", view) == Digested(blake3(b"abc").hexdigest(), 3, 1)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("path", ["nowhere", "x/inside-a-file", "dangling"])
def test_what_is_not_there_has_no_digest(root: Path, view: View, path: str) -> None:
    write(root / "x")
    (root / "dangling").symlink_to("nowhere")
    assert digest(root, path, view) is None


@pytest.mark.parametrize("view", VIEWS)
def test_a_path_that_is_a_link_counts_as_what_it_leads_to(root: Path, tmp_path: Path, view: View) -> None:
    write(tmp_path / "outside" / "x", b"abc")
    (root / "file").symlink_to(tmp_path / "outside" / "x")
    (root / "dir").symlink_to(tmp_path / "outside")
    assert digest(root, "file", view) == md5(b"abc")
    assert digest(root, "dir", view) == tree(file("x", b"abc"))


# -- directories ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_directory_is_known_by_names_and_bytes(root: Path, view: View) -> None:
    for name, content in (("b/c", b"1"), ("a", b"22"), ("a.b", b""), ("é ü\n", b"4"), (".hidden", b"5")):
        write(root / "d" / name, content)
    write(Path(os.fsdecode(os.fsencode(root / "d") + b"/\xff")), b"6")
    (root / "d" / "empty" / "deep").mkdir(parents=True)
    assert Digests(root).of("d", view) == Digested(
        tree(
            file(".hidden", b"5"),
            file("a", b"22"),
            file("a.b", b""),
            file("b/c", b"1"),
            b"d - empty/deep",
            file("é ü\n", b"4"),
            file(b"\xff", b"6"),
        ),
        6,
        6,
    )


def test_an_empty_directory_is_not_nothing_and_not_an_empty_file(root: Path) -> None:
    assert digest(root, "d") == tree() == md5(b"") + ".dir"


def test_the_algorithm_is_used_for_bytes_links_and_manifest(root: Path) -> None:
    write(root / "d/a", b"1")
    (root / "d/l").symlink_to("nowhere")
    lines = b"f %b a\0l %b l\0" % tuple(blake3(data).hexdigest().encode() for data in (b"1", b"nowhere"))
    assert Digests(root, "blake3").digest("d", "output") == blake3(lines).hexdigest() + ".dir"


CHANGES: dict[str, Callable[[Path], object]] = {
    "a rename": lambda d: (d / "a").rename(d / "z"),
    "a move": lambda d: (d / "a").rename(d / "sub/a"),
    "a new empty file": lambda d: (d / "new").touch(),
    "a new empty directory": lambda d: (d / "new").mkdir(),
    "bytes moved to the next file": lambda d: (write(d / "a", b"1"), write(d / "b", b"23")),
    "two files swapped": lambda d: (
        (d / "a").rename(d / "t"),
        (d / "b").rename(d / "a"),
        (d / "t").rename(d / "b"),
    ),
    "a file turned into a directory": lambda d: ((d / "a").unlink(), (d / "a").mkdir()),
    "a file turned into a link": lambda d: ((d / "a").unlink(), (d / "a").symlink_to("b")),
    "another target of a link": lambda d: ((d / "l").unlink(), (d / "l").symlink_to("sub/c")),
    "a link turned into its target's name": lambda d: ((d / "l").unlink(), write(d / "l", b"b")),
    "a gone file": lambda d: (d / "sub/c").unlink(),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_in_a_directory_is_seen(root: Path, change: str, view: View) -> None:
    for name, content in (("a", b"12"), ("b", b"3"), ("sub/c", b"4"), ("sub/e", b"5")):
        write(root / "d" / name, content)
    (root / "d/l").symlink_to("b")
    before = digest(root, "d", view)
    CHANGES[change](root / "d")
    assert digest(root, "d", view) != before


@pytest.mark.parametrize("view", VIEWS)
def test_modes_and_times_do_not_count(root: Path, view: View) -> None:
    write(root / "d/a", b"1")
    before = digest(root, "d", view)
    (root / "d/a").chmod(0o755)
    os.utime(root / "d/a", (0, 0))
    assert digest(root, "d", view) == before


# -- links in directories ---------------------------------------------------------------------------------------------


def test_in_an_output_a_link_is_a_link(root: Path) -> None:
    write(root / "d/a", b"1")
    write(root / "sub/x", b"2")
    (root / "d/file").symlink_to("a")
    (root / "d/dir").symlink_to("../sub")
    found = Digests(root).of("d", "output")
    assert found == Digested(tree(file("a", b"1"), link("dir", "../sub"), link("file", "a")), 1, 1)


def test_in_a_dep_a_link_is_what_it_leads_to_outside_the_project_too(root: Path, tmp_path: Path) -> None:
    write(root / "d/a", b"1")
    write(tmp_path / "outside" / "x", b"22")
    (root / "d/dir").symlink_to(tmp_path / "outside")
    (root / "d/file").symlink_to("a")
    found = Digests(root).of("d", "dep")
    assert found == Digested(tree(file("a", b"1"), file("dir/x", b"22"), file("file", b"1")), 4, 3)
    write(tmp_path / "outside" / "x", b"33")
    assert digest(root, "d") != found.digest


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_to_nothing_or_to_itself_is_a_link_in_both_views(root: Path, view: View) -> None:
    (root / "d/gone").symlink_to("nowhere")
    (root / "d/self").symlink_to("self")
    assert Digests(root).of("d", view) == Digested(tree(link("gone", "nowhere"), link("self", "self")), 0, 0)


@pytest.mark.parametrize("target", [".", "..", "../d", "../..", "/"])
def test_a_link_to_a_directory_around_it_is_a_link(root: Path, target: str) -> None:
    write(root / "d/e/a", b"1")
    (root / "d/e/up").symlink_to(target)
    assert digest(root, "d") == tree(file("e/a", b"1"), link("e/up", target))


def test_links_that_lead_to_each_other_end(root: Path) -> None:
    write(root / "one/a", b"1")
    write(root / "two/b", b"2")
    (root / "one/to-two").symlink_to("../two")
    (root / "two/to-one").symlink_to("../one")
    assert digest(root, "one") == tree(file("a", b"1"), file("to-two/b", b"2"), link("to-two/to-one", "../one"))


def test_one_directory_may_be_led_to_twice(root: Path) -> None:
    write(root / "shared/x", b"1")
    for name in ("one", "two"):
        (root / "d" / name).symlink_to("../shared")
    assert digest(root, "d") == tree(file("one/x", b"1"), file("two/x", b"1"))


def test_an_output_that_leads_to_itself_cannot_be_looked_at(root: Path) -> None:
    (root / "x").symlink_to("x")
    with pytest.raises(Unreadable, match="`x` cannot be looked at"):
        digest(root, "x", "output")


@pytest.mark.parametrize("path", ["pipe", "d"])
@pytest.mark.parametrize("view", VIEWS)
def test_what_is_neither_file_directory_nor_link_is_refused_and_never_opened(root: Path, path: str, view: View) -> None:
    os.mkfifo(root / "pipe")
    os.mkfifo(root / "d/pipe")
    with pytest.raises(Unreadable, match="pipe"):
        digest(root, path, view)


# -- what is left out of deps -----------------------------------------------------------------------------------------


def test_what_tools_leave_behind_is_no_part_of_a_dep_but_of_an_output(root: Path) -> None:
    write(root / "d/a", b"1")
    litter = ["__pycache__/x.pyc", ".ipynb_checkpoints/y", ".DS_Store", "sub/__pycache__/z.pyc"]
    for name in litter:
        write(root / "d" / name, b"2")
    assert digest(root, "d", "dep") == tree(file("a", b"1"), b"d - sub")
    assert digest(root, "d", "output") == tree(
        *sorted([file("a", b"1"), *(file(name, b"2") for name in litter)], key=lambda line: line.split(b" ", 2)[2])
    )


def test_the_project_as_a_dep_is_without_our_state(root: Path) -> None:
    for name in (".proj/runs/x", ".git/HEAD", "project.lock", "d/project.lock", "d/.proj/x"):
        write(root / name, b"1")
    assert digest(root, ".") == tree(file("d/.proj/x", b"1"), file("d/project.lock", b"1"))


IGNORED = {
    "*.tmp": ["d/a", "d/keep/b", "d/sub/x.log"],
    "sub/": ["d/a", "d/keep/b", "d/x.tmp"],
    "/sub/": ["d/a", "d/keep/b", "d/sub/x.log", "d/x.tmp"],
    "/d/sub": ["d/a", "d/keep/b", "d/x.tmp"],
    "d/**/*.log": ["d/a", "d/keep/b", "d/x.tmp"],
    "*.tmp\n*.log\n!x.log\n": ["d/a", "d/keep/b", "d/sub/x.log"],
    "# nothing\n\n": ["d/a", "d/keep/b", "d/sub/x.log", "d/x.tmp"],
}


@pytest.mark.parametrize("patterns", IGNORED)
def test_what_projignore_names_is_no_part_of_a_dep_but_of_an_output(root: Path, patterns: str) -> None:
    names = ["d/a", "d/keep/b", "d/sub/x.log", "d/x.tmp"]
    for name in names:
        write(root / name, b"1")
    write(root / ".projignore", patterns)
    left = [file(name.removeprefix("d/"), b"1") for name in IGNORED[patterns]]
    emptied = [b"d - sub"] if patterns == "d/**/*.log" else []  # a directory in which nothing is left is empty
    assert digest(root, "d", "dep") == tree(*left[:2], *emptied, *left[2:])
    assert digest(root, "d", "output") == tree(*(file(name.removeprefix("d/"), b"1") for name in names))


# -- globs ------------------------------------------------------------------------------------------------------------


def test_a_glob_stands_for_its_matches_in_the_order_of_their_names(root: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt", ".hidden.csv"):
        write(root / "d" / name, name)
    write(root / "d/e.csv/x", b"1")
    assert Digests(root).of_dep("d/*.csv") == [
        ("d/a.csv", md5(b"a.csv")),
        ("d/b.csv", md5(b"b.csv")),
        ("d/e.csv", tree(file("x", b"1"))),
    ]


def test_two_stars_match_at_any_depth(root: Path) -> None:
    for name in ("x.csv", "a/x.csv", "a/b/x.csv"):
        write(root / "d" / name)
    assert [path for path, _ in Digests(root).of_dep("d/**/x.csv")] == ["d/a/b/x.csv", "d/a/x.csv", "d/x.csv"]


def test_a_path_that_exists_is_meant_literally(root: Path) -> None:
    write(root / "d/[1]", b"literal")
    write(root / "d/1", b"match")
    assert Digests(root).of_dep("d/[1]") == [("d/[1]", md5(b"literal"))]
    (root / "d/[1]").unlink()
    assert Digests(root).of_dep("d/[1]") == [("d/1", md5(b"match"))]


@pytest.mark.parametrize("pattern", ["d/*.csv", "nowhere/*", "nowhere/**"])
def test_a_glob_without_a_match_is_a_missing_dep(root: Path, pattern: str) -> None:
    assert Digests(root).of_dep(pattern) == [(pattern, None)]


def test_a_match_whose_name_is_no_text_is_refused(root: Path) -> None:
    write(Path(os.fsdecode(os.fsencode(root / "d") + b"/\xff")), b"6")
    with pytest.raises(Unreadable, match="name is not text"):
        Digests(root).of_dep("d/*")


# -- memory, threads and size -----------------------------------------------------------------------------------------


def test_an_answer_holds_until_the_disk_may_have_changed(root: Path) -> None:
    write(root / "x", b"1")
    digests = Digests(root)
    assert digests.digest("x", "dep") == md5(b"1")
    write(root / "x", b"2")
    assert digests.digest("x", "dep") == md5(b"1")
    digests.forget()
    assert digests.digest("x", "dep") == md5(b"2")


def test_what_was_looked_at_while_the_disk_changed_is_not_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "x", b"1")
    digests = Digests(root)
    hashed, forgotten = threading.Event(), threading.Event()
    read = hashing.hash_file

    def slowly(path: bytes | str, algorithm: hashing.Algorithm, size: int) -> str:
        found = read(path, algorithm, size)
        hashed.set()
        assert forgotten.wait(10)
        return found

    monkeypatch.setattr(hashing, "hash_file", slowly)
    looking = threading.Thread(target=lambda: digests.digest("x", "dep"))
    looking.start()
    assert hashed.wait(10)
    write(root / "x", b"2")
    digests.forget()
    forgotten.set()
    looking.join(10)
    monkeypatch.setattr(hashing, "hash_file", read)
    assert digests.digest("x", "dep") == md5(b"2")


def test_large_files_are_hashed_in_threads_to_the_same_digest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(8):
        write(root / "d" / str(index), bytes([index]) * 100_000)
    expected = digest(root, "d")
    monkeypatch.setattr(hashing, "_THREADED", 1000)
    monkeypatch.setattr(hashing, "BLOCK", 4096)
    assert digest(root, "d") == expected == tree(*(file(str(i), bytes([i]) * 100_000) for i in range(8)))


# -- the stat cache ---------------------------------------------------------------------------------------------------

SETTLED = 30_000_000  # ns; 2 s in earnest: a test cannot wait so long


@pytest.fixture
def cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stat_cache, "_SETTLED", SETTLED)
    cache = root / ".proj/cache"
    cache.mkdir(parents=True)
    return cache


def coarse_clock(patch: pytest.MonkeyPatch, tick: int) -> None:
    """As on a file system whose clock ticks that rarely, so that much may happen within one tick."""
    now = StatCache.now

    def of(status: os.stat_result) -> FileStat:
        mtime, ctime = status.st_mtime_ns // tick * tick, status.st_ctime_ns // tick * tick
        return FileStat(status.st_size, mtime, ctime, status.st_ino)

    patch.setattr(FileStat, "of", of)
    for module in (hashing, walk):
        patch.setattr(module, "file_mark", lambda status: stat_cache._MARK.pack(b"f", *of(status)))
    patch.setattr(StatCache, "now", lambda self: now(self) // tick * tick)


def settle(cache: Path) -> None:
    """Wait until the file system's clock has gone on far enough for all that was written to be trusted."""
    begun, deadline = _tick(cache), time.monotonic() + 10
    while _tick(cache) <= begun + 2 * SETTLED:
        assert time.monotonic() < deadline, "the file system's clock stands still"
        time.sleep(0.002)


def _tick(cache: Path) -> int:
    (cache / "tick").write_bytes(b"")
    return (cache / "tick").stat().st_mtime_ns


@contextlib.contextmanager
def nothing_is_read() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "hash_file", lambda path, *rest: pytest.fail(f"{path!r} was read"))
        yield


def test_what_is_unchanged_is_not_read_again(root: Path, cache: Path) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"2")
    settle(cache)
    first = Digests(root, cache=cache)
    expected = [first.of(path, view) for path in ("x", "d") for view in VIEWS]
    first.save()
    with nothing_is_read():
        again = Digests(root, cache=cache)
        assert [again.of(path, view) for path in ("x", "d") for view in VIEWS] == expected


def test_in_a_directory_only_what_differs_is_read(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        write(root / "d" / name, name)
    settle(cache)
    first = Digests(root, cache=cache)
    first.of("d", "dep")
    first.save()
    write(root / "d/b", "B")
    read: list[bytes | str] = []
    hash_file = hashing.hash_file
    monkeypatch.setattr(hashing, "hash_file", lambda path, *rest: (read.append(path), hash_file(path, *rest))[1])
    assert Digests(root, cache=cache).digest("d", "dep") == digest(root, "d")
    assert [os.path.basename(path) for path in read[:1]] == [b"b"]


def test_a_file_that_was_just_written_is_read_again(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_clock(monkeypatch, 10**12)
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    first = Digests(root, cache=cache)
    assert [first.digest(path, "dep") for path in ("x", "d")] == [md5(b"1"), tree(file("a", b"1"))]
    first.save()
    for path in (root / "x", root / "d/a"):
        path.write_bytes(b"2")
    again = Digests(root, cache=cache)
    assert [again.digest(path, "dep") for path in ("x", "d")] == [md5(b"2"), tree(file("a", b"2"))]


def restored(root: Path, digests: Digests) -> int:
    """A file and a directory, as a pull puts them in place."""
    modified = digests.long_ago()
    assert modified is not None
    for path in ("x", "d/a", "d/sub/b"):
        os.utime(write(root / path, b"new"), ns=(modified, modified))
    (root / "d/link").symlink_to("a")
    new = md5(b"new")
    entries = [ManifestEntry(b"a", "f", new), ManifestEntry(b"sub/b", "f", new), ManifestEntry(b"link", "l", md5(b"a"))]
    (root / "d").rename(root / "new")
    digests.put({"d": (root / "new", entries)}, modified)
    if (root / "new").exists():
        (root / "new").rename(root / "d")
    digests.put({"x": (root / "x", [ManifestEntry(b"", "f", new)])}, modified)
    return modified


def test_what_was_restored_is_not_read(root: Path, cache: Path) -> None:
    digests = Digests(root, cache=cache)
    restored(root, digests)
    digests.save()
    expected = [Digests(root).of("x", "output"), Digests(root).of("d", "output")]
    with nothing_is_read():
        for asked in (digests, Digests(root, cache=cache)):
            assert [asked.of("x", "output"), asked.of("d", "output")] == expected


@pytest.mark.parametrize("path", ["x", "d/a"])
def test_what_is_written_right_after_it_was_restored_is_seen(root: Path, cache: Path, path: str) -> None:
    """Also under the time that it was restored with."""
    digests = Digests(root, cache=cache)
    modified = restored(root, digests)
    with open(root / path, "r+b") as file:
        file.write(b"old")
    os.utime(root / path, ns=(modified, modified))
    digests.forget()
    for output in ("x", "d"):
        assert digests.of(output, "output") == Digests(root).of(output, "output")


@pytest.mark.parametrize("change", ["a file more", "a file less", "written meanwhile", "another link", "all gone"])
def test_what_is_not_as_it_was_made_is_read(
    root: Path, cache: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = Digests(root, cache=cache)

    def meanwhile(self: StatCache, then: int) -> bool:
        new = root / "new"
        if not new.exists():
            pass
        elif change == "a file more":
            write(new / "c", b"1")
        elif change == "a file less":
            (new / "a").unlink()
        elif change == "another link":
            (new / "link").unlink()
            (new / "link").symlink_to("sub")
        elif change == "all gone":
            shutil.rmtree(new)
        else:
            write(new / "a", b"other")
        return True

    monkeypatch.setattr(StatCache, "has_ticked_since", meanwhile)
    restored(root, digests)
    assert digests.of("d", "output") == Digests(root).of("d", "output")


def test_where_the_clock_of_the_file_system_hardly_goes_on_what_was_restored_is_read(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = Digests(root, cache=cache)
    coarse_clock(monkeypatch, 10**12)
    restored(root, digests)
    write(root / "x", b"old")
    assert digests.digest("x", "output") == md5(b"old")


def test_without_a_place_for_it_nothing_is_trusted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stat_cache, "_SETTLED", -(10**18))
    write(root / "x", b"1")
    digests = Digests(root)
    digests.digest("x", "dep")
    digests.save()
    assert not (root / ".proj").exists()


def test_the_cache_of_one_algorithm_is_none_for_another(root: Path, cache: Path) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    settle(cache)
    for algorithm in ("md5", "blake3", "md5"):
        digests = Digests(root, algorithm, cache=cache)  # type: ignore[arg-type]
        uncached = Digests(root, algorithm)  # type: ignore[arg-type]
        assert [digests.of(path, "dep") for path in ("x", "d")] == [uncached.of(path, "dep") for path in ("x", "d")]
        digests.save()


DAMAGES = {
    "empty": b"",
    "cut": b"{",
    "another shape": b"[]",
    "short rows": b'{"format": [1, "md5"], "files": {"x": [1]}}',
    "zeros": b"PRJ1" + b"\0" * 80,
}


def test_a_file_from_the_year_2300_has_a_digest(root: Path, cache: Path) -> None:
    write(root / "d/a", b"1")
    os.utime(root / "d/a", (10_413_792_000, 10_413_792_000))
    for _ in range(2):
        digests = Digests(root, cache=cache)
        assert digests.digest("d", "output") == tree(file("a", b"1"))
        digests.save()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_cache_is_thrown_away(root: Path, cache: Path, damage: str) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    settle(cache)
    digests = Digests(root, cache=cache)
    expected = [digests.of(path, view) for path in ("x", "d") for view in VIEWS]
    digests.save()
    for kept in cache.iterdir():
        kept.write_bytes(DAMAGES[damage])
    again = Digests(root, cache=cache)
    assert [again.of(path, view) for path in ("x", "d") for view in VIEWS] == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_cached_listing_of_a_directory_with_any_bit_flipped_is_thrown_away(
    root: Path, cache: Path, data: st.DataObject
) -> None:
    write(root / "d/a", b"1")
    if not list(cache.glob("tree-*")):
        settle(cache)
        digests = Digests(root, cache=cache)
        digests.of("d", "dep")
        digests.save()
    (kept,) = cache.glob("tree-*")
    whole = kept.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kept.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :])
    try:
        assert Digests(root, cache=cache).digest("d", "dep") == tree(file("a", b"1"))
    finally:
        kept.write_bytes(whole)


def test_what_changed_in_a_directory_is_told_from_what_was_kept(root: Path, cache: Path) -> None:
    write(root / "d/a", b"1")
    write(root / "d/b", b"2")
    first = Digests(root, cache=cache)
    then = first.digest("d", "dep")
    assert then is not None
    first.keep_manifest("d", "dep", then)
    write(root / "d/a", b"3")
    (root / "d/b").rename(root / "d/c")
    later = Digests(root, cache=cache)
    now = later.digest("d", "dep")
    assert now is not None
    assert later.difference(then, now) == "changed a, b renamed to c"
    assert later.difference("0" * 32 + ".dir", now) is None


# -- whatever happens to the files ------------------------------------------------------------------------------------

FILES = ("a", "b", "sub/c")
CONTENTS = (b"aa", b"bb", b"", b"ccc")
Edit = Callable[[Path], object]


def rewrite(path: str, content: bytes) -> Edit:
    return lambda d: write(d / path, content)


def rewrite_unseen(path: str, content: bytes) -> Edit:
    """New bytes, the time of the old ones."""

    def edit(d: Path) -> None:
        before = (d / path).stat().st_mtime_ns
        (d / path).write_bytes(content)
        os.utime(d / path, ns=(before, before))

    return edit


def replace_unseen(path: str, content: bytes) -> Edit:
    """Another file with other bytes and the time of the old one, put in its place."""

    def edit(d: Path) -> None:
        before = (d / path).stat().st_mtime_ns
        new = write(d.parent / "new", content)
        os.utime(new, ns=(before, before))
        os.replace(new, d / path)

    return edit


def set_clock(path: str, seconds: int) -> Edit:
    """As if the file were written while the clock was wrong."""
    return lambda d: os.utime(d / path, (time.time() + seconds,) * 2)


def swap(one: str, other: str) -> Edit:
    return lambda d: (
        (d / one).rename(d.parent / "swapped"),
        (d / other).rename(d / one),
        (d.parent / "swapped").rename(d / other),
    )


def rename(one: str, other: str) -> Edit:
    return lambda d: (d / one).rename(d / other)


def relink(path: str, target: str) -> Edit:
    return lambda d: ((d / path).unlink(missing_ok=True), (d / path).symlink_to(target))


def drop(path: str) -> Edit:
    return lambda d: (d / path).unlink()


def make_directory(path: str) -> Edit:
    return lambda d: (d / path).mkdir()


class Restore(NamedTuple):
    """A pull: everything replaced at once by what is known already."""

    content: bytes

    def __call__(self, d: Path, cached: Digests) -> None:
        modified = cached.long_ago()
        assert modified is not None
        new = d.parent / "restored"
        shutil.rmtree(new, ignore_errors=True)
        for path in FILES:
            write(new / path, self.content)
            os.utime(new / path, ns=(modified, modified))
        shutil.rmtree(d)
        cached.put({"d": (new, [ManifestEntry(path.encode(), "f", md5(self.content)) for path in FILES])}, modified)
        new.rename(d)


paths = st.sampled_from(FILES)
contents = st.sampled_from(CONTENTS)
edits = st.one_of(
    st.builds(rewrite, paths, contents),
    st.builds(rewrite_unseen, paths, contents),
    st.builds(replace_unseen, paths, contents),
    st.builds(set_clock, paths, st.sampled_from([-1_000_000, -1, 0, 1_000_000])),
    st.builds(swap, paths, paths),
    st.builds(rename, paths, paths),
    st.builds(relink, paths, st.sampled_from(["a", "sub", "nowhere", "../d", "../outside"])),
    st.builds(drop, paths),
    st.builds(make_directory, st.sampled_from(["new", "sub/new"])),
    st.builds(Restore, contents),
)
waits = st.sampled_from(["now", "now", "settled"])
sessions = st.sampled_from(["same process", "next process"])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.lists(edits, max_size=3), waits, sessions), min_size=2, max_size=5))
def test_the_cache_never_shows_in_an_answer(course: Sequence[tuple[list[Edit], str, str]]) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stat_cache, "_SETTLED", SETTLED)
        coarse_clock(patch, SETTLED)
        root = Path(place, "project")
        cache = root / ".proj/cache"
        cache.mkdir(parents=True)
        for name in FILES:
            write(root / "d" / name, CONTENTS[0])
        write(root / "outside/x", b"x")
        cached = Digests(root, cache=cache)
        for steps, wait, session in course:
            for edit in steps:
                with contextlib.suppress(OSError):  # what it is about is gone
                    edit(root / "d", cached) if isinstance(edit, Restore) else edit(root / "d")
            if wait == "settled":
                settle(cache)
            if session == "next process":
                cached.save()
                cached = Digests(root, cache=cache)
            cached.forget()
            fresh = Digests(root)
            for path in ("d", "d/a", "d/sub"):
                for view in VIEWS:
                    assert answer(cached, path, view) == answer(fresh, path, view)


def answer(digests: Digests, path: str, view: View) -> Digested | str | None:
    try:
        return digests.of(path, view)
    except Unreadable as error:
        return error.message
