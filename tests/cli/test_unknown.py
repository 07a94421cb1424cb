"""A first word that is not a subcommand: what the user probably wants."""

from __future__ import annotations

import re

import pytest
from harness import ProjectDir

from weaselish.cli.mistakes import OF_OTHER_TOOLS as OPTIONS_OF_OTHER_TOOLS
from weaselish.cli.subcommand import GROUPS, MODULES, load_subcommand
from weaselish.cli.unknown import ELSEWHERE

OF_OTHER_TOOLS = [
    "list", "ls-steps", "build", "repro", "install", "add", "dag", "check", "lint",
    "start", "test", "watch", "dry-run", "checkout", "fetch", "exp", "metrics", "plots", "params",
    "show", "commit", "remove", "update",
]  # fmt: skip


def hint(project: ProjectDir, *words: str) -> str:
    done = project.proj(*words)
    assert done.code == 2
    error, hint = done.err.splitlines()
    assert error == f"error: no subcommand named `{words[0]}`"
    return hint.removeprefix("  hint: ")


@pytest.mark.parametrize("word", OF_OTHER_TOOLS)
def test_a_subcommand_of_another_tool_gets_the_one_of_proj(project: ProjectDir, word: str) -> None:
    project.project("commands: [{name: a, script: [echo]}]")
    if word not in MODULES:
        assert hint(project, word) == ELSEWHERE[word]


def test_the_hints_name_subcommands_that_exist() -> None:
    known = {*MODULES, *GROUPS}
    assert not known & ELSEWHERE.keys()
    for text in ELSEWHERE.values():
        for words in re.findall(r"`proj ([a-z][a-z ]*)", text):
            first, _, _ = words.partition(" ")
            assert first in known


def test_the_name_of_a_command_or_workflow_gets_the_line_that_runs_it(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: train, matrix: {lang: [de, en]}, script: ["echo ${matrix.lang}"]}
          - {name: "two words", script: [echo]}
        workflows: {test: [train]}
        """)
    assert hint(project, "train") == "`proj run train`"
    assert hint(project, "train@de") == "`proj run train@de`"
    assert hint(project, "two words") == "`proj run 'two words'`"
    assert hint(project, "two") == "did you mean `proj run 'two words'`?"
    assert hint(project, "test") == "`proj run test`"
    assert hint(project, "trian") == "did you mean `proj run train`?"
    assert hint(project, "xyzzy") == "`proj --help` lists the subcommands, `proj` alone the commands"


@pytest.mark.parametrize("word", ["run train", "lock reset", "lock rest", "help run", "no such"])
def test_a_quoted_word_with_blanks_is_one_word(project: ProjectDir, word: str) -> None:
    project.project("commands: [{name: train, script: [touch ran]}]")
    shown = hint(project, word)
    assert not project.exists("ran")
    assert (shown == f"without quotes: `proj {word}`") is (word.split()[0] in {*MODULES, *GROUPS})


def test_a_command_of_a_broken_project_is_known(project: ProjectDir) -> None:
    project.project("commands:\n  - name: train\n    script: [echo]\n    oops: 1\n  - 5\n")
    assert hint(project, "train") == "`proj run train`"


def test_outside_a_project_the_hint_says_so(project: ProjectDir) -> None:
    outside = project.beside("outside")
    for word in ("train", "xyzzy"):
        assert hint(outside, word).startswith("no project.yml in the current directory or in one above: `cd` into")
        assert "`proj init`" in hint(outside, word) and "`proj clone --list`" in hint(outside, word)
    assert hint(outside, "stauts") == "did you mean `proj status`?"


@pytest.mark.parametrize("words", [("run",), ("why",), ("status",), ("log",), ("push", "-c"), ("pull", "-c")])
def test_a_path_in_place_of_a_command_gets_the_commands_that_write_or_read_it(
    project: ProjectDir, words: tuple[str, ...]
) -> None:
    project.project("""\
        commands:
          - {name: prepare, script: ["true"], deps: [prepare.py, "raw/*.csv"], outputs: [data]}
          - {name: train, script: ["true"], deps: [data], outputs: [model], metrics: [metrics.json]}
        remotes: {default: ../remote}
        """)
    for path, expected in (
        ("model", "a path: `train` writes it; name a command"),
        ("./metrics.json", "a path: `train` writes it; name a command"),
        ("data/train.csv", "a path: `prepare` writes it; name a command"),
        ("prepare.py", "a path: `prepare` reads it; name a command"),
        ("raw/a.csv", "a path: `prepare` reads it; name a command"),
        ("other.csv", "defined: `prepare`, `train`"),
        ("raw", "defined: `prepare`, `train`"),
        ("trian", "did you mean `train`?"),
    ):
        done = project.proj(*words, path)
        assert done.code == 2
        assert done.err.splitlines()[-1] == f"  hint: {expected}", path


@pytest.mark.parametrize("option", OPTIONS_OF_OTHER_TOOLS)
def test_an_option_of_another_tool_gets_that_of_proj_run(project: ProjectDir, option: str) -> None:
    project.project("commands: [{name: a, script: [echo]}]")
    known = {flag for one in load_subcommand("run").all_options for flag in one.flags}
    assert option not in known
    for flag in re.findall(r"--[a-z-]+", OPTIONS_OF_OTHER_TOOLS[option]):
        assert flag in known or flag == "--vars"
    done = project.proj("run", "a", option, "x")
    assert done.code == 2
    assert done.err == f"error: `proj run` has no option `{option}`\n  hint: {OPTIONS_OF_OTHER_TOOLS[option]}\n"
