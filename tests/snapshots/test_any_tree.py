"""Any tree of files, links, modes and empty directories comes back as it was."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weaselish import Project
from weaselish.api.snapshots import Snapshots
from weaselish.engine.snapshot.left_out import SECRETS
from weaselish.plan.snapshot_entries import (
    DirectoryEntry,
    Entry,
    FileEntry,
    LinkEntry,
    entries_bytes,
    read_entries,
)

names = st.one_of(
    st.sampled_from(
        [b"a", b"A", b"b", b"a-b", b"a.b", b"\xc3\xa9", b"e\xcc\x81", b"\xff\xfe", b"new\nline", b"x" * 200]
    ),
    st.binary(min_size=1, max_size=8).filter(lambda name: not set(name) & {0, ord("/")}),
).filter(lambda name: name not in (b".", b"..") and not name.startswith((b".", b"id_", b"cred")))
modes = st.sampled_from([0o644, 0o755, 0o600, 0o400, 0o640, 0o777])
files = st.tuples(st.just("file"), st.binary(max_size=50), modes)
links = st.tuples(
    st.just("link"), st.binary(min_size=1, max_size=20).filter(lambda target: 0 not in target), st.just(0)
)
empty = st.tuples(st.just("directory"), st.just(b""), st.sampled_from([0o755, 0o700, 0o777]))
trees = st.dictionaries(st.lists(names, min_size=1, max_size=3).map(tuple), st.one_of(files, links, empty), max_size=12)


def create(top: bytes, tree: dict[tuple[bytes, ...], tuple[str, bytes, int]]) -> None:
    """Create what does not collide with what is there already."""
    for parts, (kind, data, mode) in tree.items():
        path = os.path.join(top, *parts)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if kind == "link":
                os.symlink(data, path)
            elif kind == "directory":
                os.mkdir(path)
            else:
                with open(path, "xb") as file:
                    file.write(data)
            if kind != "link":
                os.chmod(path, mode)
        except (FileExistsError, NotADirectoryError, OSError):
            continue


def listed(top: bytes) -> dict[bytes, object]:
    found: dict[bytes, object] = {}
    for directory, folders, names in os.walk(top):
        if directory == top:
            folders[:] = [name for name in folders if name != b".proj"]
        for name in (*names, *(one for one in folders if os.path.islink(os.path.join(directory, one)))):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[path[len(top) :]] = os.readlink(path)
            else:
                found[path[len(top) :]] = (status.st_mode & 0o777, Path(os.fsdecode(path)).read_bytes())
        if directory != top and not folders and not names:
            found[directory[len(top) :]] = os.lstat(directory).st_mode & 0o777
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_any_tree_comes_back_equal(tree: dict[tuple[bytes, ...], tuple[str, bytes, int]]) -> None:
    assert SECRETS
    with tempfile.TemporaryDirectory() as place:
        iris = Path(place, "iris")
        iris.mkdir()
        (iris / "project.yml").write_text("commands: []\n")
        create(os.fsencode(iris), tree)
        before = listed(os.fsencode(iris))
        Project(iris).snapshots.push(f"{place}/remote", include_secrets=True)
        Snapshots(iris).pull(remote=f"{place}/remote", into=f"{place}/back")
        assert listed(os.fsencode(f"{place}/back")) == before
        again = Snapshots(iris).pull(remote=f"{place}/remote", into=f"{place}/back")
        assert again.written == ()


paths = st.lists(st.sampled_from(["a", "b", "A", "a-b", "c\udcff", "é"]), min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(FileEntry, paths, modes, st.integers(0, 1 << 40), st.binary(min_size=32, max_size=32).map(bytes.hex)),
    st.builds(LinkEntry, paths, st.sampled_from(["x", "/etc", "../..", "\udc80"])),
    st.builds(DirectoryEntry, paths, modes),
)


@given(st.lists(entries, max_size=6))
def test_entries_are_read_as_written_or_refused(found: list[Entry]) -> None:
    leaves = [entry.path for entry in found if not isinstance(entry, DirectoryEntry)]
    is_valid = len({entry.path for entry in found}) == len(found) and not any(
        entry.path.startswith(f"{leaf}/") for entry in found for leaf in leaves
    )
    try:
        read = read_entries(entries_bytes(found))
    except ValueError:
        assert not is_valid
    else:
        assert is_valid
        assert set(read) == set(found)
