"""What script lines see of their surroundings: the interpreter, the environment, globs in deps."""

from __future__ import annotations

import sys
from pathlib import Path

from harness import Done, ProjectDir


def said(done: Done) -> str:
    """Return the output of the only script line."""
    assert done.code == 0, done.err
    return done.out.partition("\n")[2].strip()


# -- the interpreter --------------------------------------------------------------------------------------------------


def fake_python(prefix: Path) -> Path:
    """Create a program that prints the environment it belongs to, and its arguments."""
    program = prefix / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\necho "{prefix.name} $@"\n')
    program.chmod(0o755)
    return program


def test_python_is_that_of_the_active_environment_else_the_projects_own_else_ours(
    project: ProjectDir, tmp_path: Path
) -> None:
    project.project("""\
        commands:
          - {name: a, script: [python x y]}
          - {name: ours, script: [python -c 'import sys; print(sys.executable)']}
        """)
    assert said(project.proj("run", "ours")) == sys.executable
    fake_python(project.path / ".venv")
    virtual, conda = (fake_python(tmp_path / name) for name in ("virtual", "conda"))
    active = {"VIRTUAL_ENV": str(virtual.parent.parent)}
    of_conda = {"CONDA_PREFIX": str(conda.parent.parent)}
    done = project.proj("run", "a")
    assert done.out == "Running command: python x y\n.venv x y\n"
    assert said(project.proj("run", "a", env=of_conda)) == "conda x y"
    assert said(project.proj("run", "a", env={**of_conda, **active})) == "virtual x y"
    assert said(project.proj("run", "a", env={"VIRTUAL_ENV": str(tmp_path / "gone")})) == ".venv x y"


def test_pip_is_that_of_the_interpreter_and_its_folder_comes_first_on_path(project: ProjectDir) -> None:
    fake_python(project.path / ".venv")
    project.project("""\
        commands:
          - {name: pip, script: [pip list]}
          - {name: three, script: [python3 -V]}
          - {name: inner, script: [sh -c 'python from sh']}
        """)
    assert said(project.proj("run", "pip")) == ".venv -m pip list"
    assert said(project.proj("run", "three")) == ".venv -V"
    assert said(project.proj("run", "inner")) == ".venv from sh"


# -- environment ------------------------------------------------------------------------------------------------------


def test_env_is_set_for_the_script_over_the_process_environment(project: ProjectDir) -> None:
    project.project("""\
        env: {who: WHO}
        commands:
          - name: a
            script: ["sh -c 'echo $A,$B,$C,$D'"]
            env: {A: own, B: "${env.who}!", C: 1.50, D: true}
        """)
    assert said(project.proj("run", "a", env={"A": "outer", "WHO": "ada"})) == "own,ada!,1.5,true"


def test_an_unset_variable_is_empty_and_differs_from_an_empty_one(project: ProjectDir) -> None:
    project.project("""\
        env: {x: X_OF_TEST}
        commands: [{name: a, script: [touch out, "echo '<${env.x}>'"], outputs: [out]}]
        """)
    assert project.proj("run", "a").out.endswith("\n<>\n")
    assert project.proj("run", "a").err == "✔ all up to date (1 step)\n"
    done = project.proj("run", "a", env={"X_OF_TEST": ""})
    assert done.err.startswith("a: env changed: env.x\n")


def test_only_declared_variables_count(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], outputs: [out]}]")
    project.proj("run", "a", env={"OTHER": "1"})
    assert project.proj("run", "a", env={"OTHER": "2"}).err == "✔ all up to date (1 step)\n"


def test_a_dotenv_file_is_loaded_and_the_process_environment_wins(project: ProjectDir) -> None:
    project.project("""\
        dotenv: [.env, more.env, missing.env]
        env: {x: X}
        commands:
          - {name: a, script: ["sh -c 'echo ${env.x} $Y $Z'"]}
          - {name: b, script: [touch out], env: {X: "${env.x}"}, outputs: [out]}
        """)
    project.write(".env", "X=from-file\nY='quoted value'\n# a comment\nexport Z=1\n")
    assert said(project.proj("run", "a")) == "from-file quoted value 1"
    assert said(project.proj("run", "a", env={"X": "from-process"})) == "from-process quoted value 1"
    project.write("more.env", "Z=2\n")
    assert said(project.proj("run", "a")) == "from-file quoted value 2"
    project.proj("run", "b")
    project.write(".env", "X=changed\n")
    assert project.proj("run", "b").err.startswith("b: env changed: X; env changed: env.x\n")


