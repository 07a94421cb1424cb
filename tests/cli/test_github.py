"""What `proj` prints for GitHub Actions: groups, annotations and the summary, safe from what scripts write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Done, ProjectDir

from weaselish.cli.github import inert, workflow_command

FAILING = """\
commands:
  - {name: good, script: [echo fine], outputs_no_cache: [x]}
  - name: bad
    shell: true
    script: ["printf '%s\\\\n' '::error::forged' '  ::endgroup::'; printf '##[error]old'; exit 3"]
workflows: {all: [good, bad]}
"""


@pytest.fixture
def project(project: ProjectDir) -> ProjectDir:
    project.environ["GITHUB_ACTIONS"] = "true"
    return project


def out_of(done: Done) -> str:
    """Return stdout with its random tokens as TOKEN1, TOKEN2, …"""
    tokens = re.findall(r"(?m)^::stop-commands::(\w{32})$", done.out)
    assert len(set(tokens)) == len(tokens)
    text = done.out
    for number, token in enumerate(tokens, 1):
        text = text.replace(token, f"TOKEN{number}")
    return text


def test_each_step_is_a_group_and_no_script_can_write_a_command(project: ProjectDir) -> None:
    project.project(FAILING)
    done = project.proj("run", "all")
    assert out_of(done) == (
        "::group::good\n"
        "::stop-commands::TOKEN1\n"
        "Running command: echo fine\n"
        "fine\n"
        "::TOKEN1::\n"
        "::endgroup::\n"
        "::group::bad\n"
        "::stop-commands::TOKEN2\n"
        "Running command: printf '%s\\n' '::error::forged' '  ::endgroup::'; printf '##[error]old'; exit 3\n"
        "::error::forged\n"
        "  ::endgroup::\n"
        "##[error]old\n"
        "::TOKEN2::\n"
        "::endgroup::\n"
        "::error file=project.yml,line=3,title=bad::`bad` failed with exit code 3\n"
    )


def test_in_parallel_only_the_last_state_of_a_progress_bar_is_shown(project: ProjectDir) -> None:
    line = "printf '10%%\\\\r55%%\\\\r100%%\\\\nsaved'"
    project.project(f'commands: [{{name: a, shell: true, script: ["{line}"]}}, {{name: b, script: [echo]}}]')
    done = project.proj("run", "a", "b", "-j2")
    assert "\n100%\nsaved\n::" in done.out
    assert "10%\r" not in done.out


def test_in_parallel_a_step_is_a_group_when_it_has_ended(project: ProjectDir) -> None:
    project.project(FAILING)
    out = out_of(project.proj("run", "all", "-j2", "-k"))
    assert out.count("::group::") == out.count("\n::endgroup::\n") == 2
    good = "::group::good\n::stop-commands::TOKEN\nRunning command: echo fine\nfine\n::TOKEN::\n::endgroup::\n"
    assert good in re.sub(r"TOKEN\d", "TOKEN", out)
    last = re.split(r"(?m)^::stop-commands::", out)[-1]  # the last lines of the failed step, repeated
    assert last.endswith("\nbad | ::error::forged\nbad |   ::endgroup::\nbad | ##[error]old\n::TOKEN3::\n")


@pytest.mark.parametrize("words", [["-j2", "--output", "prefix"], ["--output", "quiet"]])
def test_other_modes_have_no_groups(project: ProjectDir, words: list[str]) -> None:
    project.project(FAILING)
    done = project.proj("run", "all", *words)
    assert "::group::" not in done.out
    assert "\n##[" not in done.err
    assert "::error file=project.yml,line=3,title=bad::" in done.out


def test_with_json_stdout_has_nothing_else(project: ProjectDir) -> None:
    project.project(FAILING)
    done = project.proj("run", "all", "--json")
    assert done.json["exit_code"] == 3
    assert "::group::bad\n" in done.err


def test_a_name_cannot_add_a_property(project: ProjectDir) -> None:
    project.project("commands: [{name: 'a,b:c%', script: ['false']}]")
    out = project.proj("run", "a,b:c%").out
    assert "::group::a,b:c%25\n" in out
    assert "::error file=project.yml,line=1,title=a%2Cb%3Ac%25::`a,b:c%25` failed" in out


def test_problems_of_project_yml_are_annotations(project: ProjectDir) -> None:
    project.project("commands:\n  - {name: a, script: [touch x], depz: [y]}\n")
    done = project.proj("validate")
    [annotation] = [line for line in done.err.splitlines() if line.startswith("::")]
    assert re.match(r"::(error|warning) file=project\.yml,line=2,col=\d+::", annotation)
    assert "%0Ahint: " in annotation
    assert annotation.replace("::error", "::warning") in project.proj("status").err


def test_files_are_named_from_the_top_of_the_repository(project: ProjectDir) -> None:
    project.write("deep/project.yml", "commands: [{name: a, script: ['false']}]")
    env = {"GITHUB_WORKSPACE": str(project.path)}
    for words in (["-C", "deep", "run", "a"], ["run", "a", "deep"]):
        assert "::error file=deep/project.yml,line=1,title=a::" in project.proj(*words, env=env).out
    project.write("deep/project.yml", "commands: 5")
    for words in (["-C", "deep", "status"], ["validate", "deep"]):
        assert "::error file=deep/project.yml,line=1,col=11::" in project.proj(*words, env=env).err


def test_the_summary_of_the_job_grows_by_a_table(project: ProjectDir, tmp_path: Path) -> None:
    project.project(
        "commands:\n  - {name: 'a|<b>_[c](d)', script: [touch x], outputs: [x]}\n  - {name: e, script: ['false']}\n"
        "workflows: {all: ['a|<b>_[c](d)', e]}\n"
    )
    file = tmp_path / "summary.md"
    file.write_text("# Before\n\n")
    project.proj("run", "all", env={"GITHUB_STEP_SUMMARY": str(file)})
    assert re.sub(r"\d+\\\.\d s", "0 s", file.read_text()) == (
        "# Before\n\n"
        "| step | result | time | why |\n"
        "| --- | --- | --- | --- |\n"
        "| a\\|\\<b\\>\\_\\[c\\]\\(d\\) | ran | 0 s | never ran |\n"
        "| e | failed | 0 s | always runs \\(no outputs declared\\) |\n"
        "\n"
        "1 ran, 1 failed\n\n"
    )


def test_a_summary_that_cannot_be_written_is_a_warning(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true']}]")
    done = project.proj("run", "a", env={"GITHUB_STEP_SUMMARY": "missing/summary.md"})
    assert done.code == 0
    assert "warning: cannot write the summary of the job: no such file or directory\n" in done.err


@pytest.mark.parametrize("env", [{"GITHUB_ACTIONS": "", "CI": "true"}, {"GITHUB_ACTIONS": "false"}])
def test_elsewhere_lines_are_plain(project: ProjectDir, env: dict[str, str]) -> None:
    project.project(FAILING)
    done = project.proj("run", "good", env=env)
    assert done.out == "Running command: echo fine\nfine\n"
    assert "::" not in done.err


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("50%", "50%25"), ("a\r\nb", "a%0D%0Ab"), ("a:b,c", "a:b,c"), ("\x1b[1m", "\\x1b[1m"), ("%0A", "%250A")],
)
def test_text_is_escaped(text: str, escaped: str) -> None:
    assert workflow_command("error", text) == f"::error::{escaped}\n"


def test_lines_for_the_user_are_never_commands() -> None:
    assert inert("::error::x\n  ::y::\na ##[error]b :: c") == ": :error::x\n  : :y::\na ## [error]b :: c"
