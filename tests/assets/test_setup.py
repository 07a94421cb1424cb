"""`proj clone --setup`: the project's environment and its packages, from local sources."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from cli.screen import Screen
from harness import ProjectDir, wait_until

from weaselish.interpreter import project_python

PROJECT = "commands: [{name: hello, script: [python hello.py], outputs: [out.txt]}]\n"
SCRIPT = "import sys, tiny\nopen('out.txt', 'w').write(sys.prefix + tiny.WORD)\n"


@pytest.fixture
def upstream(project: ProjectDir) -> ProjectDir:
    """A repository whose project needs a package that only its requirements provide."""
    upstream = project.beside("upstream")
    upstream.project(PROJECT)
    upstream.write("hello.py", SCRIPT)
    upstream.write("requirements.txt", "--no-index\n--no-build-isolation\n./tiny\n")
    upstream.write("tiny/pyproject.toml", "[project]\nname = 'tiny'\nversion = '1'\n")
    return upstream


def commit(upstream: ProjectDir) -> str:
    upstream.git("init")
    upstream.git("add", ".")
    upstream.git("commit", "-m", "x")
    return str(upstream.path)


def fake_uv(project: ProjectDir, script: str) -> dict[str, str]:
    """Return an environment in which `uv` is a shell script."""
    program = project.beside("bin").write("uv", f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{project.environ['PATH']}"}


FAKE = f"""\
echo "uv ran: $*"
[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip .venv
site=$(echo .venv/lib/python*/site-packages)
echo "WORD = 'installed'" > "$site/tiny.py"
"""


def test_setup_installs_with_uv_and_the_scripts_of_the_project_use_it(
    project: ProjectDir, upstream: ProjectDir
) -> None:
    env = fake_uv(project, FAKE)
    done = project.process("clone", ".", "copy", "--repo", commit(upstream), "--setup", env=env)
    assert (done.code, done.out) == (0, "")
    assert f"Running command: uv venv --python {sys.executable} .venv\n" in done.err
    assert "uv pip install --python .venv/bin/python -r requirements.txt\n" in done.err
    assert done.err.endswith(
        "✔ installed the packages of requirements.txt into .venv\nnext:\n  cd copy\n  proj run hello\n"
    )
    assert "uv ran" not in done.err
    active = {"VIRTUAL_ENV": sys.prefix}  # of proj itself
    assert project.process("run", "hello", cwd="copy", env=active).code == 0
    assert project.read("copy/out.txt") == f"{project.path}/copy/.venvinstalled"


def test_without_uv_it_is_venv_and_pip(project: ProjectDir, upstream: ProjectDir) -> None:
    upstream.write("requirements.txt", "# nothing\n")
    env = {"PATH": "/usr/bin:/bin"}
    done = project.process("clone", ".", "copy", "--repo", commit(upstream), "--setup", env=env)
    assert done.code == 0, done.err
    assert "Running command: python -m venv .venv\n" in done.err
    assert "Running command: .venv/bin/python -m pip install -r requirements.txt\n" in done.err
    assert os.access(project.path / "copy/.venv/bin/pip", os.X_OK)


def test_a_failed_setup_leaves_a_usable_clone_and_says_how_to_repeat_it(
    project: ProjectDir, upstream: ProjectDir
) -> None:
    env = fake_uv(project, 'echo "no network"\n[ "$1" = venv ] || exit 7\n')
    done = project.process("clone", ".", "copy", "--repo", commit(upstream), "--setup", env=env)
    assert done.code == 1
    install = "uv pip install --python .venv/bin/python -r requirements.txt"
    assert "no network\n" in done.err
    assert f"error: the setup failed: `{install}`: exit code 7\n" in done.err
    assert f"  hint: the project itself is complete; try again: cd copy && {install}\n" in done.err
    assert project.read("copy/project.yml") == PROJECT


def test_the_output_of_the_installer_is_shown_with_verbose(project: ProjectDir, upstream: ProjectDir) -> None:
    env = fake_uv(project, FAKE)
    done = project.process("clone", ".", "copy", "--repo", commit(upstream), "--setup", "-v", env=env)
    assert "uv ran: pip install --python .venv/bin/python -r requirements.txt\n" in done.err


def test_a_terminal_shows_the_last_line_of_the_installer_until_it_ends(
    project: ProjectDir, upstream: ProjectDir
) -> None:
    project.write_wait()
    env = fake_uv(
        project, f"echo Collecting tiny\necho Downloading tiny\n[ $1 = venv ] || sh {project.path}/wait.sh ../uv\n"
    )
    screen = Screen(project, "clone", ".", "copy", "--repo", commit(upstream), "--setup", columns=200, env=env)
    screen.sees("Running command: uv pip")
    screen.sees("Downloading tiny")
    assert "Collecting" not in screen.text
    project.let_go("uv")
    assert screen.ends() == 0
    assert "tiny" not in screen.text


def test_ctrl_c_ends_a_setup_and_its_processes(project: ProjectDir, upstream: ProjectDir) -> None:
    env = fake_uv(project, "echo $$ > started.new && mv started.new started\nsleep 1000\n")
    running = project.start("clone", ".", "copy", "--repo", commit(upstream), "--setup", env=env)
    wait_until(lambda: project.exists("copy/started"))
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(project.read("copy/started")), 0)
    assert project.proj("validate", cwd="copy").code == 0


def test_a_project_without_requirements_has_nothing_to_set_up(project: ProjectDir, upstream: ProjectDir) -> None:
    (upstream.path / "requirements.txt").unlink()
    done = project.proj("clone", ".", "copy", "--repo", commit(upstream), "--setup")
    assert done.code == 0
    assert "nothing to set up: it has no requirements.txt and no pyproject.toml\n" in done.err


def test_the_environment_of_proj_itself_does_not_hide_the_one_of_the_project(tmp_path: Path) -> None:
    own = tmp_path / ".venv/bin/python"
    other = tmp_path / "other/bin/python"
    for python in (own, other):
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    assert project_python(tmp_path, {"VIRTUAL_ENV": sys.prefix}) == str(own)
    assert project_python(tmp_path, {"CONDA_PREFIX": sys.prefix}) == str(own)
    assert project_python(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "other")}) == str(other)
    conda = {"CONDA_PREFIX": str(tmp_path / "other")}
    assert project_python(tmp_path, {**conda, "CONDA_DEFAULT_ENV": "mine"}) == str(other)
    assert project_python(tmp_path, {**conda, "CONDA_DEFAULT_ENV": "base"}) == str(own)
    own.unlink()
    assert project_python(tmp_path, {"VIRTUAL_ENV": sys.prefix}) == sys.executable
    assert project_python(tmp_path, {**conda, "CONDA_DEFAULT_ENV": "base"}) == str(other)
