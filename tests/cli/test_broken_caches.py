"""Files below `.proj` that only save time may be anything: they count as missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Done, ProjectDir

from weaselish.files.cache_file import read_cache, write_cache

QUESTIONS = (
    ["status", "--json"],
    ["ls", "--json"],
    ["run", "all", "--dry"],
    ["pull", "--dry"],
    ["push", "--dry"],
    ["log", "--json"],
)


def nested(path: Path) -> None:
    path.write_bytes(b"[" * 5_000)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def of_other_types(path: Path) -> None:
    """Numbers become text, and text becomes numbers, where the file has no checksum."""
    head, _, text = path.read_bytes().rpartition(b"\n")
    path.write_bytes((head + b"\n" if head else b"") + text.replace(b"1", b'"1"').replace(b'"', b""))


@pytest.fixture
def shared(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A project with an asset, whose caches all exist."""
    project.write("source.txt", "1\n")
    project.project(f"""\
        assets: [{{dest: raw.txt, url: ./source.txt}}]
        commands:
          - {{name: make, script: [sh make.sh], deps: [raw.txt], outputs: [made]}}
          - {{name: use, script: [cp made/a used.txt], deps: [made], outputs: [used.txt]}}
        workflows: {{all: [make, use]}}
        remotes: {{default: {tmp_path}/remote}}
        """)
    project.write("make.sh", "mkdir -p made; cp raw.txt made/a\n")
    for words in (["assets"], ["run", "all"], ["push"], ["ls"]):
        assert project.proj(*words).code == 0
    return project


def caches(project: ProjectDir) -> list[Path]:
    found = list(project.path.glob(".proj/cache/*"))
    kinds = {path.name.partition("-")[0] for path in found}
    assert {"files.json", "project", "remote", "tree", "clock"} <= kinds
    return sorted(path for path in found if path.is_file() and path.stat().st_size)


@pytest.mark.parametrize("damage", [nested, pipe, directory, empty, truncated, of_other_types])
def test_a_damaged_cache_changes_no_answer(shared: ProjectDir, damage: Callable[[Path], None]) -> None:
    expected: list[Done] = [shared.proj(*words) for words in QUESTIONS]
    for words, answer in zip(QUESTIONS, expected, strict=True):
        for path in caches(shared):
            damage(path)
        assert shared.proj(*words) == answer, words
        for path in shared.path.glob(".proj/cache/*"):
            path.unlink() if not path.is_dir() else path.rmdir()
        assert shared.proj("status").code == shared.proj("ls").code == shared.proj("run", "all").code == 0


@pytest.mark.parametrize("damage", [nested, pipe, directory, empty, truncated])
def test_a_damaged_note_on_an_asset_leaves_the_asset_alone(shared: ProjectDir, damage: Callable[[Path], None]) -> None:
    (note,) = shared.path.glob(".proj/assets/*.json")
    damage(note)
    done = shared.proj("assets")
    assert (done.code, done.err) == (
        0,
        "– raw.txt: left unchanged: it was not fetched by proj, and has no checksum\n"
        "  hint: `--force` fetches it\n1 left\n",
    )


def test_a_cache_is_read_only_if_its_checksum_is_right(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    data = {"names": ["\udcff", "é"], "numbers": [1, -(2**62), 0.5], "none": None}
    write_cache(path, data)
    assert read_cache(path) == data
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError):
            read_cache(path)
    path.write_text(json.dumps(data))  # as earlier versions wrote it
    with pytest.raises(ValueError):
        read_cache(path)
