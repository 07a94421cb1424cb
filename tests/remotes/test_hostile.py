"""Hostile remotes: pull refuses what they hold, and nothing of it takes effect."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from .archives import FOLDER, archive, file, put
from .samples import clone, edit_record, leftovers, lines_of, outputs, records, states, twin, twins

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def deep() -> object:
    nested: object = []
    for _ in range(500):
        nested = [nested]
    return nested


OTHER = "../../../../../../tmp/evil-of-proj"
RECORDS: dict[str, dict[str, Any]] = {
    "an output outside": {"outputs": [{"path": OTHER, "digest": "0" * 32, "size": 1, "files": 1}]},
    "an output more": {"objects": []},
    "an object outside": {
        "objects": [{"path": "one.txt", "key": OTHER, "size": 1}, {"path": "two", "key": "../x/0", "size": 1}]
    },
    "an object with two points": {
        "objects": [{"path": path, "key": "../aa/bb", "size": 1} for path in ("one.txt", "two")]
    },
    "an object that upsets a terminal": {
        "objects": [{"path": path, "key": "\x1b[2J/aa/bb", "size": 1} for path in ("one.txt", "two")]
    },
    "an infinite run": {"run": float("inf")},
    "a run beyond all numbers": {"run": 10**30},
    "a run before all": {"run": -1},
    "a size that is none": {"objects": [{"path": "one.txt", "key": "a/0/0", "size": float("inf")}]},
    "half a character": {"command": "make\ud800", "script": ["\ud800"]},
    "no texts": {"script": [1, None]},
    "no list": {"outputs": {"path": "one.txt"}},
    "deep": {"objects": deep()},
    "another algorithm": {"algorithm": "blake3"},
    "another format": {"format": 2},
    "another key": {"script": ["rm -rf /"]},
}


@pytest.mark.parametrize("name", RECORDS)
def test_pull_skips_a_hostile_record_and_takes_the_next_run(project: ProjectDir, remote: Path, name: str) -> None:
    twins(project, remote).proj("push")
    again = clone(project, "again")
    again.proj("run", "make")
    again.proj("push")
    edit_record(records(remote)[-1], **RECORDS[name])
    other = clone(project, "other")
    done = other.proj("pull")
    assert (done.code, done.err) == (0, "✔ make: pulled one.txt, two\n1 pulled from default\n")
    assert twin(other) == twin(project)
    for words in (["ls"], ["ls", "--json"], ["status", "--remote", "default"], ["push"], ["push", "--verify"]):
        done = other.proj(*words)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
    assert states(other) == {"make": "up to date"}


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'"text"', b"null", b"[]", b"9" * 10_000, b'{"format": 1}'],
    ids=["empty", "cut", "deep", "not text", "text", "null", "list", "a long number", "nearly empty"],
)
def test_pull_skips_a_broken_record(project: ProjectDir, remote: Path, text: bytes) -> None:
    twins(project, remote).proj("push")
    (path,) = records(remote)
    path.write_bytes(text)
    other = clone(project, "other")
    done = other.proj("pull")
    assert (done.code, lines_of(done)) == (0, {"make": "not pulled: no run of it is on the remote"})
    assert other.proj("ls", "--json").json == []
    key = path.relative_to(remote)
    for words in (["push"], ["push", "--verify"]):
        assert lines_of(project.proj(*words)) == {
            "make": f"not pushed: broken: `{key}` is not what it should be (`--repair` replaces it)"
        }
    assert lines_of(project.proj("push", "--repair")) == {"make": "recorded"}
    assert lines_of(project.proj("push")) == {"make": "already on the remote"}
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}


def test_ls_escapes_the_texts_of_a_record(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (path,) = records(remote)
    edit_record(path, command="\x1b]0;evil\x07make\r", host={"name": "\x1b[2Jhost\n", "cpus": []}, git="\x1b")
    done = project.proj("ls")
    assert done.code == 0
    assert "\\x1b]0;evil\\x07make\\r" in done.out and "\\x1b[2Jhost\\n" in done.out
    assert not {"\x1b", "\x07", "\r"} & set(done.out)
    assert "\x1b" not in project.proj("ls", "--json").out


def test_pull_drops_record_keys_of_the_wrong_type(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (path,) = records(remote)
    edit_record(path, host=[], git=7, seconds="soon", reasons="none", started=None, executor={}, exit_code="x", more=1)
    other = clone(project, "other")
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}
    for words in (["log"], ["log", "make"], ["status"], ["ls"], ["push"]):
        done = other.proj(*words)
        assert done.code == 0, done.err
    assert states(other) == {"make": "up to date"}


def test_a_record_cannot_name_another_command(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (path,) = records(remote)
    edit_record(path, command="deploy")
    other = clone(project, "other")
    other.project(other.read("project.yml") + "  - {name: deploy, script: [touch deployed], outputs: [deployed]}\n")
    assert lines_of(other.proj("pull"))["make"] == "pulled one.txt, two"
    assert (other.locked(), states(other)) == (["make"], {"make": "up to date", "deploy": "never ran"})


def test_an_object_of_another_output_does_not_pass_for_this_one(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (path,) = records(remote)
    one, two = json.loads(path.read_text())["objects"]
    edit_record(path, objects=[{**one, "key": two["key"], "size": two["size"]}, two])
    other = clone(project, "other")
    done = other.proj("pull")
    assert (done.code, outputs(other), leftovers(other)) == (1, {}, [])
    assert "which is not part of it" in lines_of(done)["make"]


def test_an_archive_is_not_larger_than_its_record_says(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch out], outputs: [out]}}]
        """)
    project.proj("run", "make")
    project.proj("push")
    (record,) = records(remote)
    document = json.loads(record.read_text())
    for data, reason in (
        (archive(file("out", b"x" * 1000)), "it has more than the 0 bytes that its record names"),
        (archive(FOLDER, file("out/1"), file("out/2")), "it has more than the 1 bytes that its record names"),
        (archive(*(("out/" + "d/" * n, {"type": tarfile.DIRTYPE}) for n in range(99))), "is not what it should be"),
        (archive(FOLDER, ("out/x", {"size": 10**15})), "cannot be used"),
        (gzip.compress(b"\0" * (1 << 20)), "cannot be used"),
        (bomb(), "cannot be used"),
    ):
        put(remote, "out", data)
        stored = [{**item, "size": len(data)} for item in document["objects"]]
        size = 1 if b"1 bytes" in reason.encode() else 0
        changed = [{**item, "size": size} for item in document["outputs"]]
        edit_record(record, outputs=changed, objects=stored)
        other = clone(project, "other")
        done = other.proj("pull")
        assert (done.code, leftovers(other), outputs(other)) == (1, [], {})
        assert reason in lines_of(done)["make"]


def bomb() -> bytes:
    """Return two GiB of zeros in 2 MiB, which only the record announces."""
    out = io.BytesIO()
    with gzip.open(out, "wb", compresslevel=9) as packed:
        info = tarfile.TarInfo("out")
        info.size = 1 << 31
        packed.write(info.tobuf())
        block = bytes(1 << 24)
        for _ in range(8):
            packed.write(block)
    return out.getvalue()
