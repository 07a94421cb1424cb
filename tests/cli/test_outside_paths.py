"""Paths outside the project, and outputs below links to other disks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import Done, ProjectDir


def results(done: Done) -> dict[str, str]:
    return {step["step"]: step["result"] for step in done.json["steps"]}


@pytest.fixture
def shared(project: ProjectDir) -> Path:
    """A directory beside the project."""
    shared = project.path.parent / "shared"
    shared.mkdir()
    (shared / "raw.csv").write_text("1\n")
    return shared


def produce(project: ProjectDir, *, dep: str, output: str, more: str = "") -> None:
    project.project(
        f"""
        directories: [../shared/made]
        commands:
          - {{name: make, script: ["sh make.sh {dep} {output}"], deps: ["{dep}"], outputs: ["{output}"]}}
        workflows:
          all: [make]
        {more}
        """
    )
    project.write("make.sh", 'cat $1 > "$2"\n')


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_deps_outputs_and_directories_may_be_outside(project: ProjectDir, shared: Path, kind: str) -> None:
    top = "../shared" if kind == "relative" else str(shared)
    produce(project, dep=f"{top}/raw.csv", output=f"{top}/made/out")
    assert project.proj("run", "all").code == 0
    assert (shared / "made/out").read_text() == "1\n"
    assert f"{top}/raw.csv" in project.read("project.lock"), "recorded as written"
    assert results(project.proj("run", "all", "--json")) == {"make": "up to date"}
    (shared / "raw.csv").write_text("2\n")
    assert results(project.proj("run", "all", "--json")) == {"make": "ran"}
    (shared / "made/out").unlink()
    assert results(project.proj("run", "all", "--json")) == {"make": "ran"}


def test_an_absolute_path_into_the_project_counts_as_the_relative_one(project: ProjectDir) -> None:
    project.write("raw.csv", "1\n")
    produce(project, dep=f"{project.path}/raw.csv", output=f"{project.path}/out")
    assert project.proj("run", "all").code == 0
    lock = project.lock()["make"]
    assert [entry["path"] for entry in (*lock["deps"], *lock["outs"])] == ["raw.csv", "out"]


def test_a_glob_may_be_outside(project: ProjectDir, shared: Path) -> None:
    project.project("commands: [{name: make, script: [touch out], deps: ['../shared/*.csv'], outputs: [out]}]")
    assert project.proj("run", "make").code == 0
    (shared / "more.csv").write_text("2\n")
    done = project.proj("run", "make", "--json")
    assert results(done) == {"make": "ran"}


def test_push_and_pull_leave_an_output_outside_alone(project: ProjectDir, shared: Path, tmp_path: Path) -> None:
    produce(project, dep="../shared/raw.csv", output="../shared/made/out", more=f"remotes: {{default: {tmp_path}/r}}")
    assert project.proj("run", "all").code == 0
    assert "outside the project" in (done := project.proj("push")).out + done.err
    (shared / "made/out").unlink()
    project.proj("pull")
    assert not (shared / "made/out").exists()


# -- a link to another disk -------------------------------------------------------------------------------------------


@pytest.fixture
def disk(project: ProjectDir, tmp_path: Path) -> Path:
    """A directory elsewhere, to which `training` in the project leads."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (project.path / "training").symlink_to(disk)
    project.write("raw.csv", "1\n")
    produce(project, dep="raw.csv", output="training/model", more=f"remotes: {{default: {tmp_path}/remote}}")
    return disk


def remove_and_pull(project: ProjectDir, disk: Path) -> tuple[int, bool]:
    (disk / "model").unlink(missing_ok=True)
    done = project.proj("pull")
    assert "Traceback" not in done.err
    return done.code, (disk / "model").exists()


def test_an_output_below_a_link_to_another_disk_belongs_to_the_project(project: ProjectDir, disk: Path) -> None:
    assert project.proj("run", "all").code == 0
    assert (disk / "model").read_text() == "1\n"
    assert project.proj("push").code == 0
    assert remove_and_pull(project, disk) == (0, True)
    assert results(project.proj("run", "all", "--json")) == {"make": "up to date"}
    assert sorted(os.listdir(disk)) == ["model"], "nothing is left beside it"


def test_pull_writes_through_a_link_that_git_does_not_track(project: ProjectDir, disk: Path) -> None:
    project.git("init", "-q")
    project.write(".gitignore", "training\n")
    project.git("add", ".")
    project.git("commit", "-qm", "all")
    assert project.proj("run", "all").code == project.proj("push").code == 0
    assert remove_and_pull(project, disk) == (0, True)
