"""`compat: weasel`: the real Weasel pulls what we push, and we pull what it pushed."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from harness import ProjectDir

from .samples import clone, lines_of, objects, outputs, states

PROJECT = """\
title: names of all kinds
remotes:
  default: {remote}
workflows: {{all: [file, folder, slashes, chain, many]}}
commands:
  - name: file
    script: ["sh make.sh 'out/größe 100%.txt'"]
    deps: [in.txt, make.sh]
    outputs: ["out/größe 100%.txt"]
  - name: folder
    script: ["sh folder.sh 'out/zwei  Wörter'"]
    deps: ["out/größe 100%.txt", folder.sh]
    outputs: ["out/zwei  Wörter"]
  - name: slashes
    script: ["sh folder.sh out/slashed/"]
    deps: ["out/zwei  Wörter/", folder.sh]
    outputs: [out/slashed/]
  - name: chain
    script: ["sh make.sh ./out/chain%20+&.txt"]
    deps: [out/slashed/, ./in.txt]
    outputs: ["./out/chain%20+&.txt"]
    outputs_no_cache: [out/metrics.json]
  - name: many
    script: ["sh make.sh out/a.txt", "sh make.sh out/b=c.txt"]
    deps: [in.txt]
    outputs: [out/a.txt, out/b=c.txt]
"""
FOLDER = """\
mkdir -p "$1/sub/ü" && cat in.txt > "$1/a file" && echo x > "$1/sub/ü/100%" && ln -sf 'a file' "$1/link"
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def names(project: ProjectDir, remote: Path, *, compat: bool = True) -> ProjectDir:
    project.project(PROJECT.format(remote=remote) + ("compat: weasel\n" if compat else ""))
    project.write("make.sh", 'mkdir -p out && cat in.txt > "$1" && echo "$1" >> ran.log\n')
    project.write("folder.sh", FOLDER)
    project.write("in.txt", "in\n")
    return project


def lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("Running command: ")]


def call(weasel: Any, project: ProjectDir, *words: str) -> str:
    done = weasel(project.path, *words)
    assert done.code == 0, done.out + done.err
    return str(done.out)


NAMES = ["file", "folder", "slashes", "chain", "many"]


def test_weasel_pulls_what_we_push_and_has_nothing_to_run(project: ProjectDir, remote: Path, weasel: Any) -> None:
    names(project, remote)
    assert project.proj("run", "all").code == 0
    assert project.proj("push").code == 0
    for with_lock in (False, True):
        other = clone(project, f"other-{with_lock}", with_lock=with_lock)
        call(weasel, other, "pull")
        assert outputs(other) == outputs(project)
        assert lines(call(weasel, other, "run", "all")) == []
        # and what Weasel wrote into the lock is right for us
        assert other.proj("run", "all").err.endswith("✔ all up to date (5 steps)\n")


def test_we_pull_what_weasel_pushed_and_have_nothing_to_run(project: ProjectDir, remote: Path, weasel: Any) -> None:
    names(project, remote)
    assert lines(call(weasel, project, "run", "all"))
    call(weasel, project, "push")
    for with_lock in (False, True):
        other = clone(project, f"other-{with_lock}", with_lock=with_lock)
        done = other.proj("pull")
        assert (done.code, list(lines_of(done))) == (0, NAMES)
        assert all(text.startswith("pulled out/") for text in lines_of(done).values()), done.err
        assert outputs(other) == outputs(project)
        ran = other.proj("run", "all")
        assert (ran.out, ran.err) == ("", "✔ all up to date (5 steps)\n")
        assert lines(call(weasel, other, "run", "all")) == []
        # the pull has read the objects that Weasel packed: a record may vouch for them
        pushed = other.proj("push")
        assert (pushed.code, set(lines_of(pushed).values())) == (0, {"recorded"})
        assert "verified" not in "".join(path.read_text() for path in remote.glob(".proj/runs/*/*"))
        assert set(lines_of(other.proj("push", "--verify")).values()) == {"already on the remote"}
        for path in remote.glob(".proj/runs/*/*"):
            path.unlink()


