"""Words that only a shell would replace: a located warning with the fix, in `validate` and when the step runs."""

from __future__ import annotations

import pytest
from harness import ProjectDir

LINES = {
    "rm -rf training/*": "`training/*` is not replaced by the files that match it without a shell",
    "echo ~/data": "`~/data` is not replaced by a home directory without a shell",
    "echo $HOME": "`$HOME` is not replaced without a shell",
    "echo {{vars.x}}": "`{{vars.x}}` is not replaced",
}


@pytest.mark.parametrize("line", LINES)
def test_a_word_for_a_shell_is_a_located_warning(project: ProjectDir, line: str) -> None:
    project.project(f"commands:\n  - name: clean\n    script:\n      - 'true'\n      - '{line}'\n")
    warning = f"project.yml:5:9: warning: `clean`: {LINES[line]}\n  hint: "
    done = project.proj("validate")
    assert done.code == 0
    assert done.err.count(warning) == 1
    done = project.proj("run", "clean")
    assert done.code == 0
    assert done.err.count(f"project.yml:5:9: `clean`: {LINES[line]}\n  hint: ") == 1
    assert LINES[line] not in project.proj("status").err


@pytest.mark.parametrize("line", ["cd data", "source x", "export A=1", "A=1 true"])
def test_a_line_that_is_for_a_shell_is_a_warning_with_the_fix(project: ProjectDir, line: str) -> None:
    project.project(f"commands:\n  - name: a\n    script: ['{line}']\n")
    done = project.proj("validate")
    assert "project.yml:3:14: warning: `a`: `" in done.err
    assert "shell: true" in done.err
    done = project.proj("run", "a")
    assert done.code != 0
    assert "project.yml:3:14: `a`: `" in done.err


def test_a_file_of_that_name_is_what_the_word_means(project: ProjectDir) -> None:
    project.project("commands: [{name: a, workdir: sub, script: ['cat a*b']}]")
    project.write("sub/a*b", "text")
    assert project.proj("validate").err == ""
    assert project.proj("run", "a").out.endswith("text")


def test_with_a_shell_nothing_is_reported(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: ['echo *.yml $HOME ~']}]")
    assert project.proj("validate").err == ""
