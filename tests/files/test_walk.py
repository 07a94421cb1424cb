"""Links in directories, and the names that deps leave out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.files.walk import LinkGuard, Unreadable, View

from .samples import VIEWS, digest, file, link, tree, write

# -- links in directories ---------------------------------------------------------------------------------------------


def test_in_an_output_a_link_stays_a_link(root: Path) -> None:
    write(root / "d/a", b"1")
    write(root / "sub/x", b"2")
    (root / "d/file").symlink_to("a")
    (root / "d/dir").symlink_to("../sub")
    found = Digests(root).of("d", "output")
    assert found == Digested(tree(file("a", b"1"), link("dir", "../sub"), link("file", "a")), 1, 1)


def test_in_a_dep_a_link_counts_as_what_it_leads_to_even_outside_the_project(root: Path, tmp_path: Path) -> None:
    write(root / "d/a", b"1")
    write(tmp_path / "outside" / "x", b"22")
    (root / "d/dir").symlink_to(tmp_path / "outside")
    (root / "d/file").symlink_to("a")
    found = Digests(root).of("d", "dep")
    assert found == Digested(tree(file("a", b"1"), file("dir/x", b"22"), file("file", b"1")), 4, 3)
    write(tmp_path / "outside" / "x", b"33")
    assert digest(root, "d") != found.digest


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_to_nothing_or_to_itself_stays_a_link_in_both_views(root: Path, view: View) -> None:
    (root / "d/gone").symlink_to("nowhere")
    (root / "d/self").symlink_to("self")
    assert Digests(root).of("d", view) == Digested(tree(link("gone", "nowhere"), link("self", "self")), 0, 0)


@pytest.mark.parametrize("target", [".", "..", "../d", "../..", "/"])
def test_a_link_to_a_directory_that_contains_it_stays_a_link(root: Path, target: str) -> None:
    write(root / "d/e/a", b"1")
    (root / "d/e/up").symlink_to(target)
    assert digest(root, "d") == tree(file("e/a", b"1"), link("e/up", target))


def test_a_walk_ends_where_links_lead_to_each_other(root: Path) -> None:
    write(root / "one/a", b"1")
    write(root / "two/b", b"2")
    (root / "one/to-two").symlink_to("../two")
    (root / "two/to-one").symlink_to("../one")
    assert digest(root, "one") == tree(file("a", b"1"), file("to-two/b", b"2"), link("to-two/to-one", "../one"))


def test_two_links_may_lead_to_one_directory(root: Path) -> None:
    write(root / "shared/x", b"1")
    for name in ("one", "two"):
        (root / "d" / name).symlink_to("../shared")
    assert digest(root, "d") == tree(file("one/x", b"1"), file("two/x", b"1"))


def test_links_that_multiply_are_limited(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each directory leads to the next one twice, so the number of paths doubles with each."""
    monkeypatch.setattr(LinkGuard, "most", 500)
    for index in range(12):
        (root / f"d{index}").mkdir()
        for name in ("one", "two"):
            (root / f"d{index}" / name).symlink_to(f"../d{index + 1}")
    (root / "d12").mkdir()
    with pytest.raises(Unreadable, match="`d0` leads through more than 500 links to directories"):
        digest(root, "d0")
    with pytest.raises(Unreadable, match="leads through more than 500 links to directories"):
        Digests(root).matches("d0/**")
    assert Digests(root).of("d0", "output") is not None


def test_an_output_that_leads_to_itself_cannot_be_read(root: Path) -> None:
    (root / "x").symlink_to("x")
    with pytest.raises(Unreadable, match="`x` cannot be read"):
        digest(root, "x", "output")


@pytest.mark.parametrize("path", ["pipe", "d"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_pipe_is_refused_and_never_opened(root: Path, path: str, view: View) -> None:
    os.mkfifo(root / "pipe")
    os.mkfifo(root / "d/pipe")
    with pytest.raises(Unreadable, match="pipe"):
        digest(root, path, view)


# -- names that deps leave out ----------------------------------------------------------------------------------------


def test_litter_of_tools_counts_in_outputs_but_not_in_deps(root: Path) -> None:
    write(root / "d/a", b"1")
    litter = ["__pycache__/x.pyc", ".ipynb_checkpoints/y", ".DS_Store", "sub/__pycache__/z.pyc"]
    for name in litter:
        write(root / "d" / name, b"2")
    assert digest(root, "d", "dep") == tree(file("a", b"1"), b"d - sub")
    assert digest(root, "d", "output") == tree(
        *sorted([file("a", b"1"), *(file(name, b"2") for name in litter)], key=lambda line: line.split(b" ", 2)[2])
    )


def test_the_project_as_a_dep_leaves_out_its_state(root: Path) -> None:
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
def test_names_in_projignore_count_in_outputs_but_not_in_deps(root: Path, patterns: str) -> None:
    names = ["d/a", "d/keep/b", "d/sub/x.log", "d/x.tmp"]
    for name in names:
        write(root / name, b"1")
    write(root / ".projignore", patterns)
    left = [file(name.removeprefix("d/"), b"1") for name in IGNORED[patterns]]
    emptied = [b"d - sub"] if patterns == "d/**/*.log" else []  # a directory in which nothing is left is empty
    assert digest(root, "d", "dep") == tree(*left[:2], *emptied, *left[2:])
    assert digest(root, "d", "output") == tree(*(file(name.removeprefix("d/"), b"1") for name in names))
