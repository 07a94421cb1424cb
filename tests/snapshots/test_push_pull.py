"""A snapshot of a project, and the project that comes back from it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from .conftest import fill


def tree(path: Path) -> dict[str, object]:
    """Return what is in a project by path: mode and bytes of files, targets of links, modes of empty directories."""
    found: dict[str, object] = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if name.split("/")[0] == ".proj":
            continue
        if file.is_symlink():
            found[name] = os.readlink(file)
        elif file.is_file():
            found[name] = (file.stat().st_mode & 0o777, file.read_bytes())
        elif not any(file.iterdir()):
            found[name] = file.stat().st_mode & 0o777
    return found


def push(project: ProjectDir, *words: str) -> Any:
    done = project.proj("snapshot", "push", *words, "--json")
    assert done.code == 0, done.err
    return done.json


def wipe(project: ProjectDir) -> None:
    shutil.rmtree(project.path)
    project.path.mkdir()


PLACES = ["directory", pytest.param("seaweedfs", marks=pytest.mark.servers)]


@pytest.mark.parametrize("remote", PLACES, indirect=True)
def test_a_wiped_project_comes_back_and_its_status_says_what_it_said(project: ProjectDir, remote: str) -> None:
    fill(project, remote)
    project.write("in.txt", "changed\n")
    before, status = tree(project.path), project.proj("status").out
    pushed = push(project, "-m", "all of it")
    assert pushed["outputs"] == ["data"]
    assert "in.txt" in pushed["new_files"]
    assert "data/a.txt" not in pushed["new_files"]
    wipe(project)
    done = project.proj("snapshot", "pull", "--from", remote, "--into", ".")
    assert done.code == 0, done.err
    assert tree(project.path) == before
    assert project.proj("status").out == status


@pytest.mark.parametrize("remote", PLACES, indirect=True)
def test_a_second_snapshot_stores_only_what_changed(project: ProjectDir, remote: str) -> None:
    fill(project, remote)
    push(project)
    assert push(project)["new_files"] == []
    project.write("src/iris/main.py", "print('setosa')\n")
    assert push(project)["new_files"] == ["src/iris/main.py"]
    assert len(project.proj("snapshot", "list", "--json").json) == 3
    for one in project.proj("snapshot", "list", "--json").json:
        assert project.proj("snapshot", "verify", one["id"]).code == 0


def test_outside_of_a_project_the_snapshot_goes_to_a_directory_of_its_name(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    other = iris.beside("elsewhere")
    done = other.proj("snapshot", "pull", "--from", str(backup))
    assert done.code == 0, done.err
    assert tree(other.path / "iris") == tree(iris.path)
    (other.path / "iris" / "in.txt").unlink()
    assert other.proj("snapshot", "pull", cwd="iris").code == 0, "the remote is remembered"
    assert tree(other.path / "iris") == tree(iris.path)


def test_the_snapshot_is_a_document_that_others_can_read(iris: ProjectDir, backup: Path) -> None:
    snapshot = push(iris, "-m", "first")["snapshot"]
    document = json.loads((backup / ".proj/snapshots/iris" / f"{snapshot['id']}.json").read_text())
    assert document["format"] == 1
    assert (document["project"], document["message"]) == ("iris", "first")
    assert len(document["runs"]) == 1
    assert list((backup / ".proj/snapshots/iris").glob("*.pending")) == []
