"""Paths as text: normalised, compared, and globs before anything is on disk."""

from __future__ import annotations

import glob
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.model.paths import PathIndex, ancestors, dep_base, inside, leaves_project, may_match, normalise, overlap

NORMAL = {
    "a": "a",
    "./a": "a",
    "a/": "a",
    "a//b/": "a/b",
    "a/./b": "a/b",
    "a/../b": "b",
    "./": ".",
    ".": ".",
    "..": "..",
    "a/../../b": "../b",
    "/a/": "/a",
    "data/*.csv": "data/*.csv",
    "ä b/ü": "ä b/ü",
}


@pytest.mark.parametrize("written", NORMAL)
def test_a_path_has_one_normal_form(written: str) -> None:
    assert normalise(written) == NORMAL[written]


names = st.sampled_from(["a", "b", "aa", "a.b", "..", ".", ""])
written_paths = st.lists(names, min_size=1, max_size=5).map("/".join).filter(bool)
paths = st.lists(st.sampled_from(["a", "b", "ab", "a-b"]), min_size=1, max_size=4).map("/".join)


@given(written_paths)
def test_normalising_twice_is_normalising_once(path: str) -> None:
    once = normalise(path)
    assert normalise(once) == once
    assert leaves_project(once) == (os.path.isabs(once) or ".." in once.split("/"))


@given(paths, paths)
def test_paths_overlap_if_one_is_the_other_or_lies_in_it(one: str, other: str) -> None:
    a, b = Path(one), Path(other)
    assert inside(one, other) == (a == b or b in a.parents)
    assert overlap(one, other) == (inside(one, other) or inside(other, one)) == overlap(other, one)
    assert ancestors(one) == [str(parent) for parent in reversed(a.parents)]
    assert inside(one, ".")


@given(st.lists(paths | st.just("."), max_size=6), paths | st.just("."))
def test_an_index_finds_what_overlaps(known: list[str], path: str) -> None:
    index = PathIndex(known)
    found = [other for other in known if overlap(path, other)]
    assert sorted(index.overlapping(path)) == sorted(set(found))


BASES = {
    "data": "data",
    "data/*.csv": "data",
    "data/**/x.csv": "data",
    "*.csv": ".",
    "**": ".",
    "a/b[12]/c": "a",
    "a/b/c?.txt": "a/b",
}


@pytest.mark.parametrize("dep", BASES)
def test_a_glob_stands_where_all_of_its_matches_lie(dep: str) -> None:
    assert dep_base(dep) == BASES[dep]


MAY_MATCH = [
    ("data/*.csv", "data/a.csv", True),
    ("data/*.csv", "data/a.txt", False),
    ("data/*.csv", "other/a.csv", False),
    ("data/*.csv", "data", True),  # the match may lie in it
    ("data/*.csv", "data/a.csv/part", True),  # it lies in what may match
    ("data/**/x", "data/a/b/x", True),
    ("*/x", "a/x", True),
    ("*/x", "a/y", False),
    ("a[12]", "a1", True),
    ("a[12]", "a3", False),
    ("a[12]", "a[12]", True),  # an existing path is literal
    ("data/[x]/*.csv", "data/[x]/a.csv", True),
]


@pytest.mark.parametrize(("pattern", "path", "may"), MAY_MATCH)
def test_an_output_may_hold_a_match_or_not(pattern: str, path: str, may: bool) -> None:
    assert may_match(pattern, path) is may


segments = st.sampled_from(["a", "b", "ab", "a*", "*", "?", "[ab]", "**", "[!a]*"])


@given(st.lists(segments, min_size=1, max_size=4).map("/".join), paths, st.booleans())
def test_an_output_that_holds_a_match_on_disk_may_match(pattern: str, output: str, is_directory: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        file = Path(root, output, "a") if is_directory else Path(root, output)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        found = glob.glob(pattern, root_dir=root, recursive=True)
        if any(os.path.lexists(Path(root, match)) for match in found):
            assert may_match(pattern, output)
