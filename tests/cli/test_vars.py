"""`proj vars`: every value, and its source."""

from __future__ import annotations

import pytest
from harness import ProjectDir

PROJECT = """\
title: T
dotenv: [.env, .env.local]
vars:
  epochs: 3
  model: "model-${vars.data.seed}"
  data: {seed: 42, sizes: [1, "${vars.epochs}", "${seed}"]}
  api_key: abc
  url: "https://${env.token}@host/${vars.api_key}?u=${env.user}"
  nothing: null
env: {user: SOME_USER, token: HUB_TOKEN, unset: NO_SUCH, one: ONE, two: TWO}
commands: [{name: a, script: ["echo ${vars.url} ${vars.model}"]}]
"""
SECRETS = ("abc", "s3cr3t")


@pytest.fixture
def valued(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    project.write(".env", "ONE=1\nTWO=2\n")
    project.write(".env.local", "TWO=22\n")
    project.environ.update(SOME_USER="ada", HUB_TOKEN="s3cr3t")
    return project


def shown(project: ProjectDir, *words: str, **env: str) -> dict[str, tuple[object, str]]:
    done = project.proj("vars", "--json", *words, env=env)
    assert (done.code, done.err) == (0, "")
    assert not any(secret in done.out for secret in SECRETS)
    return {row["name"]: (row["value"], row["source"]) for row in done.json}


def test_values_are_resolved_and_have_a_source(valued: ProjectDir) -> None:
    assert shown(valued) == {
        "vars.epochs": (3, "project.yml:4"),
        "vars.model": ("model-42", "project.yml:5"),
        "vars.data.seed": (42, "project.yml:6"),
        "vars.data.sizes": ([1, "3", "42"], "project.yml:6"),
        "vars.api_key": ("***", "project.yml:7"),
        "vars.url": ("https://***@host/***?u=ada", "project.yml:8"),
        "vars.nothing": (None, "project.yml:9"),
        "env.user": ("ada", "environment variable SOME_USER"),
        "env.token": ("***", "environment variable HUB_TOKEN"),
        "env.unset": ("", "environment variable NO_SUCH, unset"),
        "env.one": ("1", "ONE in .env"),
        "env.two": ("22", "TWO in .env.local"),
    }


def test_the_environment_takes_precedence_over_a_dotenv_file(valued: ProjectDir) -> None:
    assert shown(valued, TWO="222")["env.two"] == ("222", "environment variable TWO")


def test_each_override_has_its_source(valued: ProjectDir) -> None:
    env = {
        "WEASEL_CONFIG_OVERRIDES": "--vars.epochs 1 --vars.data.seed 1 --vars.model 1",
        "PROJ_CONFIG_OVERRIDES": "--vars.epochs 2 --vars.data.seed=007",
    }
    values = shown(valued, "--vars.epochs", "s", "--vars.api_key", "s3cr3t", "--project.title", "New", **env)
    assert values["vars.epochs"] == ("s", "command line")
    assert values["vars.data.seed"] == ("007", "PROJ_CONFIG_OVERRIDES")
    assert values["vars.model"] == ("1", "WEASEL_CONFIG_OVERRIDES")
    assert values["vars.data.sizes"] == ([1, "s", "007"], "project.yml:6")
    assert values["vars.api_key"] == ("***", "command line")
    assert values["project.title"] == ("New", "command line")


def test_an_unknown_override_is_an_error_with_a_near_match(valued: ProjectDir) -> None:
    done = valued.proj("vars", "--vars.epoch", "9")
    assert done.code == 2
    assert "did you mean `--vars.epochs`?" in done.err


@pytest.mark.parametrize("variable", ["PROJ_CONFIG_OVERRIDES", "WEASEL_CONFIG_OVERRIDES"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--vars.epoch 9", "nothing to override: `vars.epoch`"),
        ("--var.epochs 9", "cannot override `var.epochs`"),
        ("--vars.epochs.x 9", "cannot override `vars.epochs.x`"),
        ("--env.nope 9", "no variable under `env` named `nope`"),
        ("vars.epochs 9", "not an override: `vars.epochs`"),
        ("--vars.epochs '9", "cannot be split into words: no closing quotation"),
        ("--vars.epochs \udcff", "the override of `vars.epochs` is not text in UTF-8"),
    ],
)
def test_an_invalid_override_from_the_environment_names_the_variable(
    valued: ProjectDir, variable: str, text: str, message: str
) -> None:
    for words in (["vars"], ["run", "a"], ["validate"], ["status"]):
        done = valued.proj(*words, env={variable: text})
        assert done.code == 2
        assert message in done.err
        assert done.err.startswith(f"error: {variable}")


def test_the_table_shows_name_value_and_source(valued: ProjectDir) -> None:
    valued.project("vars: {name: Ada, size: [1, 2]}\ncommands: []\n")
    assert valued.proj("vars", "--vars.name", "Bob").out == (
        "name        value    from\n"
        "---------   ------   -------------\n"
        "vars.name   Bob      command line\n"
        "vars.size   [1, 2]   project.yml:1\n"
    )
    valued.project("commands: []\n")
    done = valued.proj("vars", ".")
    assert (done.code, done.out, done.err) == (0, "", "project.yml defines no variables\n")


def test_vars_writes_nothing(valued: ProjectDir) -> None:
    before = valued.files()
    shown(valued)
    assert valued.files() == before
