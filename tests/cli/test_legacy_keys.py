"""Keys of spaCy projects that mean nothing any more: each is mentioned once, and the project runs."""

from __future__ import annotations

import pytest
from harness import ProjectDir

NOTICES = {
    "spacy_version": "project.yml:1:1: warning: `spacy_version` is ignored: declare what you need in requirements.txt",
    "check_requirements": "project.yml:2:1: warning: `check_requirements` is ignored: requirements are not checked",
}


@pytest.fixture
def legacy(project: ProjectDir) -> ProjectDir:
    project.project(
        """\
        spacy_version: ">=3.0,<4.0"
        check_requirements: false
        commands: [{name: a, script: ["true"]}, {name: b, script: ["true"]}]
        workflows: {all: [a, b]}
        """
    )
    return project


def test_a_run_of_several_steps_mentions_each_key_once(legacy: ProjectDir) -> None:
    done = legacy.proj("run", "all")
    assert done.code == 0
    for key, notice in NOTICES.items():
        assert (done.err.count(notice), done.err.count(key)) == (1, 1)


def test_validate_mentions_them_and_questions_do_not(legacy: ProjectDir) -> None:
    done = legacy.proj("validate")
    assert done.code == 0
    assert all(done.err.count(key) == 1 for key in NOTICES)
    for words in (["status"], ["document"], ["vars"], ["graph"]):
        assert not any(key in legacy.proj(*words).err for key in NOTICES)


def test_an_empty_title_or_help_counts_as_missing(project: ProjectDir) -> None:
    project.project("title:\ndescription:\ncommands: [{name: a, help: , script: [echo done]}]")
    assert project.proj("validate").err == ""
    assert project.proj().code == project.proj("document").code == 0
    assert project.proj("run", "a").out.endswith("done\n")
