"""How a script's lines are run: with which program, where, with which environment, for how long, and how they end."""

from __future__ import annotations

import os
import pty
import sys
import time
from pathlib import Path

import pytest
from harness import Done, ProjectDir, is_alive, wait_until


def said(done: Done) -> str:
    """What the one script line printed."""
    assert done.code == 0, done.err
    return done.out.partition("\n")[2].strip()


def failed(project: ProjectDir, *words: str) -> tuple[int, list[str]]:
    """The exit code, and what is said of it before the last line."""
    done = project.proj("run", *words)
    return done.code, done.err.splitlines()[1:-1]


# -- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1, 3, 77, 255])
def test_the_exit_code_is_that_of_the_failing_script(project: ProjectDir, code: int) -> None:
    project.project(f"commands: [{{name: a, script: ['true', sh -c 'exit {code}', touch after]}}]")
    assert failed(project, "a") == (code, [f"✘ `a`, line 2 failed with exit code {code}"])
    assert not project.exists("after")


@pytest.mark.parametrize(("name", "number"), [("KILL", 9), ("SEGV", 11), ("TERM", 15)])
def test_a_script_that_a_signal_kills_exits_with_128_and_its_number(
    project: ProjectDir, name: str, number: int
) -> None:
    project.project(f"commands: [{{name: a, script: [sh -c 'kill -{name} $$']}}]")
    assert failed(project, "a") == (128 + number, [f"✘ `a` was killed by signal {number}"])


def test_a_program_that_is_not_found_exits_with_127(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [no-such-program x]}, {name: b, script: [./none.sh]}]")
    assert failed(project, "a") == (127, ["✘ `a`: `no-such-program` was not found on PATH"])
    assert failed(project, "b") == (127, ["✘ `b`: `./none.sh` was not found"])


def test_a_program_that_cannot_be_executed_exits_with_126(project: ProjectDir) -> None:
    project.write("plain.sh", "echo x\n")
    project.project("commands: [{name: a, script: [./plain.sh]}, {name: b, script: [./.]}]")
    assert failed(project, "a") == (126, ["✘ `a`: `./plain.sh` is not executable (`chmod +x ./plain.sh`?)"])
    assert failed(project, "b") == (126, ["✘ `b`: `./.` is a directory"])


def test_of_several_failures_the_first_in_the_order_of_the_plan_gives_the_exit_code(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: slow, script: [sh wait.sh slow, sh -c 'exit 5']}
          - {name: quick, shell: true, script: [touch slow.go; exit 6]}
        """)
    project.write_wait()
    assert project.proj("run", "slow", "quick", "-k", "-j2").code == 5


def test_a_missing_dep_exits_with_1(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [cat x], deps: [x]}]")
    assert project.proj("run", "a").code == 1


# -- shell ------------------------------------------------------------------------------------------------------------


def test_without_a_shell_nothing_is_expanded(project: ProjectDir) -> None:
    project.project("""commands: [{name: a, script: ["echo $HOME * ~ '$(ls)' #x"]}]""")
    assert said(project.proj("run", "a")) == "$HOME * ~ $(ls) #x"


def test_with_shell_true_each_line_is_one_shell_that_stops_at_an_error(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: a
            shell: true
            script:
              - here=1; echo "one $here" | tr a-z A-Z > out; echo $0
              - echo two $here && cat < out
          - name: b
            shell: true
            script:
              - "false; touch never"
        """)
    done = project.proj("run", "a")
    assert done.out == (
        'Running command: here=1; echo "one $here" | tr a-z A-Z > out; echo $0\nsh\n'
        "Running command: echo two $here && cat < out\ntwo\nONE 1\n"
    )
    assert failed(project, "b") == (1, ["✘ `b` failed with exit code 1"])
    assert not project.exists("never")


