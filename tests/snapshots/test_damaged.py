"""Pulls of snapshots that are damaged on the remote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from harness import ProjectDir

from .conftest import largest_pack, spoil


def output(backup: Path) -> Path:
    [found] = backup.glob("made/*/*")
    return found


def large(backup: Path) -> Path:
    [found] = backup.glob(".proj/contents/*/*")
    return found


DAMAGES: dict[str, tuple[Callable[[Path], None], set[str], str]] = {
    "a small file": (lambda backup: spoil(largest_pack(backup)), {"out/one.bin"}, "is damaged"),
    "a pack is gone": (
        lambda backup: largest_pack(backup).unlink(),
        {"in.txt", "out/one.bin", "out/two.bin", "project.lock", "project.yml"},
        "the remote lacks the content of 5 files, such as `in.txt`",
    ),
    "a large file": (lambda backup: spoil(large(backup)), {"large.bin"}, "`large.bin` is damaged"),
    "a large file is gone": (lambda backup: large(backup).unlink(), {"large.bin"}, "lacks the content of 1 file"),
    "an output": (lambda backup: spoil(output(backup)), {"made"}, "the archive of `made` cannot be used"),
    "an output is gone": (lambda backup: output(backup).unlink(), {"made"}, "made/"),
    "a run is gone": (
        lambda backup: next(backup.glob(".proj/runs/*/*")).unlink(),
        {"made", "also"},
        "which holds `also`, `made`, is no longer on the remote",
    ),
}
FILES = {"project.yml", "in.txt", "large.bin", "out/one.bin", "out/two.bin", "made", "also"}


@pytest.fixture
def pushed(tmp_path: Path, backup: Path) -> ProjectDir:
    """A project with small files in one pack, a large file, and two outputs of one run on the remote."""
    project = ProjectDir(tmp_path / "farm", tmp_path / "scratch")
    project.project(f"""\
        name: farm
        remotes: {{default: "{backup}"}}
        commands:
          - name: make
            script: [cp in.txt made, cp in.txt also]
            deps: [in.txt]
            outputs: [made, also]
        """)
    project.write("in.txt", "in\n")
    assert project.proj("run", "make").code == 0
    assert project.proj("push").code == 0
    random = Random(1)
    (project.path / "out").mkdir()
    (project.path / "out/one.bin").write_bytes(random.randbytes(9000))
    (project.path / "out/two.bin").write_bytes(random.randbytes(300))
    (project.path / "large.bin").write_bytes(random.randbytes(600_000))
    assert project.proj("snapshot", "push").code == 0
    return project


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_intact_can_be_pulled(pushed: ProjectDir, backup: Path, damage: str) -> None:
    break_it, lost, message = DAMAGES[damage]
    break_it(backup)
    words = ("snapshot", "pull", "--from", str(backup), "--into", ".")
    other = pushed.beside("other")
    strict = other.proj(*words)
    assert (strict.code, message in strict.err) == (1, True), strict.err
    assert "  hint: `--keep-going` restores the other files" in strict.err
    done = other.proj(*words, "--keep-going", "--json")
    assert (done.code, f", {len(lost)} lost\n" in done.err) == (1, True), done.err
    told = json.loads(done.out)
    assert {one["path"] for one in told["problems"]} == lost
    assert lost.isdisjoint(told["written"])
    for path in FILES:
        assert other.exists(path) == (path not in lost)
        if path not in lost:
            assert (other.path / path).read_bytes() == (pushed.path / path).read_bytes()


def test_a_pull_that_keeps_going_keeps_the_local_state_of_what_is_lost(pushed: ProjectDir, backup: Path) -> None:
    other = pushed.beside("other")
    words = ("snapshot", "pull", "--from", str(backup), "--into", ".")
    assert other.proj(*words).code == 0
    other.write("large.bin", "mine")
    other.write("in.txt", "mine")
    spoil(large(backup))
    assert other.proj(*words, "--keep-going", "--force").code == 1
    assert (other.read("large.bin"), other.read("in.txt")) == ("mine", "in\n")


def test_after_an_output_was_lost_the_step_makes_it_again(pushed: ProjectDir, backup: Path) -> None:
    output(backup).unlink()
    other = pushed.beside("other")
    assert other.proj("snapshot", "pull", "--from", str(backup), "--into", ".", "-k").code == 1
    assert "output missing: made" in other.proj("status").out
    assert other.proj("run", "make").code == 0
    assert other.read("made") == "in\n"


@pytest.mark.parametrize("option", ["--exact", "--tree"])
def test_it_excludes_what_needs_the_whole_snapshot(pushed: ProjectDir, option: str) -> None:
    done = pushed.proj("snapshot", "pull", "--keep-going", option)
    assert done.code == 2
    assert f"`--keep-going` and `{option}` exclude each other" in done.err


def test_without_damage_nothing_is_lost(pushed: ProjectDir, backup: Path) -> None:
    other = pushed.beside("other")
    assert other.proj("snapshot", "pull", "--from", str(backup), "--into", ".", "--keep-going").code == 0
    assert "all up to date" in other.proj("run", "make").err
