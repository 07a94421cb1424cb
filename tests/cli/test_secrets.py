"""Values of `${env.X}` reach the scripts and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from harness import ProjectDir

SECRET = "s3cr3t-value-of-test"
HARMLESS = "harmless-value-of-test"
ENV = {"HUB_TOKEN": SECRET, "NAME": HARMLESS}

PROJECT = """\
title: For ${env.name}
env: {token: HUB_TOKEN, name: NAME}
commands:
  - name: upload
    help: As ${env.name}
    script:
      - "sh upload.sh ${env.token} --as ${env.name}"
    deps: [upload.sh]
    outputs: [used]
    env: {COPY: "${env.token}"}
  - name: in-shell
    shell: true
    script: ["sh upload.sh '${env.token}'; cp used used-too"]
    outputs: [used-too]
  - name: fail
    script: ["false ${env.token}"]
  - name: not-there
    script: ["no-such-program ${env.token}"]
workflows: {all: [upload, in-shell]}
"""


@pytest.fixture
def secret(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    project.write("upload.sh", "printf %s $1 | md5sum | cut -c1-32 > used\n")
    project.environ.update(ENV)
    return project


def holds(project: ProjectDir, value: str) -> list[str]:
    """Return the files that contain a value, or whose names do."""
    return [name for name, content in project.files().items() if value.encode() in name.encode() + (content or b"")]


def test_no_value_of_the_environment_reaches_the_disk(secret: ProjectDir) -> None:
    for words in (
        ["run", "all", "-j2"],
        ["run", "fail"],
        ["run", "not-there"],
        ["status"],
        ["run", "upload", "-F"],
        [],
    ):
        secret.proj(*words)
    assert secret.read("used").strip() == hashlib.md5(SECRET.encode()).hexdigest(), "it reached the script"
    assert secret.proj("run", "all").err == "✔ all up to date (2 steps)\n"
    assert holds(secret, SECRET) == []
    assert holds(secret, HARMLESS) == []
    assert "${env.token}" in secret.read("project.lock")


def test_the_console_masks_secrets_and_shows_other_values(secret: ProjectDir) -> None:
    assert secret.proj("run", "upload").out == f"Running command: sh upload.sh *** --as {HARMLESS}\n"
    assert secret.proj("run", "in-shell").out == "Running command: sh upload.sh '***'; cp used used-too\n"
    for words in (
        [],
        ["run", "upload", "-F", "--dry"],
        ["run", "upload", "-F", "--dry", "--json"],
        ["run", "upload", "-F", "--json"],
        ["run", "upload", "--help"],
        ["run", "fail"],
        ["run", "not-there"],
        ["status"],
        ["status", "--json"],
        ["validate"],
    ):
        done = secret.proj(*words)
        assert SECRET not in done.out + done.err


@pytest.mark.parametrize("name", ["MY_TOKEN", "secret", "DbPassword", "API_KEY", "KEYS"])
def test_a_name_decides_what_is_a_secret(project: ProjectDir, name: str) -> None:
    project.project(f"env: {{it: {name}}}\ncommands: [{{name: a, script: ['echo ${{env.it}}']}}]")
    assert project.proj("run", "a", "--dry", env={name: SECRET}).out.endswith("\nWould run: echo ***\n")
    project.project(f"env: {{{name}: X}}\ncommands: [{{name: a, script: ['echo ${{env.{name}}}']}}]")
    assert project.proj("run", "a", "--dry", env={"X": SECRET}).out.endswith("\nWould run: echo ***\n")


def test_the_error_does_not_show_a_secret_that_breaks_a_line(project: ProjectDir) -> None:
    project.project("env: {token: TOKEN}\ncommands: [{name: a, script: ['echo ${env.token}']}]")
    done = project.proj("run", "a", env={"TOKEN": f"{SECRET}'"})
    assert done.code == 1
    assert "✘ `a`, line 1 cannot be split into words: no closing quotation\n" in done.err
    assert SECRET not in done.out + done.err


def test_the_reason_does_not_show_a_changed_secret(secret: ProjectDir) -> None:
    secret.proj("run", "upload")
    done = secret.proj("run", "upload", env={"HUB_TOKEN": "another-value-of-test"})
    assert done.err.startswith("upload: env changed: COPY; env changed: env.token\n")
    assert holds(secret, "another-value-of-test") == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("sh use.sh ${vars.api_key} x", "`use.sh ***` → `use.sh ***`"),
        ("sh use.sh --api-key ${vars.api_key} x", "`--api-key ***` → `--api-key ***`"),
        ("sh use.sh --token=${vars.my_key} x", "`use.sh --token=***` → `use.sh --token=***`"),
        ("sh use.sh ${vars.nested.password.db} x", "`use.sh ***` → `use.sh ***`"),
        ("sh use.sh --max-tokens ${vars.max_tokens}", "`--max-tokens 4096` → `--max-tokens 8192`"),
    ],
)
def test_reasons_and_differences_mask_variables_with_the_name_of_a_secret(
    project: ProjectDir, line: str, shown: str
) -> None:
    variables = "{api_key: first-value, my_key: first-value, nested: {password: {db: first-value}}, max_tokens: 4096}"
    text = f"vars: {variables}\ncommands: [{{name: a, script: ['{line}'], outputs: [out]}}]\n"
    project.project(text)
    project.write("use.sh", "touch out\n")
    project.proj("run", "a")
    project.project(text.replace("first-value", "second-value").replace("4096", "8192"))
    reason = f"script changed: line 1 ({shown})"
    assert project.proj("status").out.splitlines()[2].endswith(reason)
    for words in (["status", "--json"], ["diff"], ["diff", "--json"], ["why", "a"], ["why", "a", "--json"]):
        done = project.proj(*words)
        assert "-value" not in done.out + done.err


def test_arguments_in_reasons_mask_secrets(secret: ProjectDir) -> None:
    secret.proj("run", "upload")
    done = secret.proj("run", "upload", "--dry", "--", "--token", "typed-value", SECRET)
    assert "script changed: arguments (now `--token *** ***`)" in done.out


def test_help_and_questions_mask_secrets(secret: ProjectDir) -> None:
    secret.project("""\
        title: For ${env.name} with ${env.token}
        env: {token: HUB_TOKEN, name: NAME}
        commands:
          - {name: a, help: "As ${env.name} with ${env.token}", script: ["true"], confirm: "${env.name}, ${env.token}?"}
        """)
    assert secret.proj().out.startswith(f"For {HARMLESS} with ***\n")
    assert f"As {HARMLESS} with ***\n" in secret.proj().out
    assert secret.proj("run", "a", "--help").out == f"As {HARMLESS} with ***\n"
    assert f"✘ `a` asks: {HARMLESS}, ***?\n" in secret.proj("run", "a").err


PRINTING = """\
env: {token: HUB_TOKEN, name: NAME, pin: PIN_KEY}
dotenv: [.env]
commands:
  - name: all-at-once
    script:
      - python -c 'import os; print(os.environ["HUB_TOKEN"], os.environ["NAME"], "${env.token}")'
  - name: in-pieces
    shell: true
    script:
      - for c in $(echo ${env.token} | fold -w1); do printf $c; sleep 0.01; done; echo; echo $FILE_SECRET
  - name: of-the-command
    shell: true
    script:
      - echo "$OWN_PASSWORD and $COPY"; exit 3
    env: {OWN_PASSWORD: written-in-the-project, COPY: "x${env.token}x"}
  - name: short
    script:
      - echo "${env.pin}"
