"""Completion in real shells, on a terminal; and what `proj` answers them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import ProjectDir
from screen import Screen

SHELLS = ("bash", "zsh", "fish")
START = {
    "bash": ["bash", "--noprofile", "--rcfile", "start", "-i"],
    "zsh": ["zsh", "-d", "-i"],
    "fish": ["fish", "--no-config", "-i", "-C", "source start"],
}
PROJECT = """\
vars: {epochs: 3, token_secret: abc}
remotes: {default: ../remote, backup: "s3://bucket/x"}
commands:
  - name: train
    matrix: {lang: [de], size: [sm, lg]}
    help: "Train: ${matrix.size}"
    script: ["touch ${matrix.size}"]
    outputs: ["${matrix.size}"]
  - {name: "a:b", help: Colon, script: [touch c], outputs: [c]}
  - {name: "two words", help: Space, script: [touch d], outputs: [d]}
workflows: {everything: ["a:b"]}
"""

Ask = Callable[..., list[str]]


@pytest.fixture
def place(project: ProjectDir) -> ProjectDir:
    """A project with odd names, and `proj` on the PATH."""
    project.project(PROJECT)
    project.write("folder/file.txt")
    program = project.beside("bin").write("proj", f'#!/bin/sh\nexec {sys.executable} -m weaselish "$@"\n')
    program.chmod(0o755)
    project.environ["PATH"] = f"{program.parent}:{project.environ['PATH']}"
    return project


def open_shell(shell: str, place: ProjectDir) -> Screen:
    """Start a shell that has read the completion script; return once it prompts."""
    assert shutil.which(shell), f"{shell} is missing: tests/install-servers installs it"
    script = place.proj("completion", shell).out
    prompt = "function fish_prompt; echo 'ready> '; end\n" if shell == "fish" else "PS1='ready> '\n"
    place.write("start", script + prompt)
    home = Path(place.environ["HOME"])
    (home / ".zshrc").write_text(f"PS1='ready> '\neval \"$({sys.executable} -m weaselish completion zsh)\"\n")
    screen = Screen(START[shell], place.path, {**place.environ, "SHELL": shell})
    screen.wait_for("ready>")
    return screen


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("proj valid", "proj validate "),
        ("proj lock re", "proj lock reset "),
        ("proj run ev", "proj run everything "),
        ("proj run tr", "proj run train"),
        ("proj run train@", "proj run train@de-"),
        ("proj run train@de-s", "proj run train@de-sm "),
        ("proj run --vars.e", "proj run --vars.epochs "),
        ("proj run --output q", "proj run --output quiet "),
        ("proj run --output=q", "proj run --output=quiet "),
        ("proj push b", "proj push backup "),
        ("proj clone peng", "proj clone penguins "),
        ("proj validate fol", "proj validate folder/"),
        ("proj -C folder run ev", "proj -C folder run everything "),
    ],
)
def test_tab_completes(place: ProjectDir, shell: str, typed: str, completed: str) -> None:
    with open_shell(shell, place) as screen:
        screen.press(f"{typed}\t")
        screen.wait_for(f"ready> {completed}".rstrip())
        screen.press("x")
        screen.wait_for(f"ready> {completed}x")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("typed", ["a", "a:", "tw", "'tw", "two\\ w"])
def test_a_name_with_a_colon_or_a_space_arrives_as_one_word(place: ProjectDir, shell: str, typed: str) -> None:
    with open_shell(shell, place) as screen:
        screen.press(f"proj run -n {typed}\t\r")
        screen.wait_for("Would run: touch c" if typed.startswith("a") else "Would run: touch d")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_list_has_the_help_of_each_candidate(place: ProjectDir, shell: str) -> None:
    with open_shell(shell, place) as screen:
        screen.press("proj run train\t\t\t")
        shown = screen.wait_for("Train: lg")
        assert "Train: sm" in shown


# -- what `proj` answers ----------------------------------------------------------------------------------------------


def answers(project: ProjectDir, *words: str) -> list[str]:
    """Ask as zsh does; return the lines of the answer."""
    done = project.proj("--complete", "zsh", *words)
    assert (done.code, done.err) == (0, "")
    return done.out.splitlines()


def names(project: ProjectDir, *words: str) -> list[str]:
    return [line.partition("\t")[0] for line in answers(project, *words)]


def test_each_subcommand_option_and_value_is_offered_with_its_help(place: ProjectDir) -> None:
    assert "status\tShow which commands are up to date, or why they are not." in answers(place, "")
    assert "accept\tRecord the current outputs as up to date, without a run." in answers(place, "lock", "")
    assert "--jobs\tObjects at a time." in answers(place, "push", "-")
    assert names(place, "run", "--output", "") == ["raw", "prefix", "group", "quiet", "live"]
    assert names(place, "run", "--from", "")[:2] == ["train", "train@de-sm"]
    assert "everything\ta:b" in answers(place, "run", "")
    assert "default\t../remote" in answers(place, "push", "")
    assert "minimal\tMinimal" in answers(place, "clone", "")
    assert names(place, "help", "push", "-") == names(place, "push", "-")


def test_what_was_given_is_not_offered_again(place: ProjectDir) -> None:
    assert "train@de-sm" not in names(place, "run", "train@de-sm", "")
    assert "--jobs" not in names(place, "push", "-j", "4", "-")
    assert "--command" in names(place, "push", "-c", "a:b", "-")  # may be repeated
    assert names(place, "run", "--vars.epochs", "9", "train@de-sm", "") == [
        "train",
        "train@de-lg",
        "a:b",
        "two words",
        "everything",
    ]
    assert "a:b" in names(place, "-v", "run", "--vars.epochs=9", "")


def test_paths_are_left_to_the_shell(place: ProjectDir) -> None:
    assert answers(place, "-C", "") == ["\tdirectories"]
    assert answers(place, "run", "a:b", "--", "fi") == ["\tfiles"]
    assert answers(place, "document", "--output", "") == ["\tfiles"]
    assert answers(place, "init", "") == ["\tdirectories"]
    assert answers(place, "run", "folder")[-1] == "\tdirectories"
    assert "\tdirectories" not in answers(place, "run", "train")


def test_variables_are_offered_with_their_values_except_secrets(place: ProjectDir) -> None:
    shown = answers(place, "run", "--")
    assert "--vars.epochs\t3" in shown
    assert "--vars.token_secret\t" in shown


def test_a_broken_project_is_silent_and_its_names_are_still_found(place: ProjectDir) -> None:
    place.project(
        "vars: {a: [}\ncommands:\n  - name: one\n  - {name: 'the other', help: x}\nworkflows:\n  all: [one]\n"
    )
    assert names(place, "run", "o") == ["one", "the other", "all"]
    place.project("commands: 5\n")
    assert answers(place, "run", "o") == ["\tdirectories"]
    place.write("project.yml", "\x00\x01")
    assert answers(place, "run", "o") == ["\tdirectories"]
    place.remove("project.yml")
    assert answers(place, "run", "o") == ["\tdirectories"]
    assert "run" in names(place, "")


def test_a_large_project_is_searched_until_it_is_compiled(place: ProjectDir) -> None:
    """Its steps of a matrix, say, are known as soon as any subcommand has read the file."""
    steps = [f"  - {{name: step-{number}, help: Number {number}, script: [touch {number}]}}" for number in range(1000)]
    place.project("\n".join(["commands:", *steps, "workflows:", "  all: [step-1]", ""]))
    assert len(names(place, "run", "s")) == 1001
    assert "step-7\t" in answers(place, "run", "s")
    place.proj("run", "step-0")
    assert "step-7\tNumber 7" in answers(place, "run", "s")


def test_the_description_of_a_name_cannot_steer_the_terminal(place: ProjectDir) -> None:
    place.project('commands: [{name: "a", help: "e\\e[2J\\a"}, {name: "b\\e[2J"}]')
    assert answers(place, "run", "a") == ["a\te\\x1b[2J\\x07"]


@pytest.mark.parametrize(
    ("kind", "replaced", "line", "inserted"),
    [
        ("9", "tw", "proj run tw", ["two\\ words"]),
        ("9", "tw", "proj run 'tw", ["two words"]),
        ("9", "@de-s", "proj run train@de-s", ["@de-sm"]),
        ("9", "b", "proj run a:b", ["b"]),
        ("9", "", "proj run a:", ["b"]),
        ("9", "q", "proj run --output=q", ["quiet"]),
        ("63", "@", "proj run train@", ["@de-sm  (Train: sm)", "@de-lg  (Train: lg)"]),
        ("63", "ev", "proj run ev", ["everything"]),
        ("9", "no", "proj run no", ["\tdirectories"]),
        ("9", "x\\", "proj run x\\", ["\tdirectories"]),
    ],
)
def test_bash_gets_the_text_to_insert(
    place: ProjectDir, kind: str, replaced: str, line: str, inserted: list[str]
) -> None:
    assert place.proj("--complete", "bash", kind, replaced, line).out.splitlines() == inserted


def test_completion_explains_itself(place: ProjectDir) -> None:
    assert place.proj("completion", env={"SHELL": "/bin/zsh"}).err.endswith("hint: `proj completion zsh`\n")
    assert place.proj("completion", "csh").code == 2
    for shell in SHELLS:
        assert place.proj("completion", shell).out.startswith(("# Completion", "#compdef"))
