"""Globs: the matches of Python's glob, but each directory is read once, and no loop of links is followed."""

from __future__ import annotations

import glob as python_glob
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled
from weaselish.files.digests import Digests
from weaselish.files.globs import GlobWalk
from weaselish.files.walk import Unreadable

from .samples import file, md5, tree, write


def matches(root: Path, glob: str) -> list[str]:
    found = list(GlobWalk(root, glob, Cancel()).matches())
    assert len(found) == len(set(found)), "each match once"
    return sorted(found)


# -- deps -------------------------------------------------------------------------------------------------------------


def test_a_glob_stands_for_its_matches_sorted_by_name(root: Path) -> None:
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


def test_a_path_that_exists_stands_for_itself(root: Path) -> None:
    write(root / "d/[1]", b"literal")
    write(root / "d/1", b"match")
    assert Digests(root).of_dep("d/[1]") == [("d/[1]", md5(b"literal"))]
    (root / "d/[1]").unlink()
    assert Digests(root).of_dep("d/[1]") == [("d/1", md5(b"match"))]


@pytest.mark.parametrize("pattern", ["d/*.csv", "nowhere/*", "nowhere/**"])
def test_a_glob_without_a_match_is_a_missing_dep(root: Path, pattern: str) -> None:
    assert Digests(root).of_dep(pattern) == [(pattern, None)]


@pytest.mark.parametrize("name", ["\u3000", "👩\u200d👧", "a\u00a0b", "tab\there", "e\u0301"])
def test_a_glob_matches_any_name_in_utf_8(root: Path, name: str) -> None:
    write(root / "d" / name, b"1")
    assert Digests(root).of_dep("d/*") == [(f"d/{name}", md5(b"1"))]


@pytest.mark.parametrize("name", [b"\xff", b"latin-\xe9", b"\xed\xa0\x80"])
def test_a_match_whose_name_is_not_utf_8_is_refused(root: Path, name: bytes) -> None:
    write(Path(os.fsdecode(os.fsencode(root / "d") + b"/" + name)), b"6")
    with pytest.raises(Unreadable, match="matches a name that is not UTF-8"):
        Digests(root).of_dep("d/*")


def test_matches_stay_in_memory_until_they_are_forgotten(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "d/a", b"1")
    digests = Digests(root)
    assert digests.matches("d/*") == ("d/a",)
    write(root / "d/b", b"1")
    assert digests.matches("d/*") == ("d/a",)
    digests.forget()
    assert digests.matches("d/*") == ("d/a", "d/b")


# -- links ------------------------------------------------------------------------------------------------------------


def test_links_to_directories_around_them_are_not_entered(root: Path) -> None:
    write(root / "d/a/b/x.csv")
    (root / "d/a/b/up").symlink_to("..")
    (root / "d/a/self").symlink_to("../a")
    (root / "d/top").symlink_to(root)
    assert matches(root, "d/**/*.csv") == ["d/a/b/x.csv"]
    assert matches(root, "d/*/*/*.csv") == ["d/a/b/x.csv"]
    assert matches(root, "d/**") == ["d", "d/a", "d/a/b", "d/a/b/up", "d/a/b/x.csv", "d/a/self", "d/top"]
    assert matches(root, "d/**/self/b/*.csv") == ["d/a/self/b/x.csv"], "a name without wildcards may be a link"


def test_a_link_to_another_directory_is_entered(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside/sub/x.csv")
    (root / "d/l").symlink_to(tmp_path / "outside")
    assert matches(root, "d/**/*.csv") == ["d/l/sub/x.csv"]


def test_each_directory_is_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "d/a/b/c/x.csv")
    scanned: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (scanned.append(path), scandir(path))[1])
    assert matches(root, "d/**/**/*/**/*.csv") == ["d/a/b/c/x.csv"]
    assert len(scanned) == len(set(scanned)) == 4


# -- limits -----------------------------------------------------------------------------------------------------------


def test_a_walk_ends_when_it_is_cancelled(root: Path) -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        list(GlobWalk(root, "d/**", cancel).matches())


def test_a_very_deep_directory_is_walked(root: Path) -> None:
    deep = "/".join(["d"] * 1500)
    subprocess.run(["mkdir", "-p", deep], cwd=root, check=True)
    try:
        assert matches(root, "d/**")[-1] == deep
    finally:
        subprocess.run(["rm", "-rf", "d"], cwd=root, check=True)  # Python's rmtree is recursive


# -- as Python's glob -------------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "ab", ".a", "[a]", "é", "a b", "A"])
part = st.sampled_from(
    ["*", "**", "?", "a", "b", "a*", "*b", "[ab]", "[!a]", ".*", ".a", "[[]a]", "é", "[", "**a", "?b"]
)
globs_of_parts = st.lists(part, min_size=1, max_size=4).map("/".join).filter(lambda text: any(c in text for c in "*?["))
kinds = st.sampled_from(["file", "directory", "link to file", "link to directory", "dangling link"])


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), kinds, max_size=10),
    globs_of_parts,
    st.sampled_from(["", "", "../top/", "{root}/"]),
)
def test_matches_are_those_of_python_where_no_link_leads_up(tree: dict[str, str], glob: str, prefix: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        place = os.path.realpath(place)
        root = Path(place, "top")
        root.mkdir()
        write(Path(place, "outside/x/b"))
        write(Path(place, "outside/.a"))
        for path, kind in tree.items():
            build(root / path, kind, Path(place, "outside"))
        pattern = prefix.format(root=root) + glob
        found = python_glob.glob(pattern, root_dir=root, recursive=True)
        expected = {os.path.normpath(match) for match in found if os.path.lexists(os.path.join(root, match))}
        assert matches(root, pattern) == sorted(expected)


def build(path: Path, kind: str, outside: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.realpath(path.parent) != str(path.parent):  # below a link, where a link could lead up
            return
        if kind == "file":
            path.touch()
        elif kind == "directory":
            path.mkdir()
        else:
            target = {"link to file": outside / ".a", "link to directory": outside, "dangling link": outside / "no"}
            path.symlink_to(target[kind])
    except OSError:  # an earlier path has this name
        pass