"""


@pytest.mark.parametrize("mode", ["raw", "prefix", "group"])
def test_a_secret_that_a_script_prints_is_masked_on_the_console_and_in_the_log(project: ProjectDir, mode: str) -> None:
    project.project(PRINTING)
    project.write(".env", "FILE_SECRET=secret-of-the-file\n")
    project.environ.update(ENV)
    outputs = {
        name: project.proj("run", name, "--output", mode).out for name in ("all-at-once", "in-pieces", "of-the-command")
    }
    assert f"*** {HARMLESS} ***" in outputs["all-at-once"]
    assert [line.rpartition("| ")[2] for line in outputs["in-pieces"].splitlines()[1:]] == ["***", "***"]
    assert "*** and ***" in outputs["of-the-command"]
    declared_in = {SECRET: set(), "secret-of-the-file": {".env"}, "written-in-the-project": {"project.yml"}}
    for value, names in declared_in.items():
        assert value not in "".join(outputs.values())
        assert {name for name in holds(project, value) if not name.startswith(".proj/cache/project-")} == names


def test_a_secret_of_less_than_four_characters_is_not_masked_in_output(project: ProjectDir) -> None:
    project.project(PRINTING)
    done = project.proj("run", "short", env={"PIN_KEY": "123"})
    assert done.out == 'Running command: echo "***"\n123\n'


def test_the_error_does_not_show_a_program_whose_name_is_a_secret(project: ProjectDir) -> None:
    project.project("env: {token: TOKEN}\ncommands: [{name: a, script: ['${env.token} x']}]")
    done = project.proj("run", "a", env={"TOKEN": SECRET})
    assert "✘ `a`: `***` was not found on PATH\n" in done.err
    assert SECRET not in done.out + done.err
