"""Packing an output, and unpacking what was packed. Hostile archives: test_unpack.py."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.archive.gzip import zipped
from weaselish.archive.pack import Content, Packing
from weaselish.archive.unpack import unpack
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.plan.digests import Algorithm

Tree = dict[bytes, tuple[str, int, bytes]]  # path -> kind, mode, bytes or target


def packed(root: Path, output: str, algorithm: Algorithm = "md5") -> bytes:
    return b"".join(Packing(root, output, algorithm=algorithm))


def unpacked(data: bytes, output: str, into: Path) -> Digested:
    into.mkdir(exist_ok=True)
    return unpack([data], output, into, algorithm="md5").digested()


def snapshot(top: Path) -> Tree:
    """All that lies at `top` and below."""
    found: Tree = {}
    waiting = [os.fsencode(top)]
    while waiting:
        path = waiting.pop()
        status = os.lstat(path)
        name = path[len(os.fsencode(top)) :]
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            found[name] = ("d", mode, b"")
            waiting += (os.path.join(path, each) for each in os.listdir(path))
        elif stat.S_ISLNK(status.st_mode):
            found[name] = ("l", 0, os.readlink(path))
        else:
            with open(path, "rb") as file:
                found[name] = ("f", mode, file.read())
    return found


names = st.one_of(
    st.sampled_from(
        [b"a", b"b", b"A", b"a b", "ä ö".encode(), b"new\nline", b"\xff\xfe", b".hidden", b"a-", b"-rf", b"n" * 120]
    ),
    st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")),
).filter(lambda name: name not in (b".", b".."))
files = st.tuples(st.sampled_from([0o644, 0o755, 0o600, 0o666]), st.binary(max_size=2000))
links = st.sampled_from([b"a", b"./a", b"no/where", b".", b"\xff", b"x" * 150])
trees: st.SearchStrategy[object] = st.recursive(
    st.one_of(files, links, st.just({})),
    lambda below: st.dictionaries(names, below, max_size=5),
    max_leaves=15,
).filter(lambda tree: not isinstance(tree, bytes))


def build(path: bytes, tree: object) -> None:
    if isinstance(tree, dict):
        os.mkdir(path)
        for name, below in tree.items():
            build(os.path.join(path, name), below)
    elif isinstance(tree, bytes):
        os.symlink(tree, path)
    elif isinstance(tree, tuple):
        with open(path, "wb") as file:
            file.write(tree[1])
        os.chmod(path, tree[0])


@settings(max_examples=150, deadline=None)
@given(tree=trees, output=st.sampled_from(["out", "models/best model/", "./ä"]))
def test_unpacking_a_packed_output_gives_the_digest_of_the_disk(tree: object, output: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root, into = Path(directory, "root"), Path(directory, "into")
        place = root / output
        place.parent.mkdir(parents=True)
        build(os.fsencode(place), tree)
        packing = Packing(root, output, algorithm="md5")
        data = b"".join(packing)
        got = unpacked(data, output, into)
        assert snapshot(into / output) == snapshot(place)
        assert got == packing.packed == Digests(root).of(os.path.normpath(output), "output")
        assert data == packed(into, output)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with an output `out` of every kind of thing."""
    out = tmp_path / "root" / "out"
    (out / "b" / "empty").mkdir(parents=True)
    (out / "run.sh").write_bytes(b"#!/bin/sh\n")
    (out / "run.sh").chmod(0o755)
    (out / "b" / "data").write_bytes(b"12345")
    (out / "a.txt").write_bytes(b"")
    os.symlink("b/data", out / "link")
    os.symlink("../run.sh", out / "b" / "up")
    (out / ("long " * 40)).mkdir()
    (out / ("long " * 40) / "ünï").write_bytes(b"x")
    return tmp_path / "root"


def test_members_are_sorted_and_have_the_output_s_name_and_no_owner(tree: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(tree, "./out/"))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        "out",
        "out/a.txt",
        "out/b",
        "out/b/data",
        "out/b/empty",
        "out/b/up",
        "out/link",
        "out/" + "long " * 40,
        "out/" + "long " * 40 + "/ünï",
        "out/run.sh",
    ]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    assert members[-1].mode == 0o755


def test_the_same_content_gives_the_same_bytes(tree: Path) -> None:
    before = packed(tree, "out")
    os.utime(tree / "out" / "a.txt", (1, 1))
    assert packed(tree, "out") == before
    assert before[4:8] == bytes(4)  # the time in the gzip header
    assert before[3] == 0  # no file name


