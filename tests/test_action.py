"""The GitHub Action: its metadata is complete, and its shell steps do what they say."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import ProjectDir

ACTION: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "action" / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def test_the_metadata_is_what_github_requires() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION.keys() == {"name", "description", "branding", "inputs", "outputs", "runs"}
    for name, given in ACTION["inputs"].items():
        assert given["description"], name
        assert isinstance(given["default"], str), name
    for step in STEPS.values():
        assert ("run" in step) != ("uses" in step)
        assert step.get("shell") == ("bash" if "run" in step else None)
        assert "${{" not in step.get("run", "")  # an input is text, never a part of a script
    text = (Path(__file__).parent.parent / "action" / "action.yml").read_text("utf-8")
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []


def step(project: ProjectDir, name: str, **variables: str) -> tuple[int, str, str]:
    """Run a shell step as GitHub does; return its exit code, what it printed and the outputs that it set."""
    programs = project.path.parent / "bin"
    programs.mkdir(exist_ok=True)
    for program, words in {"proj": "-m weaselish", "python": ""}.items():
        (programs / program).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
        (programs / program).chmod(0o755)
    output = project.path.parent / "output"
    output.touch()
    declared = STEPS[name].get("env", {}).keys()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=project.path,
        env={
            **project.environ,
            **dict.fromkeys(declared, ""),
            **variables,
            "PATH": f"{programs}:{project.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout, output.read_text()


@pytest.fixture
def copies(project: ProjectDir) -> ProjectDir:
    project.project(
        "commands:\n"
        "  - {name: copy, script: [cp in out], deps: [in], outputs: [out]}\n"
        "  - {name: fail, script: [sh -c 'exit 3']}\n"
        "remotes: {default: ../shared}\n"
    )
    project.write("in", "1")
    return project


@pytest.mark.parametrize(
    ("variables", "installed"),
    [
        ({}, "{root}/action/.."),
        ({"EXTRAS": "s3,blake3"}, "{root}/action/..[s3,blake3]"),
        ({"PACKAGE": "dist/proj.whl", "EXTRAS": "s3"}, "dist/proj.whl"),
    ],
)
def test_the_install_step_takes_the_package_or_the_version_of_the_action(
    copies: ProjectDir, variables: dict[str, str], installed: str
) -> None:
    root = Path(__file__).parent.parent
    copies.write("pip.py", "import sys; print(sys.argv[1:])\n")  # in place of pip, which needs a network
    code, printed, _ = step(copies, "Install proj", PYTHONPATH=str(copies.path), OWN=f"{root}/action/..", **variables)
    assert (code, f"'{installed.format(root=root)}'" in printed) == (0, True), printed


def test_a_copy_of_the_action_needs_a_package(copies: ProjectDir) -> None:
    code, printed, _ = step(copies, "Install proj", OWN=str(copies.path))
    assert (code, printed) == (1, "::error::a copy of this action does not contain proj: set its input 'package'\n")


def test_the_validate_step_ends_a_job_with_a_wrong_project(copies: ProjectDir) -> None:
    assert step(copies, "Validate")[0] == 0
    copies.project("commands: [{nmae: x}]")
    code, printed, _ = step(copies, "Validate")
    assert (code, "unknown key `nmae`" in printed) == (2, True), printed


def test_the_run_step_runs_targets_with_options_and_a_cache(copies: ProjectDir) -> None:
    code, printed, output = step(copies, "Run", TARGETS="copy", OPTIONS="-j 2", CACHE="../cache")
    assert (code, output) == (0, "exit-code=0\n"), printed
    assert copies.exists("out")
    copies.remove("out")
    code, printed, _ = step(copies, "Run", TARGETS="copy", CACHE="../cache")
    assert (code, "restored" in printed) == (0, True), printed


def test_the_run_step_ends_with_the_code_of_the_failed_step_and_says_it(copies: ProjectDir) -> None:
    code, printed, output = step(copies, "Run", TARGETS="copy fail")
    assert (code, output) == (3, "exit-code=3\n"), printed


def test_the_push_step_stores_results(copies: ProjectDir) -> None:
    step(copies, "Run", TARGETS="copy")
    code, printed, _ = step(copies, "Push", REMOTE="default")
    assert (code, "1 pushed to default" in printed) == (0, True), printed
