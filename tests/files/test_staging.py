"""Staging directories of killed processes, and those of living ones."""

from __future__ import annotations

import os
from pathlib import Path

from harness import ProjectDir

from weaselish.files.staging import remove_abandoned, staging_directory


def kill_while_staging(target: Path, notes: Path) -> None:
    """Fork a process that dies while it writes the successor of `target`."""
    child = os.fork()
    if not child:
        with staging_directory(target, notes) as place:
            (place / "half").write_text("")
            os._exit(9)
    os.waitpid(child, 0)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    kill_while_staging(tmp_path / "models" / "best", tmp_path / "notes")
    assert len(os.listdir(tmp_path / "models")) == 1
    assert remove_abandoned(tmp_path / "notes")
    assert (os.listdir(tmp_path / "models"), os.listdir(tmp_path / "notes")) == ([], [])
    assert not remove_abandoned(tmp_path / "notes")


def test_the_staging_directory_of_a_living_process_stays(tmp_path: Path) -> None:
    with staging_directory(tmp_path / "best", tmp_path / "notes") as place:
        assert not remove_abandoned(tmp_path / "notes")
        assert place.is_dir()
    assert os.listdir(tmp_path / "notes") == []


def test_a_note_can_name_nothing_but_staging_directories(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    kept = [tmp_path / "data", tmp_path / ".x.proj-old-1-00000000", tmp_path / ".proj-new-00000000"]
    for number, path in enumerate(kept):
        path.mkdir()
        (tmp_path / "notes" / f"{number}").write_bytes(os.fsencode(path))
    (tmp_path / "notes" / "binary").write_bytes(b"\0\xff")
    os.mkfifo(tmp_path / "notes" / "pipe")
    remove_abandoned(tmp_path / "notes")
    assert all(path.is_dir() for path in kept)


def test_without_a_place_for_notes_it_works_too(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    with staging_directory(tmp_path / "best", tmp_path / "notes") as place:
        assert place.is_dir()


def test_no_step_reads_what_a_killed_pull_left(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: make, script: [touch models/best], outputs: [models/best]}
          - {name: count, script: [sh -c 'ls -A models > names'], deps: [models], outputs: [names]}
        workflows: {all: [make, count]}
        directories: [models]
        """)
    assert project.proj("run", "make").code == 0
    kill_while_staging(project.path / "models" / "best", project.path / ".proj" / "staging")
    assert project.proj("run", "all").code == 0
    assert project.read("names") == "best\n"