def test_the_tar_program_reads_an_archive(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    done = subprocess.run(["tar", "xzf", "-", "-C", tmp_path / "there"], input=packed(tree, "out"), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert snapshot(tmp_path / "there" / "out") == snapshot(tree / "out")


def test_zlib_and_gzip_read_an_archive(tree: Path) -> None:
    data = packed(tree, "out")
    assert len(gzip.decompress(data)) % tarfile.RECORDSIZE == 0
    assert zlib.decompress(data, wbits=31) == gzip.decompress(data)


def test_compressed_and_stored_blocks_may_alternate(tmp_path: Path) -> None:
    """A block that is compressed stands between blocks that are stored, at every alignment."""
    noise, text = Random(1).randbytes(5 << 19), b"the quick brown fox " * 40_000
    for lengths in [(0, 0), (1, 1), (65_535, 65_536), (len(noise), len(text))]:
        pieces = [noise[: lengths[0]], text[: lengths[1]], noise, text, noise[:7]] * 2
        packed = b"".join(zipped(pieces))
        assert gzip.decompress(packed) == b"".join(pieces)
        assert packed == b"".join(zipped(pieces))


def test_incompressible_files_hardly_grow(tmp_path: Path) -> None:
    content = os.urandom(5_000_003)
    (tmp_path / "big").write_bytes(content)
    data = packed(tmp_path, "big")
    assert len(data) < 1.002 * len(content)
    got = unpacked(data, "big", tmp_path / "into")
    assert (tmp_path / "into" / "big").read_bytes() == content
    assert got == Digests(tmp_path).of("big", "output")


def test_blake3_digests_are_those_of_the_disk(tree: Path, tmp_path: Path) -> None:
    packing = Packing(tree, "out", algorithm="blake3")
    (tmp_path / "into").mkdir()
    assert unpack(packing, "out", tmp_path / "into", algorithm="blake3").digested() == packing.packed
    assert packing.packed == Digests(tree, "blake3").of("out", "output")


def test_an_upload_can_be_retried(tree: Path) -> None:
    (tree / "out" / "big").write_bytes(os.urandom(5_000_000))
    packing = Packing(tree, "out", algorithm="md5")
    whole = b"".join(packing)
    first = packing.packed
    next(iter(packing))
    assert packing.packed is None
    assert b"".join(packing) == whole
    assert packing.packed == first


class Late(Executor):
    """Does nothing before its result is asked for."""

    def __init__(self) -> None:
        self.waiting: list[Future[object]] = []
        self.most = 0

    def submit(self, fn: Callable[..., object], /, *args: object, **named: object) -> Any:
        future: Any = Future()
        self.waiting.append(future)
        self.most = max(self.most, len(self.waiting))

        def result() -> object:
            assert self.waiting.pop(0) is future
            return fn(*args, **named)

        future.result = result
        return future


def test_a_file_is_digested_in_order_even_if_the_thread_is_late() -> None:
    blocks = [os.urandom(300_000) for _ in range(20)]
    helper = Late()
    content = Content("md5", helper)
    assert list(content.file(b"", 6_000_000, blocks)) == blocks
    assert content.digested() == Digested(hashlib.md5(b"".join(blocks)).hexdigest(), 6_000_000, 1)
    assert helper.most < 10
    assert not helper.waiting


def test_each_iteration_packs_the_current_content(tree: Path) -> None:
    packing = Packing(tree, "out", algorithm="md5")
    first = b"".join(packing), packing.packed
    (tree / "out" / "a.txt").write_bytes(b"more")
    assert b"".join(packing) != first[0]
    assert packing.packed == Digests(tree).of("out", "output") != first[1]


def test_an_output_that_is_a_link_is_packed_as_its_target(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"model")
    os.symlink("../elsewhere", tree / "best")
    os.symlink("out", tree / "again")
    unpacked(packed(tree, "best"), "best", tmp_path / "into")
    assert not (tmp_path / "into" / "best").is_symlink()
    assert (tmp_path / "into" / "best").read_bytes() == b"model"
    got = unpacked(packed(tree, "again"), "again", tmp_path / "into")
    assert snapshot(tmp_path / "into" / "again") == snapshot(tree / "out")
    assert got == Digests(tree).of("again", "output")


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", ".."),
        ("l", "../neighbour"),
        ("l", "../out/a.txt"),
        ("d/l", "../../x"),
        ("d/l", ".././../x"),
        ("l", "d/../../x"),
        ("l", "d/../a.txt"),
    ],
)
def test_a_link_that_leads_out_is_refused_by_name(tmp_path: Path, place: str, target: str) -> None:
    (tmp_path / "out" / "d").mkdir(parents=True)
    os.symlink(target, tmp_path / "out" / place)
    with pytest.raises(UnsafePath) as refused:
        packed(tmp_path, "out")
    assert refused.value.message == f"the link `out/{place}` leads out of the output, to `{target}`"


