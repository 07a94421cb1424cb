"""Where a run took place: the commit that its record names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import ProjectDir


@pytest.fixture
def one(project: ProjectDir) -> ProjectDir:
    project.project("commands: [{name: a, script: [cp in.txt out], deps: [in.txt], outputs: [out]}]")
    project.write("in.txt", "1")
    return project


def recorded_git(project: ProjectDir) -> Any:
    """Run the step, and return what its record says of git."""
    done = project.process("run", "a")
    assert (done.code, "Traceback" in done.err) == (0, False)
    journals = (project.path / ".proj/runs").rglob("*.jsonl")
    lines = [json.loads(line) for path in journals for line in path.read_text().splitlines() if line.strip()]
    records = [line["record"] for line in lines if line["event"] == "recorded"]
    return max(records, key=lambda record: record["run"])["git"]


def commit(project: ProjectDir) -> str:
    project.git("add", "in.txt", "project.yml")
    project.git("commit", "-q", "-m", "one")
    return project.git("rev-parse", "HEAD").strip()


def test_a_record_names_the_commit_and_whether_tracked_files_differ(one: ProjectDir) -> None:
    one.git("init", "-q")
    head = commit(one)
    one.write("untracked", "1")
    assert recorded_git(one) == {"commit": head, "dirty": False}
    one.write("in.txt", "2")
    assert recorded_git(one) == {"commit": head, "dirty": True}


def test_a_record_in_a_directory_of_the_repository_names_the_commit(one: ProjectDir) -> None:
    below = ProjectDir(one.path / "sub/project", one.path / "scratch")
    below.environ = one.environ
    one.git("init", "-q")
    head = commit(one)
    below.project(one.read("project.yml"))
    below.write("in.txt", "1")
    assert recorded_git(below) == {"commit": head, "dirty": False}


def test_a_record_outside_a_repository_names_none(one: ProjectDir) -> None:
    assert recorded_git(one) is None


@pytest.mark.parametrize("what", ["no commit", "broken"])
def test_a_repository_that_git_cannot_describe_does_not_stop_the_run(one: ProjectDir, what: str) -> None:
    one.git("init", "-q")
    if what == "broken":
        one.write(".git/HEAD", "nothing that git understands\n")
    assert recorded_git(one) is None