def test_bash_is_bash_and_a_failure_inside_a_pipe_counts(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, shell: bash, script: ["x=(1 2 3); echo ${#x[@]}"]}
          - {name: b, shell: bash, script: ["exit 7 | cat"]}
          - {name: c, shell: true, script: ["exit 7 | cat"]}
        """)
    assert said(project.proj("run", "a")) == "3"
    assert failed(project, "b")[0] == 7
    assert project.proj("run", "c").code == 0


def test_a_shells_own_variables_are_left_to_it(project: ProjectDir) -> None:
    project.project("vars: {x: 1}\ncommands: [{name: a, shell: true, script: ['y=2; echo ${vars.x} ${y} ${z:-3}']}]")
    assert said(project.proj("run", "a")) == "1 2 3"


def test_another_shell_is_a_changed_script(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [touch x], outputs: [x]}]")
    project.proj("run", "a")
    project.project("commands: [{name: a, shell: bash, script: [touch x], outputs: [x]}]")
    assert project.proj("run", "a").err.startswith("a: script changed: shell\n")


# -- workdir ----------------------------------------------------------------------------------------------------------


def test_a_script_runs_in_its_workdir_and_its_paths_stay_relative_to_the_project(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, script: [cp in.txt ../out.txt], workdir: sub, deps: [sub/in.txt], outputs: [out.txt]}]"
    )
    project.write("sub/in.txt", "x")
    assert project.proj("run", "a").code == 0
    assert project.proj("run", "a").err == "✔ all up to date (1 step)\n"


def test_a_workdir_that_is_not_there_is_named(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true'], workdir: sub}]")
    code, told = failed(project, "a")
    assert (code, told) == (
        126,
        [f"✘ `a`: `true` was not started: the working directory `{project.path}/sub` does not exist"],
    )


def test_a_workdir_and_directories_may_be_named_by_the_environment(project: ProjectDir) -> None:
    project.project("""\
        env: {where: WHERE}
        directories: ["${env.where}/made"]
        commands: [{name: a, script: [ls], workdir: "${env.where}"}]
        """)
    assert said(project.proj("run", "a", env={"WHERE": "sub"})) == "made"
    project.project(project.read("project.yml").replace('"${env.where}/made"', ""))
    assert project.proj("run", "a", env={"WHERE": "../sub"}) == Done(
        2, "", "error: `a`: `${env.where}` is `../sub` here, which is no path inside the project\n"
    )


# -- the interpreter --------------------------------------------------------------------------------------------------


def fake_python(prefix: Path) -> Path:
    """Something that says from where it was called."""
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


def test_an_unset_variable_is_nothing_and_not_the_same_as_an_empty_one(project: ProjectDir) -> None:
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
    assert done.code == 2
    assert (
        done.err
        == "error: `a`: `${env.where}/in.txt` is `../outside/in.txt` here, which is no path inside the project\n"
    )


# -- globs ------------------------------------------------------------------------------------------------------------


def test_a_glob_stands_for_its_matches(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], deps: ['data/**/*.csv'], outputs: [out]}]")
    done = project.proj("run", "a")
    assert (done.code, done.err.splitlines()[0]) == (1, "error: `a` needs `data/**/*.csv`, which is not there")
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


def test_an_existing_path_that_looks_like_a_glob_is_meant_literally(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch out], deps: ['x[1].csv'], outputs: [out]}]")
    project.write("x[1].csv")
    project.write("x1.csv")
    project.proj("run", "a")
    assert [dep["path"] for dep in project.lock()["a"]["deps"]] == ["x[1].csv"]


def test_what_makes_a_match_of_a_glob_runs_first(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: sum, shell: true, script: [cat parts/*.csv > all.csv], deps: ["parts/*.csv"], outputs: [all.csv]}
          - {name: one, shell: true, script: [mkdir -p parts; echo 1 > parts/1.csv], outputs: [parts/1.csv]}
          - {name: two, shell: true, script: [mkdir -p parts; echo 2 > parts/2.csv], outputs: [parts/2.csv]}
        """)
    assert project.proj("run", "sum").code == 0
    assert project.read("all.csv") == "1\n2\n"


# -- time -------------------------------------------------------------------------------------------------------------


def test_a_timeout_ends_the_whole_tree_and_exits_with_124(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh tree.sh], timeout: 700ms}]")
    project.write(
        "tree.sh", "sleep 1000 & echo $! > child\n(sleep 1000; touch never) & echo $! > subshell\nsleep 1000\n"
    )
    begun = time.monotonic()
    code, told = failed(project, "a")
    assert (code, told) == (124, ["✘ `a` was ended after its timeout of 0.7 s"])
    assert time.monotonic() - begun < 5, "its children were ended as well as could be"
    assert not is_alive(int(project.read("child"))) and not is_alive(int(project.read("subshell")))


