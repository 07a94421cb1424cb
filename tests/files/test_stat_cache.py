"""The stat cache: it saves reading, and never shows in a result."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaselish.cancel import Cancel
from weaselish.files.clock import DiskClock
from weaselish.files.digests import Digests
from weaselish.files.hashing import Hasher
from weaselish.files.reading import Advance, ignore
from weaselish.plan.digests import ManifestEntry

from .samples import VIEWS, CoarseClock, FastClock, digest, file, md5, settle, tree, write

# -- the stat cache ---------------------------------------------------------------------------------------------------


class SpyingHasher(Hasher):
    """Notes the files that it reads."""

    def __init__(self) -> None:
        super().__init__("md5", Cancel())
        self.read: list[bytes] = []

    def file(self, path: bytes, size: int, advance: Advance = ignore) -> str:
        self.read.append(os.path.basename(path))
        return super().file(path, size, advance)


def cached(root: Path, cache: Path, hasher: Hasher | None = None) -> Digests:
    return Digests(root, cache=cache, clock=FastClock(cache), hasher=hasher)


def test_an_unchanged_path_is_not_read_again(root: Path, cache: Path) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"2")
    settle(cache)
    first = cached(root, cache)
    expected = [first.of(path, view) for path in ("x", "d") for view in VIEWS]
    first.save()
    spy = SpyingHasher()
    again = cached(root, cache, spy)
    assert [again.of(path, view) for path in ("x", "d") for view in VIEWS] == expected
    assert spy.read == []


def test_two_algorithms_share_a_cache_without_replacing_each_others_digests(root: Path, cache: Path) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"2")
    settle(cache)
    for digests in (cached(root, cache), Digests(root, "blake3", cache=cache, clock=FastClock(cache))):
        digests.of("x", "dep")
        digests.of("d", "dep")
        digests.save()
    spy = SpyingHasher()
    again = cached(root, cache, spy)
    assert [again.digest(path, "dep") for path in ("x", "d")] == [md5(b"1"), tree(file("a", b"2"))]
    assert spy.read == []


def test_only_the_changed_files_of_a_directory_are_read(root: Path, cache: Path) -> None:
    for name in "abc":
        write(root / "d" / name, name)
    settle(cache)
    first = cached(root, cache)
    first.of("d", "dep")
    first.save()
    write(root / "d/b", "B")
    spy = SpyingHasher()
    assert cached(root, cache, spy).digest("d", "dep") == digest(root, "d")
    assert spy.read == [b"b"]


def test_a_file_that_was_just_written_is_read_again(root: Path, cache: Path, coarse_stats: int) -> None:
    clock = CoarseClock(cache, coarse_stats)
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    first = Digests(root, cache=cache, clock=clock)
    assert [first.digest(path, "dep") for path in ("x", "d")] == [md5(b"1"), tree(file("a", b"1"))]
    first.save()
    for path in (root / "x", root / "d/a"):
        path.write_bytes(b"2")
    again = Digests(root, cache=cache, clock=clock)
    assert [again.digest(path, "dep") for path in ("x", "d")] == [md5(b"2"), tree(file("a", b"2"))]


def restored(root: Path, digests: Digests) -> int:
    """Restore a file and a directory as a pull does; return their mtime."""
    modified = digests.past_time()
    assert modified is not None
    for path in ("x", "d/a", "d/sub/b"):
        os.utime(write(root / path, b"new"), ns=(modified, modified))
    (root / "d/link").symlink_to("a")
    new = md5(b"new")
    entries = [ManifestEntry(b"a", "f", new), ManifestEntry(b"sub/b", "f", new), ManifestEntry(b"link", "l", md5(b"a"))]
    (root / "d").rename(root / "new")
    digests.put_restored({"d": (root / "new", entries)}, modified)
    if (root / "new").exists():
        (root / "new").rename(root / "d")
    digests.put_restored({"x": (root / "x", [ManifestEntry(b"", "f", new)])}, modified)
    return modified


def test_a_restored_output_is_not_read(root: Path, cache: Path) -> None:
    digests = cached(root, cache, SpyingHasher())
    restored(root, digests)
    digests.save()
    expected = [Digests(root).of("x", "output"), Digests(root).of("d", "output")]
    spy = SpyingHasher()
    for reader in (digests, cached(root, cache, spy)):
        assert [reader.of("x", "output"), reader.of("d", "output")] == expected
    assert spy.read == []


@pytest.mark.parametrize("path", ["x", "d/a"])
def test_a_write_right_after_a_restore_is_noticed(root: Path, cache: Path, path: str) -> None:
    """Even if the file gets the mtime that the restore gave it."""
    digests = cached(root, cache)
    modified = restored(root, digests)
    with open(root / path, "r+b") as file:
        file.write(b"old")
    os.utime(root / path, ns=(modified, modified))
    digests.forget()
    for output in ("x", "d"):
        assert digests.of(output, "output") == Digests(root).of(output, "output")


class BusyClock(FastClock):
    """A clock during whose tick another process changes the new directory."""

    def __init__(self, cache: Path, new: Path, change: str) -> None:
        super().__init__(cache)
        self.new = new
        self.change = change

    def ticks_after(self, then: int) -> bool:
        if not self.new.exists():
            pass
        elif self.change == "a new file":
            write(self.new / "c", b"1")
        elif self.change == "a deleted file":
            (self.new / "a").unlink()
        elif self.change == "another link":
            (self.new / "link").unlink()
            (self.new / "link").symlink_to("sub")
        elif self.change == "a deleted directory":
            shutil.rmtree(self.new)
        else:
            write(self.new / "a", b"other")
        return True


@pytest.mark.parametrize(
    "change", ["a new file", "a deleted file", "other bytes", "another link", "a deleted directory"]
)
def test_an_output_that_changed_during_the_restore_is_read(root: Path, cache: Path, change: str) -> None:
    digests = Digests(root, cache=cache, clock=BusyClock(cache, root / "new", change))
    restored(root, digests)
    assert digests.of("d", "output") == Digests(root).of("d", "output")


def test_a_restored_output_is_read_if_the_clock_does_not_tick(root: Path, cache: Path, coarse_stats: int) -> None:
    digests = Digests(root, cache=cache, clock=CoarseClock(cache, coarse_stats))
    restored(root, digests)
    write(root / "x", b"old")
    assert digests.digest("x", "output") == md5(b"old")


def test_without_a_cache_directory_nothing_is_trusted_or_written(root: Path) -> None:
    clock = DiskClock(None)
    clock.settle_time = -(10**18)
    write(root / "x", b"1")
    digests = Digests(root, clock=clock)
    digests.digest("x", "dep")
    digests.save()
    assert not (root / ".proj").exists()


def test_algorithms_do_not_share_a_cache(root: Path, cache: Path) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    settle(cache)
    for algorithm in ("md5", "blake3", "md5"):
        digests = Digests(root, algorithm, cache=cache, clock=FastClock(cache))
        uncached = Digests(root, algorithm)
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
        digests = cached(root, cache)
        assert digests.digest("d", "output") == tree(file("a", b"1"))
        digests.save()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_cache_counts_as_empty(root: Path, cache: Path, damage: str) -> None:
    write(root / "x", b"1")
    write(root / "d/a", b"1")
    settle(cache)
    digests = cached(root, cache)
    expected = [digests.of(path, view) for path in ("x", "d") for view in VIEWS]
    digests.save()
    for kept in cache.iterdir():
        kept.write_bytes(DAMAGES[damage])
    again = cached(root, cache)
    assert [again.of(path, view) for path in ("x", "d") for view in VIEWS] == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_cached_directory_with_a_flipped_bit_counts_as_empty(root: Path, cache: Path, data: st.DataObject) -> None:
    write(root / "d/a", b"1")
    if not list(cache.glob("tree-*")):
        settle(cache)
        digests = cached(root, cache)
        digests.of("d", "dep")
        digests.save()
    (kept,) = cache.glob("tree-*")
    whole = kept.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kept.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :])
    try:
        assert cached(root, cache).digest("d", "dep") == tree(file("a", b"1"))
    finally:
        kept.write_bytes(whole)


def test_a_change_in_a_directory_is_described_from_its_manifest(root: Path, cache: Path) -> None:
    write(root / "d/a", b"1")
    write(root / "d/b", b"2")
    first = cached(root, cache)
    then = first.digest("d", "dep")
    assert then is not None
    first.keep_manifest("d", "dep", then)
    write(root / "d/a", b"3")
    (root / "d/b").rename(root / "d/c")
    later = cached(root, cache)
    now = later.digest("d", "dep")
    assert now is not None
    assert later.difference(then, now) == "changed a, b renamed to c"
    assert later.difference("0" * 32 + ".dir", now) is None
