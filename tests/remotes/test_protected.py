"""Pull never writes outside the project, nor where other tools execute what they find there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from harness import ProjectDir

from .archives import archive, file, put
from .samples import clone, edit_record, intact_runs, leftovers, lines_of, records, states

FOLDER = """\
remotes: {{default: {remote}}}
commands: [{{name: make, script: ["sh make.sh"], deps: [make.sh], outputs: [out]}}]
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def folder(project: ProjectDir, remote: Path, script: str) -> ProjectDir:
    project.project(FOLDER.format(remote=remote))
    project.write("make.sh", script)
    assert project.proj("run", "make").code == 0
    return project


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "sub/.GIT/config", "a/.proj/runs/x", ".hg/hgrc"])
def test_an_archive_with_a_location_that_tools_execute_is_refused(project: ProjectDir, remote: Path, path: str) -> None:
    folder(project, remote, "mkdir -p out && echo x > out/a").proj("push")
    data = archive(file(f"out/{path}", b"evil"))
    put(remote, "out", data)
    (record,) = records(remote)
    document = json.loads(record.read_text())
    edit_record(
        record, objects=[{**document["objects"][0], "size": len(data)}], outputs=[{**document["outputs"][0], "size": 4}]
    )
    other = clone(project, "other")
    done = other.proj("pull")
    assert done.code == 1
    assert "a location whose content other tools execute: nothing of it was kept" in lines_of(done)["make"]
    assert not other.exists("out") and leftovers(other) == []


def test_a_push_refuses_what_no_pull_would_restore(project: ProjectDir, remote: Path) -> None:
    folder(project, remote, "mkdir -p out/sub/.git/hooks && echo x > out/sub/.git/hooks/pre-push")
    for words in (["push"], ["push", "--dry"]):
        done = project.proj(*words)
        assert done.code == 1
        assert lines_of(done) == {"make": "not pushed: it holds `out/sub/.git`, which no pull would restore"}
    assert intact_runs(remote) == []
    project.write("make.sh", "rm -rf out && mkdir -p out/sub && echo x > out/sub/a")  # what the hint says
    assert project.proj("run", "make").code == 0
    assert project.proj("push").code == 0


def test_a_link_on_the_way_to_an_output_cannot_lead_into_git_or_proj(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: ["sh make.sh"], deps: [make.sh], outputs: [way/post-checkout]}}]
        """)
    project.write("make.sh", "mkdir -p way && echo evil > way/post-checkout")
    assert project.proj("run", "make").code == 0
    project.proj("push")
    for target in (".git/hooks", ".proj/runs", "../beside/.Git/hooks"):
        other = clone(project, target.replace("/", "-"))
        (other.path / target).mkdir(parents=True)
        (other.path / "way").symlink_to(other.path / target)
        for words in (["pull"], ["pull", "--force"]):
            done = other.proj(*words)
            assert done.code == 1
            assert "where proj never writes" in lines_of(done)["make"]
        assert not (other.path / target / "post-checkout").exists()
        assert leftovers(other) == []


def linked(project: ProjectDir, remote: Path) -> tuple[ProjectDir, Path]:
    """A clone whose directory of an output is a link to another disk, and that disk."""
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: ["sh make.sh"], deps: [make.sh], outputs: [models/best]}}]
        """)
    project.write("make.sh", "mkdir -p models && echo good > models/best")
    assert project.proj("run", "make").code == 0
    project.proj("push")
    other = clone(project, "other")
    disk = project.beside("disk").path
    (other.path / "models").symlink_to(disk)
    return other, disk


def test_an_output_below_the_user_s_own_link_is_pulled_through_it(project: ProjectDir, remote: Path) -> None:
    other, disk = linked(project, remote)
    assert lines_of(other.proj("pull")) == {"make": "pulled models/best"}
    assert (disk / "best").read_text() == "good\n"
    assert os.path.islink(other.path / "models") and sorted(os.listdir(disk)) == ["best"]
    assert states(other) == {"make": "up to date"}
    assert lines_of(other.proj("push")) == {"make": "already on the remote"}
    project.write("make.sh", "mkdir -p models && echo better > models/best")
    project.proj("run", "make")
    project.proj("push")
    shutil.copy(project.path / "make.sh", other.path)
    assert lines_of(other.proj("pull")) == {"make": "pulled models/best"}
    assert ((disk / "best").read_text(), sorted(os.listdir(disk))) == ("better\n", ["best"])