def test_variables_may_name_deps_and_outputs(project: ProjectDir) -> None:
    project.project("""\
        vars: {model: best}
        env: {where: WHERE}
        commands: [{name: a, script: ["cp ${env.where}/in.txt ${vars.model}.txt"], deps: ["${env.where}/in.txt"],
                    outputs: ["${vars.model}.txt"]}]
        """)
    project.write("data/in.txt", "x")
    assert project.proj("run", "a", env={"WHERE": "data"}).code == 0
    assert project.proj("run", "a", env={"WHERE": "./data/"}).err.startswith("a: env changed: env.where\n")
    done = project.proj("run", "a", env={"WHERE": "../outside"})
    assert done.code == 1
    assert done.err.startswith("project.yml:3:83: error: `a` needs `../outside/in.txt`")
    project.write("../outside/in.txt", "y")
    assert project.proj("run", "a", env={"WHERE": "../outside"}).code == 0
    assert project.read("best.txt") == "y"


# -- globs ------------------------------------------------------------------------------------------------------------


def test_a_glob_stands_for_its_matches(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], deps: ['data/**/*.csv'], outputs: [out]}]")
    done = project.proj("run", "a")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "project.yml:1:50: error: `a` needs `data/**/*.csv`, which does not exist",
    )
    project.write("data/a.csv", "1")
    project.write("data/deep/b.csv", "2")
    project.write("data/c.txt", "3")
    project.proj("run", "a")
    assert [dep["path"] for dep in project.lock()["a"]["deps"]] == ["data/a.csv", "data/deep/b.csv"]
    project.write("data/c.txt", "other")
    assert project.proj("run", "a").err == "✔ all up to date (1 step)\n"
    project.write("data/d.csv")
    project.remove("data/a.csv")
    assert project.proj("run", "a").err.startswith("a: dep added: data/d.csv; dep removed: data/a.csv\n")


def test_an_existing_path_that_looks_like_a_glob_is_a_path(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], deps: ['x[1].csv'], outputs: [out]}]")
    project.write("x[1].csv")
    project.write("x1.csv")
    project.proj("run", "a")
    assert [dep["path"] for dep in project.lock()["a"]["deps"]] == ["x[1].csv"]


def test_the_producer_of_a_match_of_a_glob_runs_first(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: sum, shell: true, script: [cat parts/*.csv > all.csv], deps: ["parts/*.csv"], outputs: [all.csv]}
          - {name: one, shell: true, script: [mkdir -p parts; echo 1 > parts/1.csv], outputs: [parts/1.csv]}
          - {name: two, shell: true, script: [mkdir -p parts; echo 2 > parts/2.csv], outputs: [parts/2.csv]}
        """)
    assert project.proj("run", "sum").code == 0
    assert project.read("all.csv") == "1\n2\n"


def test_a_variable_that_is_not_set_is_a_warning_when_its_step_runs(project: ProjectDir) -> None:
    project.project("""\
        env: {token: HUB_TOKEN, mode: MODE}
        commands:
          - {name: a, script: ["echo ${env.token} ${env.mode}"], env: {T: "${env.token}"}, outputs_no_cache: [x]}
        """)
    project.environ["MODE"] = ""  # set, although to nothing
    assert "HUB_TOKEN" not in project.proj("validate").err
    done = project.proj("run", "a")
    assert done.code == 0
    assert done.err.count("warning: ") == 1
    assert (
        "warning: project.yml:3:5: `a` uses `${env.token}`, but HUB_TOKEN is not set: it counts as empty\n"
        "  hint: set HUB_TOKEN in the environment or in a dotenv file\n"
    ) in done.err
    project.environ["HUB_TOKEN"] = "x"
    assert "warning" not in project.proj("run", "a", "--force").err
