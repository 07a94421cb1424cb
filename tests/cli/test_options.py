"""Options of all subcommands: `-C`, `-q`, `-v`, `-n`, `--json`; and what is shown of failures in parallel."""

from __future__ import annotations

import json

import pytest
from harness import Done, ProjectDir

FAILING = """\
commands:
  - {name: good, script: [touch x], outputs: [x]}
  - {name: bad, shell: true, script: ["for n in $(seq 30); do echo line $n; done; exit 3"], outputs: [y]}
workflows: {all: [good, bad]}
"""


def test_c_changes_the_directory_first(pipeline: ProjectDir) -> None:
    pipeline.write("sub/file")
    inside = pipeline.proj("status")
    assert pipeline.proj("-C", "..", "status", cwd="sub") == inside
    assert pipeline.proj("status", "-C", str(pipeline.path), cwd="/") == inside
    assert pipeline.proj("-C", "sub", "-C", "..", "status") == inside
    assert pipeline.proj("status", "-C").err == "error: `-C` needs a directory\n  hint: proj -C DIR SUBCOMMAND\n"


def test_quiet_leaves_results_warnings_and_errors(pipeline: ProjectDir) -> None:
    assert pipeline.proj("run", "count", "-q") == Done(0, "", "")
    pipeline.write("prepare.sh", "exit 3\n")
    assert "✘ `prepare` failed with exit code 3\n" in pipeline.proj("run", "all", "-q").err
    assert pipeline.proj("status", "-q").out == pipeline.proj("status").out


def test_verbose_shows_all_reasons(project: ProjectDir) -> None:
    deps = [f"d{number}" for number in range(12)]
    project.project(f"commands: [{{name: a, script: [touch x], deps: [{', '.join(deps)}], outputs: [x]}}]")
    for dep in deps:
        project.write(dep, "1")
    project.proj("run", "a")
    for dep in deps:
        project.write(dep, "22")
    assert "and 4 more" in project.proj("status").out
    assert "dep changed: d9" in project.proj("status", "-v").out


@pytest.mark.parametrize("words", [["run", "nothing"], ["status", "nothing"], ["push", "nothing"], ["log", "nothing"]])
def test_with_json_an_error_is_json_on_stdout_and_text_on_stderr(pipeline: ProjectDir, words: list[str]) -> None:
    done = pipeline.proj(*words, "--json")
    error = done.json["error"]
    assert (done.code, error["exit_code"]) == (2, 2)
    assert error["message"].startswith("no ")
    assert done.err.startswith(f"error: {error['message']}\n")


def test_with_json_an_invalid_project_lists_its_problems(project: ProjectDir) -> None:
    project.project("commands: 5\n")
    [problem] = project.proj("status", "--json").json["error"]["problems"]
    assert (problem["line"], problem["is_warning"]) == (1, False)


def test_a_name_that_is_not_utf_8_is_escaped_in_json(project: ProjectDir) -> None:
    done = project.proj("run", "d\udcff", "--json")
    assert json.loads(done.out)["error"]["message"]


def test_json_lines_are_the_events_and_scripts_write_to_stderr(pipeline: ProjectDir) -> None:
    done = pipeline.proj("run", "all", "--json-lines")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["exit_code"]) == ("run started", "run finished", 0)
    assert [line["step"] for line in lines if line["event"] == "step done"] == ["prepare", "count", "report"]
    assert "Running command: cat count.txt\n2\n" in done.err
    assert pipeline.proj("run", "all", "--json", "--json-lines").code == 2
    done = pipeline.proj("run", "nope", "--json-lines")
    (line,) = done.out.splitlines()
    error = json.loads(line)
    assert (error["event"], error["exit_code"], done.code) == ("error", 2, 2)
    assert error["message"] == "no command or workflow named `nope`"


@pytest.mark.parametrize("mode", ["prefix", "group", "quiet", "raw"])
def test_the_last_lines_of_a_failed_step_are_repeated_after_a_parallel_run(project: ProjectDir, mode: str) -> None:
    project.project(FAILING)
    done = project.proj("run", "all", "-j2", "-k", "--output", mode)
    tail = done.err.partition("the last lines of bad:\n")[2].splitlines()
    assert tail[:20] == [f"bad | line {number}" for number in range(11, 31)]
    assert tail[20] == "  hint: proj log -v bad"
    assert tail[-1] == "✘ 1 ran, 1 failed"


def test_a_failure_of_one_step_at_a_time_is_not_repeated(project: ProjectDir) -> None:
    project.project(FAILING)
    assert "the last lines of" not in project.proj("run", "all").err
    assert "the last lines of bad:\n" in project.proj("run", "bad", "--output", "quiet").err