def test_a_link_that_git_tracks_needs_force(project: ProjectDir, remote: Path) -> None:
    other, disk = linked(project, remote)
    other.git("init", "--quiet")
    other.git("add", "models")
    done = other.proj("pull")
    assert done.code == 1
    assert lines_of(done) == {"make": f"not pulled: output `models/best` leads out of the project, to `{disk}`"}
    assert "  hint: git tracks the link `models`: `--force` writes through it\n" in done.err
    assert os.listdir(disk) == []
    assert lines_of(other.proj("pull", "--force")) == {"make": "pulled models/best"}
    assert (disk / "best").read_text() == "good\n"


def test_a_link_in_a_repository_that_git_cannot_read_needs_force(project: ProjectDir, remote: Path) -> None:
    other, disk = linked(project, remote)
    other.write(".git", "broken\n")
    assert other.proj("pull").code == 1
    assert os.listdir(disk) == []


OUTSIDE = """\
remotes: {{default: {remote}}}
commands:
  - {{name: make, script: ["sh make.sh"], deps: [make.sh], outputs: [out, {outside}]}}
  - {{name: far, script: ["cp make.sh {outside}.far"], deps: [make.sh], outputs: ["{outside}.far"]}}
"""


def with_outside(project: ProjectDir, remote: Path, outside: Path) -> ProjectDir:
    project.project(OUTSIDE.format(remote=remote, outside=outside))
    project.write("make.sh", f"echo one > out && echo two > {outside}\n")
    assert project.proj("run", "make", "far").code == 0
    return project


def test_outputs_outside_the_project_are_listed_and_not_pushed(
    project: ProjectDir, remote: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "shared.txt"
    done = with_outside(project, remote, outside).proj("push")
    assert done.code == 0, done.err
    assert f"✔ make: pushed 1 output, 4 B; outside the project, not pushed: `{outside}`\n" in done.err
    assert "– far: not pushed: its outputs are outside the project\n" in done.err
    assert [done.err.count(f"{name}: ") for name in ("make", "far")] == [1, 1]
    assert sorted(path.name for path in remote.iterdir() if not path.name.startswith(".")) == ["out"]
    assert project.proj("push").code == 0
    row = project.proj("push", "--json").json[0]
    assert (row["outside"], row["already_there"]) == ([str(outside)], True)
    states_on_remote = project.proj("status", "--remote", "default", "--json").json
    assert {row["step"]: row.get("remote") for row in states_on_remote} == {"make": "there", "far": None}


def test_a_pull_restores_the_outputs_inside_if_those_outside_are_of_that_run(
    project: ProjectDir, remote: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "shared.txt"
    with_outside(project, remote, outside).proj("push")
    other = clone(project, "other")
    assert lines_of(other.proj("pull", "-c", "make")) == {"make": "pulled out"}
    assert (other.read("out"), states(other)["make"]) == ("one\n", "up to date")
    outside.write_text("changed\n")
    third = clone(project, "third")
    for words in (["pull"], ["pull", "--force"]):
        done = third.proj(*words)
        assert lines_of(done)["make"] == (
            f"not pulled: `{outside}` is outside the project, and not what the run on the remote produced"
        )
        assert "  hint: run it: `proj run make`\n" in done.err
    assert (outside.read_text(), third.exists("out")) == ("changed\n", False)
    assert third.proj("run", "make").code == 0  # what the hint says
    assert lines_of(third.proj("pull"))["make"] == "already present"


def test_a_record_cannot_make_pull_write_outside(project: ProjectDir, remote: Path, tmp_path: Path) -> None:
    outside = tmp_path / "shared.txt"
    with_outside(project, remote, outside).proj("push")
    (record,) = records(remote)
    document = json.loads(record.read_text())
    (stored,) = document["objects"]
    edit_record(record, objects=[stored, {**stored, "path": str(outside)}])
    outside.unlink()
    other = clone(project, "other")
    assert "outside the project" in lines_of(other.proj("pull"))["make"]
    assert not outside.exists() and not other.exists("out")
