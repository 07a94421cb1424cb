"""Steps with `interactive: true`: alone on the terminal, even in a parallel run."""

from __future__ import annotations

from harness import ProjectDir

ASKING = """\
commands:
  - name: ask
    script: [sh ask.sh]
    deps: [ask.sh]
    outputs: [name]
    interactive: true
  - {name: busy, script: [sh busy.sh], deps: [busy.sh], outputs: [done]}
workflows: {all: [busy, ask]}
"""


def write(project: ProjectDir) -> None:
    project.project(ASKING)
    project.write("ask.sh", "ls busy.running 2>/dev/null && exit 9; printf 'Name? '; read name; echo $name > name")
    project.write("busy.sh", "touch busy.running; sleep 0.2; rm busy.running; touch done")


def test_an_interactive_step_reads_standard_input_in_a_parallel_run(project: ProjectDir) -> None:
    write(project)
    done = project.process("run", "all", "-j4", stdin="Ada\n")
    assert done.code == 0, done.err
    assert project.read("name") == "Ada\n"
    assert "Name? " in done.out
    assert "ask  | Name?" not in done.out


def test_the_hint_for_a_step_that_reads_nothing_names_the_key(project: ProjectDir) -> None:
    write(project)
    project.project(ASKING.replace("    interactive: true\n", ""))
    project.write("ask.sh", "python3 -c 'input()'")
    done = project.process("run", "all", "-j4", stdin="Ada\n")
    assert done.code == 1
    assert "or write `interactive: true`" in done.err


def test_the_key_does_not_contain_interactive(project: ProjectDir) -> None:
    write(project)
    assert project.process("run", "all", stdin="Ada\n").code == 0
    project.project(ASKING.replace("    interactive: true\n", ""))
    assert project.proj("status", "--check").code == 0


def test_the_log_of_a_failed_run_has_its_message(project: ProjectDir) -> None:
    write(project)
    project.write("busy.sh", "echo before; exit 3")
    assert project.proj("run", "busy").code == 3
    done = project.proj("log", "-v", "busy")
    assert "message: `busy` failed with exit code 3\n" in done.out
    assert done.out.endswith("\nbefore\n")
    project.proj("run", "busy")
    assert project.proj("log", "-v", "busy").out.count("\n\n") == 1  # between the two runs
    assert project.proj("log", "busy", "--json").json[-1]["message"] == "`busy` failed with exit code 3"
