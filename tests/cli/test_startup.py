"""Which modules the most frequent subcommands import: each one costs every call its import time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from harness import ProjectDir

HEAVY = {
    "concurrent.futures",
    "dataclasses",
    "inspect",
    "logging",
    "networkx",
    "rich",
    "shutil",
    "subprocess",
    "tempfile",
    "typer",
    "wasabi",
    "yaml",
    "weaselish.engine.run.execution",
    "weaselish.executors.local.executor",
    "weaselish.model.parse",
}
SHOW = """
import json, sys
from weaselish.__main__ import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def modules_after(words: list[str], project: ProjectDir) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *words], cwd=project.path, stdout=subprocess.PIPE, text=True, check=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    return set(modules)


@pytest.mark.parametrize("words", [["run", "b"], ["run", "b", "-j8"], ["run", "all"]], ids=" ".join)
def test_finding_nothing_to_do_imports_nothing_heavy(words: list[str], project: ProjectDir) -> None:
    project.project(
        """
        commands:
          - {name: a, script: [cp in.txt a.txt], deps: [in.txt], outputs: [a.txt]}
          - {name: b, script: [cp a.txt b.txt], deps: [a.txt], outputs: [b.txt]}
        workflows: {all: [a, b]}
        """
    )
    project.write("in.txt", "1")
    assert project.process("run", "all").code == 0
    for_threads = {"concurrent.futures", "logging"} if "-j8" in words else set()
    assert modules_after(words, project) & HEAVY <= for_threads


def test_completion_imports_nothing_heavy(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], outputs: [a]}]")
    assert project.process("run", "a").code == 0
    for words in (["run", ""], ["run", "--"], ["clone", ""], ["push", ""]):
        assert not modules_after(["--complete", "zsh", *words], project) & HEAVY
    assert not modules_after(["--complete", "zsh", ""], project) & HEAVY


def test_running_a_step_of_a_new_project_imports_no_more_than_it_needs(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [cp in.txt a.txt], deps: [in.txt], outputs: [a.txt]}]")
    project.write("in.txt", "1")
    needed = {"concurrent.futures", "logging", "subprocess", "yaml", "weaselish.engine.run.execution"}
    needed |= {"weaselish.executors.local.executor", "weaselish.model.parse", "shutil"}
    assert modules_after(["run", "a", "-j8"], project) & HEAVY <= needed


def test_the_version_needs_no_project_and_few_imports(project: ProjectDir) -> None:
    ours = {name for name in modules_after(["--version"], project) if name.startswith("weaselish.")}
    assert ours <= {
        "weaselish.__main__",
        "weaselish.cli",
        "weaselish.cli.arguments",
        "weaselish.named_tuple",
        "weaselish.cli.dispatch",
        "weaselish.cli.quick",
        "weaselish.cli.subcommand",
        "weaselish.cli.version",
        "weaselish.errors",
        "weaselish.resolved_secrets",
        "weaselish.terminal",
    }


def test_help_imports_neither_typer_nor_the_workspace_nor_the_engine(project: ProjectDir) -> None:
    modules = modules_after(["--help"], project)
    assert "typer" not in modules
    assert not {name for name in modules if name.startswith(("weaselish.workspace", "weaselish.engine"))}
