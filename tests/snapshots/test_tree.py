"""`--tree`: plain files below the project's name, as Lab stores them."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir

from .test_push_pull import push


@pytest.fixture
def plain(tmp_path: Path, backup: Path) -> ProjectDir:
    project = ProjectDir(tmp_path / "iris", tmp_path / "scratch")
    project.project("commands: []\n")
    project.write("a.txt", "a\n")
    project.write("sub/b.txt", "b\n")
    push(project, str(backup), "--tree")
    return project


def stored(backup: Path, project: str = "iris") -> dict[str, str]:
    """Return the plain files of a project on the remote."""
    top = backup / project
    return {str(file.relative_to(top)): file.read_text() for file in top.rglob("*") if file.is_file()}


def test_the_tree_follows_the_project(plain: ProjectDir, backup: Path) -> None:
    assert stored(backup) == {"a.txt": "a\n", "sub/b.txt": "b\n", "project.yml": "commands: []\n"}
    plain.write("a.txt", "changed\n")
    plain.remove("sub/b.txt")
    plain.write("c.txt", "c\n")
    push(plain, "--tree")
    assert stored(backup) == {"a.txt": "changed\n", "c.txt": "c\n", "project.yml": "commands: []\n"}
    assert len(plain.proj("snapshot", "list", "--json").json) == 2


def test_what_another_tool_stored_is_neither_replaced_nor_deleted(plain: ProjectDir, backup: Path) -> None:
    (backup / "iris/from-lab.txt").write_text("lab\n")
    (backup / "iris/a.txt").write_text("of a colleague\n")
    (backup / "iris2").mkdir()
    (backup / "iris2/x").write_text("sibling\n")
    plain.write("a.txt", "mine\n")
    done = plain.proj("snapshot", "push", "--tree")
    assert (done.code, "another tool changed `a.txt`" in done.err) == (1, True)
    assert stored(backup)["a.txt"] == "of a colleague\n"
    (backup / "iris/a.txt").unlink()
    push(plain, "--tree", "--keep", "1")
    assert stored(backup)["a.txt"] == "mine\n"
    assert stored(backup)["from-lab.txt"] == "lab\n"
    assert stored(backup, "iris2") == {"x": "sibling\n"}


def test_pull_tree_reads_what_lab_stored(tmp_path: Path, backup: Path) -> None:
    for path, text in {"config/runtime.yaml": "name: iris\n", "git/config": "g\n", ".git/hooks/x": "evil\n"}.items():
        file = backup / "iris" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (backup / "iris2").mkdir()
    (backup / "iris2/x").write_text("sibling\n")
    here = ProjectDir(tmp_path / "here", tmp_path / "scratch")
    words = ("snapshot", "pull", "--tree", "--from", str(backup), "--project", "iris")
    done = here.proj(*words)
    assert done.code == 0, done.err
    assert "left out: `.git/hooks/x`" in done.err
    assert here.read("iris/config/runtime.yaml") == "name: iris\n"
    assert not here.exists("iris/.git")
    here.write("iris/config/runtime.yaml", "only here\n")
    done = here.proj(*words)
    assert (done.code, "exists only locally" in done.err) == (1, True)
    here.remove("iris/config/runtime.yaml")
    (backup / "iris/git/config").write_text("changed\n")
    assert here.proj(*words, "--force").code == 0
    assert here.read("iris/git/config") == "changed\n"
    done = here.proj(*words[:-1], "iri")
    assert (done.code, "no tree of `iri`" in done.err) == (2, True)
