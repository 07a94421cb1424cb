"""Digests of files and directories, in both views."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from weaselish.cancel import Cancel
from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.files.hashing import Hasher
from weaselish.files.reading import Advance, ignore
from weaselish.files.walk import View

from .samples import VIEWS, digest, file, md5, tree, write

# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_the_digest_of_a_file_is_that_of_its_bytes(root: Path, view: View) -> None:
    write(root / "x", b"abc")
    assert Digests(root).of("x", view) == Digested(md5(b"abc"), 3, 1)
    assert Digests(root, "blake3").of("x", view) == Digested(blake3(b"abc").hexdigest(), 3, 1)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("path", ["nowhere", "x/inside-a-file", "dangling"])
def test_a_path_that_does_not_exist_has_no_digest(root: Path, view: View, path: str) -> None:
    write(root / "x")
    (root / "dangling").symlink_to("nowhere")
    assert digest(root, path, view) is None


@pytest.mark.parametrize("view", VIEWS)
def test_a_path_that_is_a_link_has_the_digest_of_what_it_leads_to(root: Path, tmp_path: Path, view: View) -> None:
    write(tmp_path / "outside" / "x", b"abc")
    (root / "file").symlink_to(tmp_path / "outside" / "x")
    (root / "dir").symlink_to(tmp_path / "outside")
    assert digest(root, "file", view) == md5(b"abc")
    assert digest(root, "dir", view) == tree(file("x", b"abc"))


# -- directories ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_the_digest_of_a_directory_covers_names_and_bytes(root: Path, view: View) -> None:
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


def test_an_empty_directory_has_a_digest_of_its_own(root: Path) -> None:
    assert digest(root, "d") == tree() == md5(b"") + ".dir"


def test_bytes_links_and_manifest_use_the_same_algorithm(root: Path) -> None:
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
    "a deleted file": lambda d: (d / "sub/c").unlink(),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_in_a_directory_changes_its_digest(root: Path, change: str, view: View) -> None:
    for name, content in (("a", b"12"), ("b", b"3"), ("sub/c", b"4"), ("sub/e", b"5")):
        write(root / "d" / name, content)
    (root / "d/l").symlink_to("b")
    before = digest(root, "d", view)
    CHANGES[change](root / "d")
    assert digest(root, "d", view) != before


@pytest.mark.parametrize("view", VIEWS)
def test_modes_and_times_do_not_change_a_digest(root: Path, view: View) -> None:
    write(root / "d/a", b"1")
    before = digest(root, "d", view)
    (root / "d/a").chmod(0o755)
    os.utime(root / "d/a", (0, 0))
    assert digest(root, "d", view) == before


# -- memory and threads -----------------------------------------------------------------------------------------------


def test_a_digest_stays_in_memory_until_it_is_forgotten(root: Path) -> None:
    write(root / "x", b"1")
    digests = Digests(root)
    assert digests.digest("x", "dep") == md5(b"1")
    write(root / "x", b"2")
    assert digests.digest("x", "dep") == md5(b"1")
    digests.forget()
    assert digests.digest("x", "dep") == md5(b"2")


def test_a_digest_that_was_read_before_a_change_is_not_kept_after_it(root: Path) -> None:
    hashed, forgotten = threading.Event(), threading.Event()

    class SlowHasher(Hasher):
        def file(self, path: bytes, size: int, advance: Advance = ignore) -> str:
            result = super().file(path, size, advance)
            hashed.set()
            assert forgotten.wait(10)
            return result

    write(root / "x", b"1")
    digests = Digests(root, hasher=SlowHasher("md5", Cancel()))
    reader = threading.Thread(target=lambda: digests.digest("x", "dep"))
    reader.start()
    assert hashed.wait(10)
    write(root / "x", b"2")
    digests.forget()
    forgotten.set()
    reader.join(10)
    assert digests.digest("x", "dep") == md5(b"2")


def test_threads_hash_large_files_to_the_same_digests(root: Path) -> None:
    class ThreadedHasher(Hasher):
        threaded_from = 1000

    for index in range(8):
        write(root / "d" / str(index), bytes([index]) * 100_000)
    threaded = Digests(root, hasher=ThreadedHasher("md5", Cancel())).digest("d", "dep")
    assert threaded == digest(root, "d") == tree(*(file(str(i), bytes([i]) * 100_000) for i in range(8)))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_files_of_any_size_are_hashed_to_their_end(root: Path, size: int) -> None:
    content = os.urandom(size)
    write(root / "x", content)
    assert digest(root, "x") == md5(content)
    assert Digests(root, "blake3").digest("x", "dep") == blake3(content).hexdigest()
