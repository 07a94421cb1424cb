"""Paths as text: normalised, compared, and matched by globs."""

from __future__ import annotations

import glob
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.model.paths import (
    PathIndex,
    ProjectRoot,
    ancestors,
    dep_base,
    holds_own_files,
    inside,
    is_executed_by_tools,
    is_outside,
    may_match,
    normalise,
    overlap,
)

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
    "//a": "/a",
    "data/*.csv": "data/*.csv",
    "ä b/ü": "ä b/ü",
}


@pytest.mark.parametrize("written", NORMAL)
def test_a_path_has_one_normal_form(written: str) -> None:
    assert normalise(written) == NORMAL[written]


IN_IRIS = {
    "/srv/iris/data/x": "data/x",
    "/srv/iris/../iris/data/": "data",
    "../iris/data/*.csv": "data/*.csv",
    "../../srv/iris/x": "x",
    "/srv/iris": ".",
    "../iris": ".",
    "/srv/iris2/x": "/srv/iris2/x",
    "../data": "../data",
    "/data": "/data",
    "data/x": "data/x",
    "..": "..",
}


@pytest.mark.parametrize("written", IN_IRIS)
def test_a_path_that_leads_back_into_the_project_is_relative(written: str) -> None:
    assert ProjectRoot("/srv/iris").normalise(written) == IN_IRIS[written]


def test_in_a_project_at_the_root_of_the_file_system_no_path_is_absolute() -> None:
    assert ProjectRoot("/").normalise("/data/x") == "data/x"


def test_a_path_outside_may_lead_into_the_project_through_links() -> None:
    root = ProjectRoot("/srv/iris", {"/home/ada/iris/x": "x", "/srv/link/y": "y"}.get)
    assert root.normalise("/home/ada/iris/x") == "x"
    assert root.normalise("../link/y") == "y"
    assert root.normalise("/home/ada/iris2/x") == "/home/ada/iris2/x"


PROTECTED = [
    ".git", ".git/hooks/post-checkout", "vendor/x/.git/config", ".GIT/hooks/x", ".hg/hgrc", ".jj/x", ".svn/x",
    ".proj", ".proj/runs", "sub/.proj/x", ".husky/pre-commit", ".githooks/x", ".envrc", "sub/.envrc",
    ".pre-commit-config.yaml", ".github/workflows/ci.yml", ".vscode/tasks.json",
    "project.yml", "project.lock", "Project.yml", "project.lock/x", ".", "../x/.git/hooks/y",
]  # fmt: skip


@pytest.mark.parametrize("path", PROTECTED)
def test_locations_that_tools_execute_and_own_files_are_protected(path: str) -> None:
    assert holds_own_files(path) or is_executed_by_tools(path)


@pytest.mark.parametrize("path", ["git/hooks", ".gitignore", "x.git/y", "sub/project.yml", "proj", ".github.md", ".."])
def test_similar_locations_are_not_protected(path: str) -> None:
    assert not holds_own_files(path) and not is_executed_by_tools(path)


names = st.sampled_from(["a", "b", "aa", "a.b", "..", ".", ""])
written_paths = st.lists(names, min_size=1, max_size=5).map("/".join).filter(bool)
paths = st.lists(st.sampled_from(["a", "b", "ab", "a-b"]), min_size=1, max_size=4).map("/".join)


@given(written_paths)
def test_normalising_twice_is_normalising_once(path: str) -> None:
    once = normalise(path)
    assert normalise(once) == once
    assert is_outside(once) == (os.path.isabs(once) or ".." in once.split("/"))


@given(paths, paths)
def test_paths_overlap_if_equal_or_one_contains_the_other(one: str, other: str) -> None:
    a, b = Path(one), Path(other)
    assert inside(one, other) == (a == b or b in a.parents)
    assert overlap(one, other) == (inside(one, other) or inside(other, one)) == overlap(other, one)
    assert ancestors(one) == [str(parent) for parent in reversed(a.parents)]
    assert inside(one, ".")


OUTSIDE = {
    "..": [],
    "../a": [".."],
    "../a/b": ["..", "../a"],
    "../../a/b": ["../..", "../../a"],
    "/": [],
    "/a": ["/"],
    "/a/b": ["/", "/a"],
}


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_outside_does_not_lie_in_the_project(path: str) -> None:
    assert ancestors(path) == OUTSIDE[path]
    assert not inside(path, ".")
    assert all(inside(path, directory) for directory in OUTSIDE[path])


outside_paths = st.tuples(st.sampled_from(["../", "../../", "/"]), paths).map("".join)
any_paths = paths | outside_paths | st.just(".")


@given(st.lists(any_paths, max_size=6), any_paths)
def test_an_index_finds_overlapping_paths(others: list[str], path: str) -> None:
    index = PathIndex(others)
    assert sorted(index.overlapping(path)) == sorted({other for other in others if overlap(path, other)})


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
def test_the_base_of_a_glob_contains_all_its_matches(dep: str) -> None:
    assert dep_base(dep) == BASES[dep]


MAY_MATCH = [
    ("data/*.csv", "data/a.csv", True),
    ("data/*.csv", "data/a.txt", False),
    ("data/*.csv", "other/a.csv", False),
    ("data/*.csv", "data", True),  # it may contain a match
    ("data/*.csv", "data/a.csv/part", True),  # its directory may match
    ("data/**/x", "data/a/b/x", True),
    ("*/x", "a/x", True),
    ("*/x", "a/y", False),
    ("a[12]", "a1", True),
    ("a[12]", "a3", False),
    ("a[12]", "a[12]", True),  # an existing path is literal
    ("data/[x]/*.csv", "data/[x]/a.csv", True),
]


@pytest.mark.parametrize(("pattern", "path", "may"), MAY_MATCH)
def test_an_output_may_contain_a_match_or_not(pattern: str, path: str, may: bool) -> None:
    assert may_match(pattern, path) is may


segments = st.sampled_from(["a", "b", "ab", "a*", "*", "?", "[ab]", "**", "[!a]*"])


@given(st.lists(segments, min_size=1, max_size=4).map("/".join), paths, st.booleans())
def test_an_output_that_contains_a_match_on_disk_may_match(pattern: str, output: str, is_directory: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        file = Path(root, output, "a") if is_directory else Path(root, output)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        matches = glob.glob(pattern, root_dir=root, recursive=True)
        if any(os.path.lexists(Path(root, match)) for match in matches):
            assert may_match(pattern, output)
