"""How script lines run: program, working directory, environment, time, exit code."""

from __future__ import annotations

import os
import pty
import sys
import time

import pytest
from harness import Done, ProjectDir, is_alive, wait_until


def said(done: Done) -> str:
    """Return the output of the only script line."""
    assert done.code == 0, done.err
    return done.out.partition("\n")[2].strip()


def failed(project: ProjectDir, *words: str) -> tuple[int, list[str]]:
    """Return the exit code, and the messages between the first line and the last."""
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


def test_a_shell_expands_its_own_variables(project: ProjectDir) -> None:
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


def test_the_message_names_a_workdir_that_does_not_exist(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true'], workdir: sub}]")
    code, messages = failed(project, "a")
    assert (code, messages) == (
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
        2,
        "",
        "project.yml: error: `a`: `${env.where}` cannot be used as a workdir\n  hint: name a path inside the project\n",
    )


# -- time -------------------------------------------------------------------------------------------------------------


def test_a_timeout_ends_all_processes_and_exits_with_124(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh tree.sh], timeout: 700ms}]")
    project.write(
        "tree.sh", "sleep 1000 & echo $! > child\n(sleep 1000; touch never) & echo $! > subshell\nsleep 1000\n"
    )
    begun = time.monotonic()
    code, messages = failed(project, "a")
    assert (code, messages) == (124, ["✘ `a` was ended after its timeout of 0.7 s"])
    assert time.monotonic() - begun < 5, "its children were ended as well as could be"
    assert not is_alive(int(project.read("child"))) and not is_alive(int(project.read("subshell")))


@pytest.mark.parametrize("timeout", ["25d", "365d", 31536000, 31536000.0])
def test_a_long_timeout_does_not_end_the_run(project: ProjectDir, timeout: object) -> None:
    project.project(f"commands: [{{name: a, script: ['true', sleep 0.01], timeout: {timeout}, retries: 1000}}]")
    assert project.proj("run", "a").code == 0
    assert project.proj("run", "a", "-j2").code == 0


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
    starts = [line for line in done.err.splitlines() if line.startswith("a: ")]
    assert starts == ["a: never ran", "a: attempt 2", "a: attempt 3"]


def test_the_number_of_retries_is_limited(project: ProjectDir) -> None:
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
    assert done.err.startswith("✘ `a` asks: Really?\n  hint: answer with `--yes` if you have no terminal\n")
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
    """Run `proj WORDS` on a terminal, answer its question with `typed` (`\x03` is Ctrl-C), return its exit code."""
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
    except OSError:  # the end of a terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# -- standard input ---------------------------------------------------------------------------------------------------


def test_a_script_reads_our_input_unless_steps_run_in_parallel(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [cat]}]")
    assert project.process("run", "a", stdin="typed\n").out == "Running command: cat\ntyped\n"
    assert project.process("run", "a", "-j2", stdin="typed\n").out == "a | Running command: cat\n"


def test_a_hint_says_to_run_a_step_alone_that_needs_a_terminal(project: ProjectDir) -> None:
    project.project("""commands: [{name: ask, script: ["python -c 'input()'"]}]""")
    done = project.process("run", "ask", "-j2", stdin="typed\n")
    assert done.code == 1
    assert (
        "  hint: `ask` needs a terminal: run it alone, with `proj run ask`, or write `interactive: true`\n" in done.err
    )
    assert project.process("run", "ask", stdin="typed\n").code == 0


def test_a_missing_module_is_reported_with_the_python_that_ran(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [python a.py]}]")
    project.write("a.py", "import no_such_module\n")
    done = project.proj("run", "a")
    assert done.code == 1
    assert f"  hint: `{sys.executable}` has no module `no_such_module`: `{sys.executable} -m pip install" in done.err