def test_push_refuses_objects_of_weasels_that_no_pull_from_that_remote_has_read(
    project: ProjectDir, remote: Path, weasel: Any
) -> None:
    names(project, remote)
    assert lines(call(weasel, project, "run", "all"))
    call(weasel, project, "push")
    refused = project.proj("push")
    assert refused.code == 1
    assert all(text.startswith("not pushed: unverified: ") for text in lines_of(refused).values())

    other = clone(project, "other")
    assert other.proj("pull").code == 0
    shutil.copytree(remote, remote.with_name("elsewhere"))
    assert other.proj("push", str(remote.with_name("elsewhere"))).code == 1
    (replaced,) = remote.glob("out%2Fa.txt/*/*")
    replaced.write_bytes(replaced.read_bytes() + b"more")
    assert [name for name, text in lines_of(other.proj("push")).items() if "unverified" in text] == ["many"]


def test_both_use_the_same_names_and_members(project: ProjectDir, remote: Path, weasel: Any, tmp_path: Path) -> None:
    names(project, remote)
    assert project.proj("run", "all").code == 0
    project.proj("push")
    call(weasel, project, "push", str(tmp_path / "of Weasel"))
    ours, theirs = (members(place) for place in (remote, tmp_path / "of Weasel"))
    assert ours == theirs
    assert {key.split("/")[0] for key in ours} == {
        quote_plus(text)
        for text in (
            "out/größe 100%.txt",
            "out/zwei  Wörter",
            "out/slashed/",
            "./out/chain%20+&.txt",
            "out/a.txt",
            "out/b=c.txt",
        )
    }
    # nothing is pushed twice: neither overwrites what the other stored
    before = {path: path.stat().st_mtime_ns for path in remote.rglob("*")}
    call(weasel, project, "push")
    assert {path: path.stat().st_mtime_ns for path in remote.rglob("*")} == before
    assert len(whole_in(remote)) == 5


def members(remote: Path) -> dict[str, list[str]]:
    found = {}
    for path in remote.glob("*/*/*"):
        if not path.is_relative_to(remote / ".proj"):
            with tarfile.open(path) as archive:
                found[str(path.relative_to(remote))] = sorted(normal(name) for name in archive.getnames())
    return found


def normal(name: str) -> str:
    return name.removeprefix("./")


def whole_in(remote: Path) -> list[Path]:
    return list(remote.glob(".proj/runs/*/*.json"))


def test_an_object_of_weasels_that_is_not_what_its_name_says_is_refused(
    project: ProjectDir, remote: Path, weasel: Any
) -> None:
    names(project, remote)
    call(weasel, project, "run", "many")
    call(weasel, project, "push")
    (a,) = objects(remote, "out%2Fa.txt")
    (b,) = objects(remote, "out%2Fb%3Dc.txt")
    with tarfile.open(a, "w:gz") as archive:
        archive.add(project.path / "make.sh", "out/a.txt")
    other = clone(project, "other")
    done = other.proj("pull", "--command", "many")
    assert done.code == 1
    assert lines_of(done)["many"].startswith(f"not pulled: object `{a.relative_to(remote)}` is not what it should be: ")
    assert (outputs(other), other.lock()) == ({}, {})
    assert b.exists()


def test_what_is_here_is_replaced_if_a_record_names_it(project: ProjectDir, remote: Path) -> None:
    """Also where the tree has Weasel's hashes, under which no record is found."""
    names(project, remote)
    project.proj("run", "all")
    project.proj("push")
    other = clone(project, "other")
    assert other.proj("pull").code == 0
    for place in (project, other):
        place.write("in.txt", "another\n")
    project.proj("run", "all")
    project.proj("push")
    done = other.proj("pull")
    assert (done.code, outputs(other)) == (0, outputs(project))
    other.write("in.txt", "a third\n")
    assert "(2 runs with a different script, deps or env)" in lines_of(other.proj("pull"))["file"]


def test_without_the_key_weasels_objects_are_left_alone_and_it_is_named(
    project: ProjectDir, remote: Path, weasel: Any
) -> None:
    names(project, remote, compat=False)
    call(weasel, project, "run", "all")
    call(weasel, project, "push")
    other = clone(project, "other")
    done = other.proj("pull")
    hint = "the remote has only Weasel's own objects: `compat: weasel` in project.yml reads them"
    assert lines_of(done)["file"] == lines_of(done)["many"] == f"not pulled: {hint}"
    assert (outputs(other), other.lock()) == ({}, {})
    assert set(states(other).values()) == {"never ran"}
    # and what we push beside them does not disturb them
    assert project.proj("run", "all").code == 0
    assert project.proj("push").code == 0
    assert other.proj("pull").code == 0
    assert outputs(other) == outputs(project)
