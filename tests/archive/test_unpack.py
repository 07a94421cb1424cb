"""Archives that must not be unpacked, or only with care. Round trips: test_archive.py."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.archive.gzip import BrokenArchive
from weaselish.archive.pack import Packing
from weaselish.archive.unpack import Limits, unpack
from weaselish.errors import NotInStore, ProjError, StoreError, UnsafePath
from weaselish.files.content import Digested
from weaselish.files.digests import Digests


def member(name: str, content: bytes | None = None, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A file if it has content, else a directory, unless `type` says otherwise."""
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.mode = 0o755 if content is None else 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content or b""


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, b"", type=kind, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as made:
        for info, content in members:
            made.addfile(info, io.BytesIO(content))
    return file.getvalue()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    return gzip.compress(tar(*members))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """A fresh directory, with a neighbour that must stay as it is."""
    (tmp_path / "neighbour").write_text("untouched")
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def below(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def do(data: bytes, into: Path, limits: Limits | None = None, *, folds_case: bool | None = None) -> Digested:
    return unpack([data], "out", into, algorithm="md5", limits=limits, folds_case=folds_case).digested()


def refused(data: bytes, into: Path, limits: Limits | None = None, *, folds_case: bool | None = None) -> ProjError:
    """The error that an archive gives, after which nothing is left and nothing outside has changed."""
    with pytest.raises(ProjError) as caught:
        do(data, into, limits, folds_case=folds_case)
    assert below(into.parent) == ["into", "neighbour"]
    assert (into.parent / "neighbour").read_text() == "untouched"
    return caught.value


HOSTILE = {
    "an absolute name": [member("/out/x", b"")],
    "an absolute name elsewhere": [member("/etc/x", b"")],
    "a name that climbs": [member("../neighbour", b"")],
    "a name that climbs within": [member("out"), member("out/../neighbour", b"")],
    "a name that climbs and comes back": [member("out"), member("out/d/../../out/x", b"")],
    "a neighbour": [member("neighbour", b"")],
    "a neighbour with the same beginning": [member("out2", b"")],
    "the directory around it": [member("."), member("out", b"")],
    "a nul": [member("out"), member("out/a\0b", b"", pax_headers={"path": "out/a\0b"})],
    "a device": [member("out"), member("out/x", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "a block device": [member("out", b"", type=tarfile.BLKTYPE)],
    "a pipe": [member("out"), member("out/x", b"", type=tarfile.FIFOTYPE)],
    "an unknown type": [member("out"), member("out/x", b"", type=b"Q")],
    "a hard link out": [member("out"), link("out/x", "neighbour", tarfile.LNKTYPE)],
    "a hard link to an absolute name": [member("out"), link("out/x", "/etc/passwd", tarfile.LNKTYPE)],
    "a hard link that climbs": [member("out"), link("out/x", "out/../neighbour", tarfile.LNKTYPE)],
    "a hard link to nothing": [member("out"), link("out/x", "out/y", tarfile.LNKTYPE)],
    "a hard link to what comes later": [member("out"), link("out/x", "out/y", tarfile.LNKTYPE), member("out/y", b"")],
    "a hard link to a link": [member("out"), link("out/a", "b"), link("out/x", "out/a", tarfile.LNKTYPE)],
    "a hard link to a directory": [member("out"), link("out/x", "out", tarfile.LNKTYPE)],
    "a link out": [member("out"), link("out/x", "../neighbour")],
    "a link to an absolute name": [member("out"), link("out/x", "/etc/passwd")],
    "a link out by way of another": [member("out/d"), link("out/d/up", ".."), link("out/x", "d/up/../neighbour")],
    "a link to nothing at all": [member("out"), link("out/x", "")],
    "an output that is a link": [link("out", "neighbour")],
    "a file through a link": [member("out"), link("out/d", "e"), member("out/d/x", b"")],
    "a file through a link far above": [member("out"), link("out/d", "e"), member("out/d/x/y/z", b"")],
    "a directory through a link": [member("out"), link("out/d", "e"), member("out/d/x")],
    "a file through a file": [member("out"), member("out/d", b""), member("out/d/x", b"")],
    "a link in the place of a directory": [member("out/d/x", b""), link("out/d", "e")],
    "a file in the place of a link": [member("out"), link("out/x", "y"), member("out/x", b"")],
    "the same file twice": [member("out"), member("out/x", b"1"), member("out/x", b"2")],
    "the same file, spelt otherwise": [member("out"), member("out/x", b"1"), member("./out//x", b"2")],
    "the same directory twice": [member("out"), member("out")],
    "a directory in the place of a file": [member("out"), member("out/x", b""), member("out/x")],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_nothing_is_written(case: str, into: Path) -> None:
    error = refused(archive(*HOSTILE[case]), into)
    assert isinstance(error, UnsafePath)
    assert "`out`" in error.message or "`out/" in error.message


def test_a_refusal_names_the_member(into: Path) -> None:
    def message(*members: tuple[tarfile.TarInfo, bytes]) -> str:
        return refused(archive(*members), into).message

    assert message(member("../x", b"")) == (
        "the archive of `out` holds `../x`, which is not part of it: nothing of it was kept"
    )
    assert message(member("out"), link("out/d", "e"), member("out/d/x", b"")) == (
        "the archive of `out` holds `out/d/x` below `out/d`, which is a link: nothing of it was kept"
    )
    assert message(link("out/l", "/etc")) == "the link `out/l` leads out of the output, to `/etc`"


def test_names_that_differ_only_in_case_are_refused_where_they_are_one_file(into: Path) -> None:
    for pair in ([member("out/Ab", b""), member("out/aB", b"")], [member("out/D/x", b""), member("out/d/y", b"")]):
        error = refused(archive(*pair), into, folds_case=True)
        assert "this disk does not distinguish upper and lower case" in error.message
        for info, _ in pair:
            assert f"`{info.name[:6].rstrip('/')}" in error.message
        do(archive(*pair), into, folds_case=False)
        subprocess.run(["rm", "-r", into / "out"], check=True)


def test_names_that_differ_only_in_their_unicode_form_are_refused_where_they_are_one_file(into: Path) -> None:
    pair = member("out/\u00e9", b""), member("out/e\u0301", b"")
    refused(archive(*pair), into, folds_case=True)
    do(archive(*pair), into, folds_case=False)


def test_setuid_setgid_and_sticky_bits_are_dropped_and_the_owner_may_always_read_and_write(into: Path) -> None:
    modes = {"out": 0o000, "out/suid": 0o6755, "out/closed": 0o000, "out/open": 0o666, "out/d": 0o1555}
    members = [member(name, None if name in ("out", "out/d") else b"x", mode=mode) for name, mode in modes.items()]
    do(archive(*members, member("out/d/x", b"")), into)
    found = {name: stat.S_IMODE((into / name).stat().st_mode) for name in modes}
    assert found == {"out": 0o700, "out/suid": 0o755, "out/closed": 0o600, "out/open": 0o666, "out/d": 0o755}


def test_directories_that_the_archive_leaves_out_are_created(into: Path) -> None:
    got = do(archive(member("out/a/b/x", b"1"), member("out/a", mode=0o750)), into)
    assert below(into) == ["out", "out/a", "out/a/b", "out/a/b/x"]
    assert stat.S_IMODE((into / "out/a").stat().st_mode) == 0o750
    assert got == Digests(into).of("out", "output")


def test_an_archive_of_weasel_is_unpacked(into: Path, tmp_path: Path) -> None:
    """As it does: `tarfile` in mode `w:gz`, the name as written, owners, times, repeated inodes as hard links."""
    with tempfile.TemporaryDirectory() as elsewhere:
        out = Path(elsewhere, "out")
        (out / "empty").mkdir(parents=True)
        (out / "first").write_bytes(b"weights" * 1000)
        os.link(out / "first", out / "second")
        os.symlink("first", out / "link")
        (out / ("ü" * 120)).write_bytes(b"")
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz") as made:
            made.add(out, arcname="./out")
        with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as made:
            assert any(info.islnk() for info in made)
        got = do(file.getvalue(), into)
        assert got == Digests(Path(elsewhere)).of("out", "output")
    assert (into / "out/second").read_bytes() == b"weights" * 1000
    (into / "out/second").write_bytes(b"")
    assert (into / "out/first").read_bytes() == b"weights" * 1000


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_common_form_of_tar_is_read(form: int, into: Path) -> None:
    long = "out/" + "d" * 90
    members = [member("out"), member(long), member(long + "/x", b"1"), link("out/l", "d" * 90)]
    do(gzip.compress(tar(*members, form=form)), into)
    assert (into / long / "x").read_bytes() == b"1"


def test_gnu_tar_archives_are_read(into: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        out = Path(elsewhere, "out")
        out.mkdir()
        (out / ("n" * 200)).write_bytes(b"x" * 100_000)
        made = subprocess.run(["tar", "czf", "-", "-C", elsewhere, "./out"], capture_output=True, check=True).stdout
        assert do(made, into) == Digests(Path(elsewhere)).of("out", "output")


SMALL = archive(member("out"), member("out/a", b"1" * 700), link("out/l", "a"), member("out/d"))


def test_an_archive_cut_off_anywhere_is_broken(into: Path) -> None:
    for end in range(len(SMALL)):
        assert isinstance(refused(SMALL[:end], into), BrokenArchive)


def test_a_tar_cut_off_anywhere_inside_an_intact_gzip_is_broken(into: Path) -> None:
    whole = gzip.decompress(SMALL)
    last = 512 * 6  # four headers, 700 bytes in two blocks
    for end in [*range(0, last, 100), 511, 512, 513, last - 1, last]:
        assert isinstance(refused(gzip.compress(whole[:end]), into), BrokenArchive), end


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"garbage" * 1000,
        gzip.compress(b""),
        gzip.compress(b"garbage" * 1000),
        gzip.compress(bytes(10240)),
        tar(member("out", b"")),
        SMALL[:-8] + b"\0\0\0\0" + SMALL[-4:],
        SMALL[:-4] + b"\0\0\0\0",
        SMALL + b"garbage",
        SMALL + SMALL,
        SMALL + gzip.compress(b"garbage"),
        gzip.compress(gzip.decompress(SMALL) + b"garbage"),
        gzip.compress(gzip.decompress(SMALL)[: 512 * 6] + b"garbage" * 512),
    ],
    ids=[
        "nothing",
        "garbage",
        "much garbage",
        "an empty gzip",
        "gzipped garbage",
        "an archive without members",
        "a tar that is not gzipped",
        "a wrong checksum",
        "a wrong length",
        "garbage after the end",
        "a second archive after the end",
        "gzipped garbage after the end",
        "garbage within, after the end",
        "garbage in the place of the end",
    ],
)
def test_a_broken_archive_is_a_store_error_that_names_the_output(data: bytes, into: Path) -> None:
    error = refused(data, into)
    assert isinstance(error, StoreError)
    assert error.message.startswith("the archive of `out` cannot be used: ")


def test_an_archive_with_any_byte_changed_is_refused_or_gives_the_same(into: Path) -> None:
    wanted = do(SMALL, into)
    subprocess.run(["rm", "-r", into / "out"], check=True)
    for place in range(len(SMALL)):
        for bits in (0x01, 0x80, 0xFF):
            changed = bytearray(SMALL)
            changed[place] ^= bits
            try:
                got = do(bytes(changed), into)
            except BrokenArchive:
                assert below(into) == []
            else:
                assert got == wanted
                subprocess.run(["rm", "-r", into / "out"], check=True)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_unpacked_inside_or_refused(data: st.DataObject) -> None:
    pax = member("out/" + "ü" * 90, b"2" * 600)
    whole = bytearray(tar(member("out"), member("out/a", b"1" * 30), pax, link("out/l", "a"), member("out/d")))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + 1] = data.draw(st.binary(min_size=1, max_size=3))
    start = data.draw(st.sampled_from(range(0, 4096, 512)))  # with a checksum that is right
    field = bytes(whole[start : start + 512])
    total = sum(field[:148]) + sum(field[156:]) + 8 * 32
    whole[start + 148 : start + 156] = b"%06o\0 " % total
    with tempfile.TemporaryDirectory() as directory:
        into = Path(directory, "into")
        into.mkdir()
        try:
            do(gzip.compress(bytes(whole), 1), into)
        except ProjError:
            assert below(into) == []
        outside = [path for path in below(into.parent) if path != "into/out" and not path.startswith("into/out/")]
        assert outside == ["into"]


def test_a_header_of_a_header_of_a_header_is_broken(into: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type = tarfile.XHDTYPE
    data = gzip.compress(header.tobuf() * 5000 + tar(member("out", b"")))
    assert isinstance(refused(data, into), BrokenArchive)


@pytest.mark.parametrize("records", [{"GNU.sparse.map": "x,y"}, {"x": "y" * 40_000}, {"size": "many"}])
def test_a_header_that_makes_no_sense_is_broken(records: dict[str, str], into: Path) -> None:
    info, _ = member("out", b"", pax_headers=records)
    whole = tar((info, b""), member("out/x", b"12345"))
    assert isinstance(refused(gzip.compress(whole), into), ProjError)


def test_a_header_that_claims_to_be_huge_is_not_read_into_memory(into: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, 1 << 40
        error = refused(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(100_000)), into)
        assert "a header of 1099511627776 bytes" in error.message


@pytest.mark.parametrize("size", ["-1", "-512", "-1024", "-99999999999"])
def test_a_negative_size_is_broken(size: str, into: Path) -> None:
    info, _ = member("out/x", b"", pax_headers={"size": size})
    assert isinstance(refused(gzip.compress(tar((info, b""), member("out/y", b""))), into), BrokenArchive)


def test_a_sparse_file_of_gnu_tar_is_refused(into: Path) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        with open(Path(elsewhere, "out"), "wb") as file:
            file.truncate(1 << 20)
        made = subprocess.run(["tar", "cSzf", "-", "-C", elsewhere, "out"], capture_output=True, check=True).stdout
    assert "a file in an unknown form" in refused(made, into).message


def bomb(size: int) -> bytes:
    return gzip.compress(tar(member("out", bytes(size))))


def test_more_bytes_than_the_record_names_are_refused(into: Path) -> None:
    data = archive(member("out"), member("out/a", b"1" * 60), member("out/b", b"2" * 41))
    error = refused(data, into, Limits(size=100))
    assert error.message == (
        "the archive of `out` cannot be used: it has more than the 100 bytes that its record names"
    )
    do(data, into, Limits(size=101))


def test_more_files_than_the_record_names_are_refused(into: Path) -> None:
    data = archive(member("out"), *(member(f"out/{number}", b"") for number in range(4)))
    assert "more than the 3 files" in refused(data, into, Limits(files=3)).message
    do(data, into, Limits(files=4))


def test_members_out_of_proportion_to_the_record_are_refused(into: Path) -> None:
    data = archive(member("out"), *(member(f"out/{number}") for number in range(30)))
    assert "more than 26 members" in refused(data, into, Limits(files=1, others=10)).message
    do(data, into, Limits(files=1, others=20))


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(into: Path) -> None:
    limits = Limits(floor=1_000_000)
    assert "unpacks to more than 200 times its size" in refused(bomb(1_500_000), into, limits).message
    do(bomb(900_000), into, limits)


def test_an_archive_may_unpack_to_whatever_size_its_record_names(into: Path) -> None:
    do(bomb(1_500_000), into, Limits(floor=1_000_000, size=1_500_000))


def test_hard_links_count_against_the_limits(into: Path) -> None:
    copies = (link(f"out/{number}", "out/a", tarfile.LNKTYPE) for number in range(100))
    data = archive(member("out"), member("out/a", bytes(100_000)), *copies)
    assert "more than 200 times its size" in refused(data, into, Limits(floor=1_000_000)).message


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_chunks_may_have_any_size(size: int, into: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(os.urandom(20_000))
    data = b"".join(Packing(tmp_path, "out", algorithm="md5"))
    chunks = [b"", *(data[start : start + size] for start in range(0, len(data), size)), b""]
    got = unpack(chunks, "out", into, algorithm="md5").digested()
    assert got.digest == hashlib.md5((tmp_path / "out").read_bytes()).hexdigest()


@pytest.mark.parametrize("has_fadvise", [True, False])
def test_a_file_that_is_flushed_while_it_is_written_is_intact(
    has_fadvise: bool, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the kernel lacks the call that begins the flush."""
    if not has_fadvise:
        monkeypatch.delattr(os, "posix_fadvise")
    content = b"x" * 70_000_001
    (tmp_path / "out").write_bytes(content)
    got = unpack(Packing(tmp_path, "out", algorithm="md5"), "out", into, algorithm="md5").digested()
    assert got.digest == hashlib.md5(content).hexdigest()
    assert (into / "out").read_bytes() == content


def test_an_error_of_the_store_passes_through_and_leaves_nothing(into: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield SMALL[:200]
        raise NotInStore("gone meanwhile")

    with pytest.raises(NotInStore, match="gone meanwhile"):
        unpack(chunks(), "out", into, algorithm="md5")
    assert below(into) == []


def test_an_interrupt_leaves_nothing(into: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield SMALL[:-20]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(chunks(), "out", into, algorithm="md5")
    assert below(into) == []


def test_a_name_that_the_disk_refuses_is_an_error(into: Path) -> None:
    assert "File name too long" in refused(archive(member("out/" + "n" * 300, b"")), into).message


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_is_an_error_that_leaves_nothing(into: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", into], capture_output=True).returncode:
        pytest.skip("cannot mount here")
    try:
        data = archive(member("out"), member("out/a", b"1"), member("out/b", os.urandom(2_000_000)))
        with pytest.raises(ProjError, match="cannot unpack `out`: No space left on device"):
            do(data, into)
        assert below(into) == []
    finally:
        subprocess.run(["umount", into], check=True)
