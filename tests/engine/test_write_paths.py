"""Where proj may write: never outside the project, and through no link to a protected location."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest

from weaselish.engine.write_paths import check_asset_path, check_output_path
from weaselish.errors import UnsafePath
from weaselish.model.project import ProjectModel
from weaselish.workspace import Workspace


def git(directory: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "project/d").mkdir(parents=True)
    return Workspace(tmp_path / "project", ProjectModel())


@pytest.fixture
def disk(workspace: Workspace, tmp_path: Path) -> Path:
    """A directory outside the project to which `link` in the project leads."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (workspace.root / "link").symlink_to(disk)
    return disk


@pytest.mark.parametrize("path", ["out", "d/out", "new/deep/out", "d"])
def test_paths_in_the_project_are_allowed(workspace: Workspace, path: str) -> None:
    check_asset_path(workspace, path)
    check_output_path(workspace, path, force=False)


@pytest.mark.parametrize("path", ["..", "../out", "/tmp/out", "../project2/x"])
def test_paths_outside_are_refused(workspace: Workspace, path: str) -> None:
    for check in (check_asset_path, partial(check_output_path, force=True)):
        with pytest.raises(UnsafePath, match=r"out of the project|outside the project"):
            check(workspace, path)


@pytest.mark.parametrize(
    "path", [".", ".git/hooks/x", "a/.GIT/config", ".proj/runs", "project.yml", ".vscode/tasks.json", "d/.envrc"]
)
def test_protected_locations_are_refused(workspace: Workspace, path: str) -> None:
    for check in (check_asset_path, partial(check_output_path, force=True)):
        with pytest.raises(UnsafePath, match="where proj never writes"):
            check(workspace, path)


@pytest.mark.parametrize("target", [".git", ".git/hooks", ".proj", ".", "../other/.git/hooks", "../other/.github"])
def test_a_link_to_a_protected_location_is_refused(workspace: Workspace, target: str) -> None:
    (workspace.root / target).mkdir(parents=True, exist_ok=True)
    (workspace.root / "link").symlink_to(target)
    path = "link/.proj" if target == "." else "link/x"
    for check in (check_asset_path, partial(check_output_path, force=True)):
        with pytest.raises(UnsafePath, match=r"where proj never writes|leads out of the project"):
            check(workspace, path)


def test_a_link_within_the_project_is_allowed(workspace: Workspace) -> None:
    (workspace.root / "link").symlink_to("d")
    check_asset_path(workspace, "link/out")
    check_output_path(workspace, "link/out", force=False)


def test_a_link_out_of_the_project_is_for_outputs_only(workspace: Workspace, disk: Path) -> None:
    with pytest.raises(UnsafePath, match=f"asset `link/x` leads out of the project, to `{disk}`"):
        check_asset_path(workspace, "link/x")
    check_output_path(workspace, "link/x", force=False)
    check_output_path(workspace, "link/new/deep/x", force=False)


def test_a_link_that_git_tracks_needs_force(workspace: Workspace, disk: Path) -> None:
    git(workspace.root, "init", "-q")
    check_output_path(workspace, "link/x", force=False)
    git(workspace.root, "add", "link")
    with pytest.raises(UnsafePath, match="leads out of the project") as caught:
        check_output_path(workspace, "link/x", force=False)
    assert caught.value.hint is not None
    assert "git tracks the link `link`" in caught.value.hint
    check_output_path(workspace, "link/x", force=True)


def test_every_link_on_the_way_counts(workspace: Workspace, disk: Path) -> None:
    git(workspace.root, "init", "-q")
    (workspace.root / "d/inner").symlink_to("../link")
    git(workspace.root, "add", "d")
    with pytest.raises(UnsafePath, match="leads out of the project"):
        check_output_path(workspace, "d/inner/x", force=False)


def is_refused(workspace: Workspace) -> bool:
    try:
        check_output_path(workspace, "link/x", force=False)
    except UnsafePath:
        return True
    return False


def test_a_project_may_be_deep_in_a_repository(tmp_path: Path, workspace: Workspace, disk: Path) -> None:
    git(tmp_path, "init", "-q")
    assert not is_refused(workspace)
    git(tmp_path, "add", "project/link")
    assert is_refused(workspace)


@pytest.mark.parametrize("program", ["missing", "broken"])
def test_without_an_answer_from_git_a_link_counts_as_tracked(
    workspace: Workspace, disk: Path, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert not is_refused(workspace), "no repository"
    (workspace.root / ".git").mkdir()
    if program == "broken":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/git").write_text("#!/bin/sh\nexit 128\n")
        (tmp_path / "bin/git").chmod(0o755)
    assert is_refused(workspace)
