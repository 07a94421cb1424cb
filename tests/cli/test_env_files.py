"""`env_files`: lock files of the software environment count in every key. `--strict-env`: what scripts get."""

from __future__ import annotations

import pytest
from harness import ProjectDir

PROJECT = """\
commands:
  - {name: a, script: [cp in.txt a.txt], deps: [in.txt], outputs: [a.txt]}
  - {name: b, script: [cp a.txt b.txt], deps: [a.txt], outputs: [b.txt]}
workflows: {all: [a, b]}
remotes: {default: ../remote}
"""


@pytest.fixture
def locked(project: ProjectDir) -> ProjectDir:
    project.project(f"env_files: [uv.lock]\n{PROJECT}")
    project.write("in.txt", "1")
    project.write("uv.lock", "numpy 1")
    assert project.proj("run", "all").code == 0
    return project


def reasons(project: ProjectDir) -> list[list[str]]:
    return [row["reasons"] for row in project.proj("status", "--json").json]


def test_a_changed_file_is_a_reason_that_names_it(locked: ProjectDir) -> None:
    assert locked.proj("status", "--check").code == 0
    locked.write("uv.lock", "numpy 2")
    assert reasons(locked) == [
        ["environment changed: uv.lock"],
        ["environment changed: uv.lock", "upstream will run: a"],
    ]
    run = locked.proj("run", "all", "--json").json["steps"]
    assert [row["reasons"] for row in run] == [["environment changed: uv.lock"]] * 2
    assert locked.proj("status", "--check").code == 0


def test_adding_and_removing_it_is_a_reason(locked: ProjectDir) -> None:
    locked.project(PROJECT)
    assert reasons(locked)[0] == ["environment changed: uv.lock (removed)"]
    locked.proj("run", "all")
    locked.project(f"env_files: [uv.lock]\n{PROJECT}")
    assert reasons(locked)[0] == ["environment changed: uv.lock (added)"]


def test_without_it_keys_are_the_same_as_before(locked: ProjectDir) -> None:
    with_file = locked.proj("status", "--json").json[0]["key"]
    locked.project(PROJECT)
    without = locked.proj("status", "--json").json[0]["key"]
    assert with_file != without
    locked.project(f"env_files: []\n{PROJECT}")
    assert locked.proj("status", "--json").json[0]["key"] == without


def test_push_pull_and_accept_use_the_same_key(locked: ProjectDir) -> None:
    assert locked.proj("push").code == 0
    for path in ("a.txt", "b.txt"):
        locked.remove(path)
    locked.write("uv.lock", "numpy 2")
    assert "no matching run on the remote" in locked.proj("pull").err
    assert not locked.exists("a.txt")
    locked.write("uv.lock", "numpy 1")
    assert locked.proj("pull").code == 0
    assert locked.proj("status", "--check").code == 0
    locked.write("uv.lock", "numpy 2")
    assert "environment changed: uv.lock" in locked.proj("push").err
    assert locked.proj("lock", "accept", "all").code == 0
    assert locked.proj("status", "--check").code == 0
    assert locked.proj("push").code == 0
    assert locked.proj("clean", "--json").json[0]["remote"] == "default"


@pytest.mark.parametrize("words", [["run", "all"], ["run", "all", "--dry"], ["run", "a", "--only"]])
def test_a_missing_file_is_an_error_at_its_place(locked: ProjectDir, words: list[str]) -> None:
    locked.remove("uv.lock")
    done = locked.proj(*words)
    assert done.code == 2
    assert done.err.startswith("project.yml:1:13: error: `uv.lock` under `env_files` does not exist\n")
    for other in ("status", "push", "pull", "validate"):
        done = locked.proj(other)
        assert "`uv.lock` under `env_files` does not exist" in done.out + done.err
    assert locked.proj().code == 0


def test_a_glob_is_not_a_file(project: ProjectDir) -> None:
    project.project(f"env_files: ['*.lock']\n{PROJECT}")
    assert "an env file cannot be a glob: `*.lock`" in project.proj("run", "all").err


def test_a_file_that_changes_while_a_step_runs_leaves_no_record(project: ProjectDir) -> None:
    project.project("env_files: [uv.lock]\ncommands: [{name: a, script: [sh a.sh], outputs: [a.txt]}]\n")
    project.write("uv.lock", "1")
    project.write("a.sh", "echo 2 > uv.lock; touch a.txt")
    done = project.proj("run", "a")
    assert (done.code, "inputs changed while it ran" in done.err) == (1, True)


# -- --strict-env -----------------------------------------------------------------------------------------------------


def test_strict_env_passes_declared_variables_and_a_safe_base(project: ProjectDir) -> None:
    project.project("""\
        env: {token: HUB_TOKEN}
        dotenv: [.env]
        commands:
          - {name: show, script: [env], env: {OWN: "1"}}
        """)
    project.write(".env", "FROM_FILE=2\nIN_BOTH=3\n")
    given = {"HUB_TOKEN": "4", "IN_BOTH": "5", "UNDECLARED": "6", "LC_TIME": "C", "TZ": "UTC", "PYTHONSTARTUP": "x"}

    def names(*words: str) -> set[str]:
        out = project.proj("run", "show", *words, env=given).out
        return {line.partition("=")[0] for line in out.splitlines() if "=" in line}

    strict = names("--strict-env")
    assert {"OWN", "FROM_FILE", "IN_BOTH", "HUB_TOKEN", "LC_TIME", "TZ", "PATH", "HOME", "LANG"} <= strict
    assert {"UNDECLARED", "PYTHONSTARTUP", "PYTHONPATH"}.isdisjoint(strict)
    assert {"UNDECLARED", "PYTHONSTARTUP"} <= names()


def test_strict_env_uses_the_same_python_and_changes_no_key(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['python -c \"\"', touch a], outputs: [a]}]")
    project.write("env/bin/python", "#!/bin/sh\necho used\n").chmod(0o755)
    done = project.proj("run", "a", "--strict-env", env={"VIRTUAL_ENV": str(project.path / "env")})
    assert (done.code, "used\n" in done.out) == (0, True)
    assert project.proj("run", "a").err == "✔ all up to date (1 step)\n"


def test_dvc_gets_it_as_a_dep_of_each_stage(locked: ProjectDir) -> None:
    assert locked.proj("dvc", ".", "all").code == 0
    assert locked.read("dvc.yaml").count("- uv.lock\n") == 2
