"""The hooks for pre-commit accept a good project and refuse a bad one."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml
from harness import ProjectDir

HOOKS = yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text("utf-8"))
WORDS = {hook["id"]: shlex.split(hook["entry"])[1:] for hook in HOOKS}


def test_both_hooks_accept_a_project_that_is_up_to_date(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], outputs: [out]}]\n")
    assert project.proj("run", "a").code == 0
    assert [project.proj(*words).code for words in WORDS.values()] == [0, 0]


def test_one_hook_refuses_a_project_that_is_out_of_date(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], outputs: [out]}]\n")
    assert project.proj(*WORDS["proj-validate"]).code == 0
    assert project.proj(*WORDS["proj-status"]).code == 1


def test_both_hooks_refuse_a_project_that_is_not_valid(project: ProjectDir) -> None:
    project.project("commands: [{name: a, skript: [touch out]}]\n")
    assert [project.proj(*words).code for words in WORDS.values()] == [2, 1]
