"""Snapshots that anything may have written: nothing goes outside, and nothing where tools execute what they find."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from harness import ProjectDir

from .conftest import largest_pack, spoil
from .test_push_pull import push, tree

BYTES = b"evil\n"
NAME = hashlib.sha256(BYTES).hexdigest()


def file(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "kind": "file", "mode": 420, "size": len(BYTES), "sha256": NAME, **more}


def plant(remote: Path, lines: list[Any], *, size: int | None = None, **document: Any) -> None:
    """Write a snapshot with these entries."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    contents = {NAME: BYTES, hashlib.sha256(text).hexdigest(): text}
    for name, data in contents.items():
        place = remote / ".proj/packs" / f"{name[:32]}.pack"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(data))
        index = {"format": 1, "contents": {name: [0, place.stat().st_size, len(data)]}}
        place.with_suffix(".json").write_text(json.dumps(index))
    identity = "20270101T000000-01234567"
    made = {
        "format": 1,
        "id": identity,
        "project": "iris",
        "created": "2027-01-01T00:00:00+00:00",
        "message": "",
        "host": "h",
        "git": None,
        "tool": "t",
        "lock": None,
        "files": 1,
        "bytes": 5,
        "entries": {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text) if size is None else size},
        "runs": [],
        **document,
    }
    folder = remote / ".proj/snapshots/iris"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{identity}.json").write_text(json.dumps(made))


def pulled(project: ProjectDir, remote: Path) -> Any:
    return project.proj("snapshot", "pull", "--from", str(remote), "--project", "iris", "--into", "into")


HOSTILE: dict[str, list[Any]] = {
    "above": [file("../evil")],
    "above in the middle": [file("a/../../evil")],
    "absolute": [file("/tmp/evil")],
    "a dot": [file("./evil")],
    "nothing": [file("")],
    "a null byte": [file("a\0b")],
    "twice": [file("a"), file("a")],
    "out of order": [file("b"), file("a")],
    "below a file": [file("a"), file("a/b")],
    "below a link": [{"path": "a", "kind": "link", "target": ".."}, file("a/evil")],
    "git hooks": [file(".git/hooks/post-checkout", mode=493)],
    "git hooks in other case": [file("sub/.GIT/hooks/x")],
    "its own state": [file(".proj/runs/x")],
    "direnv": [file(".envrc")],
    "set uid": [file("a", mode=0o4755)],
    "a negative size": [file("a", size=-1)],
    "another kind": [file("a", kind="device")],
    "a list": [[1]],
    "no digest": [file("a", sha256="../../etc")],
    "a surrogate beyond bytes": [file("a\ud800")],
    "two ways to write one name": [file("\udcc3\udca9")],
    "deep": [json.loads("[" * 500 + "]" * 500)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entry_is_refused_and_nothing_is_written(project: ProjectDir, backup: Path, name: str) -> None:
    plant(backup, HOSTILE[name])
    done = pulled(project, backup)
    assert done.code == 1
    assert "is damaged" in done.err
    assert not project.exists("into")
    assert not (project.path.parent / "evil").exists()


@pytest.mark.parametrize(
    "document",
    [
        {"entries": {"sha256": NAME, "size": 1 << 50}},
        {"entries": {"sha256": "0" * 64, "size": 5}},
        {"entries": None},
        {"files": -1},
        {"files": 1 << 60},
        {"project": "iris2"},
        {"id": "20270101T000000-01234568"},
        {"runs": [["x", 1]]},
        {"runs": {}},
        {"format": "one"},
    ],
    ids=str,
)
def test_a_hostile_document_is_refused(project: ProjectDir, backup: Path, document: dict[str, Any]) -> None:
    plant(backup, [file("a")], **document)
    done = pulled(project, backup)
    assert done.code == 1
    assert "is damaged" in done.err
    listing = project.proj("snapshot", "list", "--from", str(backup))
    assert listing.code in (0, 1)


def test_a_later_format_asks_for_an_upgrade(project: ProjectDir, backup: Path) -> None:
    plant(backup, [file("a")], format=2)
    done = pulled(project, backup)
    assert (done.code, "upgrade proj" in done.err) == (1, True)


def test_a_bomb_does_not_unpack_beyond_the_size_of_its_entry(project: ProjectDir, backup: Path) -> None:
    plant(backup, [file("a")])
    pack = backup / ".proj/packs" / f"{NAME[:32]}.pack"
    pack.write_bytes(gzip.compress(bytes(200 << 20)))
    index = {"format": 1, "contents": {NAME: [0, pack.stat().st_size, 5]}}
    pack.with_suffix(".json").write_text(json.dumps(index))
    done = pulled(project, backup)
    assert done.code == 1
    assert not project.exists("into/a")
    large = 300_000
    plant(backup, [file("a", size=large)])
    content = backup / ".proj/contents" / NAME[:2] / NAME
    content.parent.mkdir(parents=True)
    content.write_bytes(gzip.compress(bytes(200 << 20)))
    done = pulled(project, backup)
    assert (done.code, "unpacks to more" in done.err) == (1, True)
    assert os.listdir(project.path / "into") == [".proj"]


def test_other_bytes_under_the_name_of_a_content_are_refused(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    for pack in backup.glob(".proj/packs/*.pack"):
        spoil(pack)
    other = iris.beside("other")
    assert other.proj("snapshot", "pull", "--from", str(backup)).code == 1
    verified = iris.proj("snapshot", "verify")
    assert verified.code == 1


def test_a_damaged_pack_is_named_and_the_next_push_stores_its_contents_again(iris: ProjectDir, backup: Path) -> None:
    for number in range(9):
        iris.write(f"out/{number}.bin", str(Random(number).randbytes(3000)))
    push(iris)
    largest = largest_pack(backup)
    spoil(largest)
    verified = iris.proj("snapshot", "verify")
    assert verified.code == 1
    hint = f"delete `.proj/packs/{largest.name}` from the remote; then `proj snapshot push` stores the contents again"
    assert f"  hint: {hint}\n" in verified.err
    largest.unlink()
    push(iris)
    assert iris.proj("snapshot", "verify").code == 0
    assert iris.beside("other").proj("snapshot", "pull", "--from", str(backup), "--into", "here").code == 0


def test_a_local_link_is_not_followed(iris: ProjectDir, backup: Path, tmp_path: Path) -> None:
    push(iris)
    outside = tmp_path / "outside"
    outside.mkdir()
    other = iris.beside("other")
    (other.path / "src").symlink_to(outside)
    done = other.proj("snapshot", "pull", "--from", str(backup), "--into", ".")
    assert (done.code, "`src` exists only locally" in done.err) == (1, True)
    done = other.proj("snapshot", "pull", "--from", str(backup), "--into", ".", "--force")
    assert done.code == 0, done.err
    assert tree(other.path) == tree(iris.path)
    assert list(outside.iterdir()) == []