def test_a_timeout_holds_for_all_lines_together(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true', sleep 1000, touch never], timeout: 0.5}]")
    assert failed(project, "a") == (124, ["✘ `a`, line 2 was ended after its timeout of 0.5 s"])
    assert not project.exists("never")


def test_a_script_that_fails_is_tried_again_and_may_succeed(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, shell: true, script: [echo x >> tries; test $(wc -l < tries) = 3; touch out], outputs: [out],
             retries: 4}
        """)
    done = project.proj("run", "a")
    assert done.code == 0
    assert project.read("tries") == "x\nx\nx\n"
    told = [line for line in done.err.splitlines() if line.startswith("a: ")]
    assert told == ["a: never ran", "a: attempt 2", "a: attempt 3"]


def test_retries_come_to_an_end(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [echo x >> tries; exit 9], retries: 2}]")
    assert project.proj("run", "a").code == 9
    assert project.read("tries") == "x\nx\nx\n"


# -- confirm ----------------------------------------------------------------------------------------------------------

ASK = "commands: [{name: a, script: [cp in out], deps: [in], outputs: [out], confirm: 'Really?'}]"


def test_without_a_terminal_a_question_is_an_error_that_names_yes(project: ProjectDir) -> None:
    project.project(ASK)
    project.write("in")
    done = project.process("run", "a", stdin="y\n")
    assert done.code == 1
    assert done.err.startswith("✘ `a` asks: Really?\n  hint: answer with `--yes` where there is no terminal\n")
    assert not project.exists("out")


def test_yes_answers_and_an_up_to_date_step_does_not_ask(project: ProjectDir) -> None:
    project.project(ASK)
    project.write("in")
    assert project.proj("run", "a", "--yes").code == 0
    assert project.proj("run", "a") == Done(0, "", "✔ all up to date (1 step)\n")
    project.write("in", "x")
    assert project.proj("run", "a", "-y").code == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("\x03", 130)])
def test_on_a_terminal_the_question_is_asked(project: ProjectDir, answer: str, code: int) -> None:
    project.project(ASK)
    project.write("in")
    assert on_terminal(project, answer, "run", "a") == code
    assert project.exists("out") is (code == 0)


def on_terminal(project: ProjectDir, typed: str, *words: str) -> int:
    """The exit code of `proj WORDS` on a terminal, on which `typed` (`\x03` is Ctrl-C) answers its question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.path)
        os.execve(sys.executable, [sys.executable, "-m", "weaselish", *words], project.environ)
    shown = b""

    def asks() -> bool:
        nonlocal shown
        shown += os.read(terminal, 1024)
        return b"[y/N]" in shown

    wait_until(asks, "the question")
    os.write(terminal, typed.encode())
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:  # how the end of a terminal is told
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- standard input ---------------------------------------------------------------------------------------------------


def test_one_step_at_a_time_a_script_reads_our_input_and_in_parallel_nothing(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [cat]}]")
    assert project.process("run", "a", stdin="typed\n").out == "Running command: cat\ntyped\n"
    assert project.process("run", "a", "-j2", stdin="typed\n").out == "a | Running command: cat\n"


def test_a_step_that_needs_a_terminal_is_told_to_run_alone(project: ProjectDir) -> None:
    project.project("""commands: [{name: ask, script: ["python -c 'input()'"]}]""")
    done = project.process("run", "ask", "-j2", stdin="typed\n")
    assert done.code == 1
    assert "  hint: `ask` needs a terminal: run it alone, with `proj run ask`\n" in done.err
    assert project.process("run", "ask", stdin="typed\n").code == 0


def test_a_missing_module_is_reported_with_the_python_that_ran(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [python a.py]}]")
    project.write("a.py", "import no_such_module\n")
    done = project.proj("run", "a")
    assert done.code == 1
    assert f"  hint: `{sys.executable}` has no module `no_such_module`: install it there" in done.err
