"""References to secrets, and the refusal of secrets in project.yml."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.model.interpolate import BadReference
from weaselish.model.secret_refs import SecretKind, SecretRef, parse_secret

SECRET = "hunter2-of-the-tests"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("env:TOKEN", SecretRef(SecretKind.ENV, "TOKEN")),
        ("file:~/.token", SecretRef(SecretKind.FILE, "~/.token")),
        ("keyring:proj/lab", SecretRef(SecretKind.KEYRING, "proj", "lab")),
        ("keyring:https://host/path/me", SecretRef(SecretKind.KEYRING, "https://host/path", "me")),
        ("cmd:pass show a:b", SecretRef(SecretKind.COMMAND, "pass show a:b")),
        ("aws-sm:lab", SecretRef(SecretKind.AWS, "lab")),
        ("aws-sm:", SecretRef(SecretKind.AWS, "Artifactory", "token")),
        ("aws-sm:#key", SecretRef(SecretKind.AWS, "Artifactory", "key")),
        ("aws-sm:?profile=p", SecretRef(SecretKind.AWS, "Artifactory", "token", "p")),
        ("aws-sm:a/b#c?region=eu-west-1", SecretRef(SecretKind.AWS, "a/b", "c", None, "eu-west-1")),
        ("aws-sm:a#c?profile=p&region=r", SecretRef(SecretKind.AWS, "a", "c", "p", "r")),
    ],
)
def test_a_reference_is_parsed(text: str, reference: SecretRef) -> None:
    assert parse_secret(text, "token") == reference
    assert parse_secret(str(reference), "token") == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SECRET, "`token` must say where the secret is, not contain it"),
        ("", "`token` must say where the secret is, not contain it"),
        ("ENV:TOKEN", "`token` must say where the secret is, not contain it"),
        ("env:", "`token`: `env:` needs the name of an environment variable"),
        (f"env:{SECRET}", "`token`: `env:` needs the name of an environment variable"),
        ("file:", "`token`: `file:` needs the path of a file"),
        ("cmd: ", "`token`: `cmd:` needs a command"),
        (f"keyring:{SECRET}", "`token`: `keyring:` needs a service and a user"),
        ("keyring:/me", "`token`: `keyring:` needs a service and a user"),
        ("aws-sm:a#", "`token`: `aws-sm:` needs the name of a field after `#`"),
        (f"aws-sm:a?{SECRET}=p", "`token`: `aws-sm:` has no option of that name"),
    ],
)
def test_what_is_not_a_reference_is_refused_without_its_value(text: str, message: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse_secret(text, "token")
    assert caught.value.message == message
    assert SECRET not in f"{caught.value.hint}"


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        (f"{{type: bearer, token: {SECRET}}}", "4:33: error: `token` must say where the secret is"),
        (f"{{type: api_key, token: {SECRET}}}", "4:34: error: `token` must say where the secret is"),
        (f"{{type: basic, user: ada, password: {SECRET}}}", "4:46: error: `password` must say where the secret is"),
        (f"{{type: basic, user: ada, password: 'a${{{SECRET}}}'}}", "4:46: error: `password` must say where"),
        (f"{{type: basic, user: ada, password: ['{SECRET}']}}", "4:46: error: `password` must say where the secret is"),
        ("{type: bearer, token: 4815162342}", "4:33: error: `token` must say where the secret is"),
        (SECRET, "4:11: error: `auth` must say where the secret is"),
        ("{type: bearer}", "4:11: error: `auth` of `type: bearer` needs `token`"),
        ("{type: bearer, token: 'env:A', user: ada}", "4:42: error: `user` means nothing for `type: bearer`"),
        ("{type: digest, token: 'env:A'}", "4:18: error: `type` must be `basic` or `bearer` or `api_key`"),
        ("{token: 'env:A'}", "4:11: error: `auth` needs `type`"),
        (f"{{type: bearer, tokn: {SECRET}}}", "4:26: error: unknown key `tokn`"),
        ("{type: bearer, token: 'env:${vars.nme}'}", "4:33: error: unknown variable `${vars.nme}`"),
    ],
)
def test_a_secret_in_project_yml_is_refused_with_its_place(project: ProjectDir, auth: str, problem: str) -> None:
    project.project(f"vars: {{name: TOKEN}}\nremotes:\n  lab:\n    auth: {auth}\n    url: https://example.org/x\n")
    for words in (["validate"], ["push", "lab"], ["push", "lab", "--json"], ["vars", "--json"], ["remote", "list"]):
        done = project.proj(*words)
        assert "Traceback" not in done.err
        assert SECRET not in done.out + done.err
        assert "4815162342" not in done.out + done.err
        if words[0] in ("validate", "push"):
            assert done.code == 2
            assert f"project.yml:{problem}" in done.err


def test_references_and_names_of_users_are_read_the_same_from_the_compiled_project(project: ProjectDir) -> None:
    project.project("""\
        vars: {name: TOKEN}
        remotes:
          a: {url: "https://example.org/a", auth: {type: bearer, token: "env:${vars.name}"}}
          b: {url: "https://example.org/b", auth: {type: basic, user: ada, password: "keyring:proj/b"}}
          c: {url: "https://example.org/c", auth: {type: basic, user: "env:WHO", password: "aws-sm:b#c?region=r"}}
        commands: [{name: a, script: [touch a], outputs: [a]}]
        """)
    project.proj("run", "a")
    first, second = (project.proj("remote", "list", "--json").json for _ in range(2))
    assert first == second
    auths = {remote["name"]: remote["auth"] for remote in first}
    assert auths == {
        "a": {"type": "bearer", "token": "env:TOKEN"},
        "b": {"type": "basic", "user": "ada", "password": "keyring:proj/b"},
        "c": {"type": "basic", "user": "env:WHO", "password": "aws-sm:b#c?region=r"},
    }
