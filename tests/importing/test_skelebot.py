"""`proj import skelebot`: a skelebot.yaml becomes keys that a project.yml can have."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Done, ProjectDir

from weaselish.files import yaml12

S3 = """\
name: iris
version: 1.5.0
language: Python
components:
  repository:
    s3:
      bucket: my-bucket/sub/folder
      region: us-east-1
      profile: dev
    artifacts:
      - name: model
        file: ./models/model.pkl
      - {name: tokenizer, file: tok.json, singular: True}
"""
ARTIFACTORY = """\
name: iris
components:
  repository:
    artifactory: {url: "https://artifactory.me.com/artifactory", repo: ml-models, path: my model}
    auth: AUTH
    artifacts: [{name: model, file: model.pkl, singular: "False"}]
"""


def imported(project: ProjectDir, text: str, *, then: str = "commands: []\n") -> tuple[Any, Done]:
    """Return the keys that are printed, after a check that `proj validate` accepts them."""
    project.write("skelebot.yaml", text)
    done = project.proj("import", "skelebot")
    assert done.code == 0, done.err
    project.project(done.out + then)
    validated = project.proj("validate")
    assert validated.code == 0, validated.err
    return yaml12.read(done.out, file="project.yml")[0], done


def refused(project: ProjectDir, text: str) -> list[str]:
    """Return the lines of the errors."""
    project.write("skelebot.yaml", text)
    done = project.proj("import", "skelebot")
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    return done.err.splitlines()


def test_a_store_in_s3_becomes_a_remote_with_its_artifacts(project: ProjectDir) -> None:
    keys, done = imported(project, S3)
    assert keys == {
        "title": "iris",
        "version": "1.5.0",
        "remotes": {"models": {"url": "s3://my-bucket/sub/folder", "region": "us-east-1", "profile": "dev"}},
        "artifacts": {
            "model": {"path": "models/model.pkl", "remote": "models"},
            "tokenizer": {"path": "tok.json", "remote": "models", "singular": True},
        },
    }
    assert "hint: put this into project.yml" in done.err


def test_the_file_version_takes_precedence(project: ProjectDir) -> None:
    project.write("VERSION", "2.0.0\n")
    assert imported(project, S3)[0]["version"] == {"file": "VERSION"}
    project.write("VERSION", "two\n")
    assert "warning: `VERSION` does not hold a semantic version" in imported(project, S3)[1].err


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ("{}", {"type": "basic", "user": "env:JF_USER", "password": "env:JF_PASSWORD"}),
        ("{authType: user_pass}", {"type": "basic", "user": "env:JF_USER", "password": "env:JF_PASSWORD"}),
        ("{authType: token}", {"type": "bearer", "token": "env:JF_TOKEN"}),
        ("{authType: api_key}", {"type": "api_key", "token": "env:JF_API_KEY"}),
        ("{authType: apikey}", {"type": "api_key", "token": "env:JF_API_KEY"}),
        (
            "{authType: token, aws: true}",
            {"type": "bearer", "token": "aws-sm:Artifactory#token?profile=default&region=us-east-1"},
        ),
        (
            "{authType: token, aws: True, awsSecret: JF, awsProfile: dev, awsRegion: eu-west-1}",
            {"type": "bearer", "token": "aws-sm:JF#token?profile=dev&region=eu-west-1"},
        ),
        ("{authType: token, aws: false, awsSecret: JF}", {"type": "bearer", "token": "env:JF_TOKEN"}),
    ],
)
def test_a_store_in_artifactory_becomes_a_remote_with_a_login(
    project: ProjectDir, auth: str, expected: dict[str, str]
) -> None:
    keys, done = imported(project, ARTIFACTORY.replace("AUTH", auth))
    url = "artifactory+https://artifactory.me.com/artifactory/ml-models/my%20model"
    assert keys["remotes"] == {"models": {"url": url, "auth": expected}}
    assert keys["artifacts"] == {"model": {"path": "model.pkl", "remote": "models"}}
    variables = [value.removeprefix("env:") for value in expected.values() if value.startswith("env:")]
    assert all(f"`{name}`" in done.err for name in variables)
    assert ("in the environment" in done.err) is bool(variables)
    assert "no version found" in done.err


@pytest.mark.parametrize(
    ("url", "expected", "note"),
    [
        ("art.me.com", "artifactory+https://art.me.com/artifactory/r/p", "added `/artifactory`"),
        ("http://art.me.com:8081/artifactory/", "artifactory+http://art.me.com:8081/artifactory/r/p", ""),
        (
            "https://me:s3cr3t@art.me.com/artifactory",
            "artifactory+https://art.me.com/artifactory/r/p",
            "left out the login",
        ),
    ],
)
def test_a_url_is_completed_and_loses_its_login(project: ProjectDir, url: str, expected: str, note: str) -> None:
    text = ARTIFACTORY.replace("https://artifactory.me.com/artifactory", url).replace("AUTH", "{authType: token}")
    keys, done = imported(project, text.replace("ml-models", "r").replace("my model", "/p/"))
    assert keys["remotes"]["models"]["url"] == expected
    assert note in done.err and "s3cr3t" not in done.out + done.err


@pytest.mark.parametrize(
    ("file", "theirs", "ours"),
    [
        ("m.tar.gz", ".tar", ".tar.gz"),
        ("xgb.v2.pkl", ".v2", ".pkl"),
        ("model", None, None),
        ("a/m.pkl", None, None),
    ],
)
def test_a_file_that_skelebot_named_differently_is_a_note(
    project: ProjectDir, file: str, theirs: str | None, ours: str | None
) -> None:
    done = imported(project, S3.replace("./models/model.pkl", file))[1]
    if theirs is None:
        assert "looks for" not in done.err
    else:
        assert f"stored `model_v1.0.0{theirs}`, `proj` looks for `model_v1.0.0{ours}`" in done.err.replace("\n", " ")


def test_both_stores_are_an_error_that_names_them(project: ProjectDir) -> None:
    text = S3.replace("    artifacts:\n", "    artifactory: {url: u, repo: r, path: p}\n    artifacts:\n")
    assert refused(project, text) == [
        "skelebot.yaml:10:5: error: both `s3` and `artifactory` are configured, and Skelebot uses only `s3`",
        "  hint: remove the one that you do not use",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "skelebot.yaml:1:1: error: the file is empty"),
        ("- a\n", "skelebot.yaml:1:1: error: the file is not a mapping"),
        ("a: [", "skelebot.yaml:2:1: error: this is not YAML"),
        ("a: 1\na: 2\n", "skelebot.yaml:2:1: error: "),
        ("name: x\n", "skelebot.yaml:1:1: error: `components.repository` is missing"),
        ("components: 7\n", "skelebot.yaml:1:1: error: `components.repository` is missing"),
        ("components: {repository: 7}", "skelebot.yaml:1:26: error: `repository` is not a mapping"),
        ("components: {repository: {a: 1}}", "skelebot.yaml:1:14: error: neither `s3` nor `artifactory`"),
        (S3.replace("1.5.0", "1.5"), "skelebot.yaml:2:10: error: `1.5` is not a semantic version"),
        (S3.replace("my-bucket/sub/folder", "[a]"), "skelebot.yaml:7:15: error: `bucket` is not a text"),
        (S3.replace("my-bucket/sub/folder", "null"), "skelebot.yaml:7:7: error: `bucket` is missing"),
        (
            S3.replace("name: tokenizer", "name: model"),
            "skelebot.yaml:13:16: error: two artifacts have the name `model`",
        ),
        (S3.replace("singular: True", "singular: perhaps"), "skelebot.yaml:13:53: error: `singular` is neither true"),
        (
            S3.replace("{name: tokenizer, file: tok.json, singular: True}", "tok"),
            "skelebot.yaml:13:9: error: an artifact",
        ),
        (S3.replace("file: tok.json, ", ""), "skelebot.yaml:13:9: error: `file` is missing"),
        (ARTIFACTORY.replace("AUTH", "{authType: kerberos}"), "skelebot.yaml:5:22: error: `kerberos` is not a kind of"),
        (
            ARTIFACTORY.replace("AUTH", "[]").replace("repo: ml-models, ", ""),
            "skelebot.yaml:4:18: error: `repo` is missing",
        ),
        ("&a [*a, *a]", "skelebot.yaml:"),
        ("[" * 500, "skelebot.yaml"),
        ('name: "\\e[2J"\nversion: [\x01', "skelebot.yaml:2:11: error: "),
    ],
)
def test_a_broken_file_is_an_error_with_its_place(project: ProjectDir, text: str, expected: str) -> None:
    assert refused(project, text)[0].startswith(expected)


def test_several_problems_are_reported_together(project: ProjectDir) -> None:
    errors = refused(
        project, S3.replace("1.5.0", "x").replace("my-bucket/sub/folder", "[a]").replace("file: tok.json, ", "")
    )
    assert len([line for line in errors if ": error: " in line]) == 3


def test_what_the_file_says_cannot_control_the_terminal(project: ProjectDir) -> None:
    done = imported(project, S3.replace("iris", '"\\e[2J"'))[1]
    assert "\x1b" not in done.out + done.err


def test_a_missing_file_and_another_place(project: ProjectDir) -> None:
    done = project.proj("import", "skelebot")
    assert (done.code, done.err) == (2, "error: `skelebot.yaml` does not exist\n")
    project.write("old/prod.yaml", S3)
    assert project.proj("import", "skelebot", "old/prod.yaml").code == 0
    project.write("old/prod.yaml", "[")
    assert project.proj("import", "skelebot", "old/prod.yaml").err.startswith(
        "old/prod.yaml:2:1: error: this is not YAML"
    )