@pytest.mark.parametrize("target", ["missing", "d", ".", "d/..x", "out2", "l"])
def test_a_link_that_stays_inside_may_dangle_or_loop(tmp_path: Path, target: str) -> None:
    (tmp_path / "out" / "d").mkdir(parents=True)
    os.symlink(target, tmp_path / "out" / "l")
    unpacked(packed(tmp_path, "out"), "out", tmp_path / "into")
    assert os.readlink(tmp_path / "into" / "out" / "l") == target


def test_a_socket_or_a_pipe_cannot_be_archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "pipe")
    with pytest.raises(ProjError, match="cannot archive `out/pipe`: it is a socket, a pipe or a device"):
        packed(tmp_path, "out")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(ProjError, match="cannot archive `s`"):
            packed(tmp_path, "s")


def test_an_output_that_is_missing_or_outside_the_project_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjError, match="cannot archive `out`: No such file or directory"):
        packed(tmp_path, "out")
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(UnsafePath):
        packed(tmp_path, "loop")
    for output in ("../x", "/x", ".", "", "a/../.."):
        with pytest.raises(UnsafePath, match="is not a path inside the project"):
            Packing(tmp_path, output, algorithm="md5")


@pytest.mark.parametrize("size", [0, 10, 3_000_000, 7_000_000])
def test_a_file_that_changes_while_it_is_archived_is_an_error(tmp_path: Path, size: int) -> None:
    before = 5_000_000
    (tmp_path / "log").write_bytes(os.urandom(before))
    chunks = iter(Packing(tmp_path, "log", algorithm="md5"))
    next(chunks)
    os.truncate(tmp_path / "log", size)
    with pytest.raises(ProjError, match="cannot archive `log`: it changed while it was read"):
        list(chunks)


def test_a_file_rewritten_at_the_same_size_while_it_is_archived_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(os.urandom(5_000_000))
    chunks = iter(Packing(tmp_path, "log", algorithm="md5"))
    next(chunks)
    (tmp_path / "log").write_bytes(os.urandom(5_000_000))
    os.utime(tmp_path / "log", (1, 1))
    with pytest.raises(ProjError, match="it changed while it was read"):
        list(chunks)


def test_a_file_that_vanishes_while_its_directory_is_archived_is_an_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.listdir

    def listing(path: bytes) -> list[bytes]:
        return [*real(path), b"vanished"] if path.endswith(b"/out") else real(path)

    monkeypatch.setattr(os, "listdir", listing)
    with pytest.raises(ProjError, match="cannot archive `out/vanished`: No such file or directory"):
        packed(tree, "out")


def test_a_file_of_more_than_8_gib_gets_a_header_that_says_so(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(9 << 30)
    chunks = iter(Packing(tmp_path, "huge", algorithm="md5"))
    start = zlib.decompressobj(31).decompress(next(chunks), 4096)
    member = tarfile.TarFile(fileobj=io.BytesIO(start)).next()
    assert member is not None
    assert member.size == 9 << 30


def test_a_name_with_control_characters_is_escaped_in_messages(tmp_path: Path) -> None:
    os.symlink("/x", tmp_path / "out\x1b[2J\n", target_is_directory=False)
    (tmp_path / "d").mkdir()
    os.symlink("/\udcff\x07", tmp_path / "d" / "a\x1b[2J")
    with pytest.raises(UnsafePath) as refused:
        packed(tmp_path, "d")
    assert refused.value.message == r"the link `d/a\x1b[2J` leads out of the output, to `/\xff\x07`"


def test_an_abandoned_iteration_leaves_no_thread_behind(tmp_path: Path) -> None:
    import threading

    (tmp_path / "big").write_bytes(os.urandom(8_000_000))
    before = threading.active_count()
    for chunk in Packing(tmp_path, "big", algorithm="md5"):
        assert chunk
        break
    assert threading.active_count() == before


MEMORY = """
import resource, sys
from pathlib import Path
from weaselish.archive.pack import Packing
from weaselish.archive.unpack import unpack
root, into = Path(sys.argv[1]), Path(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unpack(Packing(root, "small", algorithm="md5"), "small", into, algorithm="md5")
before = peak()
unpack(Packing(root, "big", algorithm="md5"), "big", into, algorithm="md5")
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_output(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(os.urandom(1000))
    (tmp_path / "big").mkdir()
    for name in "abc":
        (tmp_path / "big" / name).write_bytes(os.urandom(1 << 20) * 60)
    (tmp_path / "into").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path, tmp_path / "into"], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 40_000  # KiB, of 180,000
