"""Every subcommand in an unusual environment: it works or says what is wrong, without a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness import TIMEOUT, ProjectDir

from weaselish.cli.subcommand import MODULES

WORDS = {  # subcommand -> the rest of a call that works in the project below
    "run": "all",
    "remote test": "default",
    "lock accept": "greet",
    "lock reset": "greet",
    "init": "new",
    "clone": "penguins birds",
    "document": "--output README.md",
    "dvc": ". all",
}
LINES = ["", "--help", "--version", *(f"{name} {WORDS.get(name, '')}".strip() for name in MODULES), "run all --dry"]


@pytest.fixture
def shared(project: ProjectDir) -> ProjectDir:
    project.project("""\
        title: Überblick → ☃
        commands: [{name: greet, help: Grüße, script: [touch out], outputs: [out]}]
        workflows: {all: [greet]}
        remotes: {default: ../remote}
        """)
    project.write("out")
    return project


def in_shell(project: ProjectDir, line: str, script: str, unset: tuple[str, ...] = (), **env: str) -> tuple[int, str]:
    """Run `proj LINE` where `script` has `PROJ`; return its exit code and stderr."""
    environ = {name: value for name, value in {**project.environ, **env}.items() if name not in unset}
    done = subprocess.run(
        ["sh", "-c", script.replace("PROJ", f"{sys.executable} -m weaselish {line}")],
        cwd=project.path,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
    )
    return done.returncode, done.stderr.decode("utf-8", "replace")


@pytest.mark.parametrize("line", LINES)
def test_without_home_in_an_ascii_locale_and_40_columns(shared: ProjectDir, line: str) -> None:
    code, err = in_shell(shared, line, "PROJ", ("HOME",), LANG="C", LC_ALL="C", PYTHONUTF8="0", COLUMNS="40")
    assert "Traceback" not in err
    assert code == 0, err


@pytest.mark.parametrize("line", LINES)
def test_with_stdout_closed(shared: ProjectDir, line: str) -> None:
    code, err = in_shell(shared, line, "PROJ >&-")
    assert "Traceback" not in err
    assert code == 0, err


@pytest.mark.parametrize("line", LINES)
def test_with_a_full_stdout(shared: ProjectDir, line: str) -> None:
    code, err = in_shell(shared, line, "PROJ > /dev/full")
    assert "Traceback" not in err
    assert code == 0 or "No space left on device" in err or "no space left" in err, err


@pytest.mark.parametrize("line", LINES)
def test_in_a_directory_that_was_deleted(shared: ProjectDir, line: str) -> None:
    script = "mkdir gone && cd gone && rmdir ../gone && PROJ"
    code, err = in_shell(shared, line, script)
    assert "Traceback" not in err
    assert code in (0, 1, 2)
    assert code == 0 or "error: " in err
