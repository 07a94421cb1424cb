"""Which credentials a remote uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaselish.cancel import Cancel
from weaselish.connections.credentials import Credentials
from weaselish.connections.login import credentials_of
from weaselish.engine.remote.resolve import find_user_remote
from weaselish.errors import InvalidProject, ProjError, UnknownName
from weaselish.model.project import Remote
from weaselish.model.secret_refs import Auth, AuthType, SecretKind, SecretRef

from .conftest import write_private

STORED = {"access_key": "stored-access", "secret_key": "stored-secret"}
BEARER = Auth(AuthType.BEARER, token=SecretRef(SecretKind.ENV, "MY_TOKEN"))
BASIC = Auth(AuthType.BASIC, user="ada", password=SecretRef(SecretKind.ENV, "MY_PASSWORD"))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of a user's configuration with credentials, and an environment with two secrets."""
    directory = tmp_path / "config"
    directory.mkdir()
    monkeypatch.setenv("PROJ_CONFIG_DIR", str(directory))
    monkeypatch.setenv("MY_TOKEN", "token-of-auth")
    monkeypatch.setenv("MY_PASSWORD", "password-of-auth")
    write_private(
        directory / "credentials.yml",
        "lab: {access_key: stored-access, secret_key: stored-secret}\n"
        "jfrog: {user: stored-user, password: stored-password}\n",
    )
    return directory


def found(remote: Remote, given: Credentials | None = None) -> Credentials | None:
    return credentials_of(remote, root=Path("/nowhere"), cancel=Cancel(), given=given)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (Remote("lab", "s3://b"), None),
        (Remote("lab", "s3://b", is_users=True), Credentials(**STORED)),
        (Remote("other", "s3://b", profile="lab"), Credentials(**STORED)),
        (Remote("other", "s3://b", profile="of-aws"), None),
        (Remote("lab", "s3://b", profile="of-aws", is_users=True), None),
        (Remote("lab", "s3://b", is_users=True, anonymous=True), None),
        (Remote("lab", "gs://b", is_users=True), None),
        (Remote("lab", "/somewhere", is_users=True), None),
        (Remote("jfrog", "https://example.org/x"), None),
        (
            Remote("jfrog", "https://example.org/x", is_users=True),
            Credentials(user="stored-user", password="stored-password"),
        ),
        (
            Remote("x", "artifactory+https://example.org/artifactory/r", profile="jfrog"),
            Credentials(user="stored-user", password="stored-password"),
        ),
        (Remote("x", "https://example.org/x", auth=BEARER), Credentials(token="token-of-auth")),
        (Remote("x", "https://example.org/x", auth=BASIC), Credentials(user="ada", password="password-of-auth")),
        (
            Remote("x", "https://example.org/x", auth=BEARER._replace(type=AuthType.API_KEY)),
            Credentials(api_key="token-of-auth"),
        ),
        (Remote("jfrog", "https://example.org/x", auth=BEARER, is_users=True), Credentials(token="token-of-auth")),
    ],
)
def test_credentials_come_from_the_remote_or_the_users_file(
    directory: Path, remote: Remote, expected: Credentials | None
) -> None:
    assert found(remote) == expected


@pytest.mark.parametrize(
    ("variables", "remote", "expected"),
    [
        (
            {"PROJ_REMOTE_LAB_ACCESS_KEY": "a", "PROJ_REMOTE_LAB_SECRET_KEY": "s"},
            Remote("lab", "s3://b", is_users=True),
            Credentials("a", "s"),
        ),
        (
            {"PROJ_REMOTE_MY_LAB_2_ACCESS_KEY": "a", "PROJ_REMOTE_MY_LAB_2_SECRET_KEY": "s"}
            | {"PROJ_REMOTE_MY_LAB_2_SESSION_TOKEN": "t"},
            Remote("my-lab.2", "s3://b"),
            Credentials("a", "s", "t"),
        ),
        ({"PROJ_REMOTE_X_TOKEN": "t"}, Remote("x", "https://h/x", auth=BASIC), Credentials(token="t")),
        (
            {"PROJ_REMOTE_X_USER": "u"},
            Remote("x", "https://h/x", auth=BASIC),
            Credentials(user="u", password="password-of-auth"),
        ),
        (
            {"PROJ_REMOTE_X_USER": "u", "PROJ_REMOTE_X_PASSWORD": "p"},
            Remote("x", "https://h/x", auth=BEARER),
            Credentials(user="u", password="p"),
        ),
        ({"PROJ_REMOTE_X_TOKEN": ""}, Remote("x", "https://h/x", auth=BEARER), Credentials(token="token-of-auth")),
    ],
)
def test_environment_variables_take_precedence(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    remote: Remote,
    expected: Credentials,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert found(remote) == expected
    given = Credentials(token="given") if remote.url.startswith("http") else Credentials("given", "given-too")
    assert found(remote, given) == given


@pytest.mark.parametrize(
    ("variables", "url", "message"),
    [
        ({"ACCESS_KEY": "abc"}, "s3://b", "remote `x` has a `access_key`, but no `secret_key`"),
        ({"SECRET_KEY": "abc"}, "s3://b", "remote `x` has a `secret_key`, but no `access_key`"),
        ({"SESSION_TOKEN": "abc"}, "s3://b", "remote `x` has a `session_token` without keys"),
        ({"USER": "abc"}, "https://h/x", "remote `x` has a `user`, but no `password`"),
    ],
)
def test_half_of_what_belongs_together_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PROJ_REMOTE_X_{name}", value)
    with pytest.raises(ProjError) as caught:
        found(Remote("x", url))
    assert caught.value.message == message


def test_credentials_show_no_values() -> None:
    assert f"{Credentials(access_key='a', secret_key='b')}" == "Credentials(access_key, secret_key)"
    assert repr([Credentials(token="a")]) == "[Credentials(token)]"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_credentials_file_that_others_can_use_is_refused(directory: Path, mode: int) -> None:
    (directory / "credentials.yml").chmod(mode)
    with pytest.raises(ProjError) as caught:
        found(Remote("lab", "s3://b", is_users=True))
    assert caught.value.message.endswith(f"but other users may read or write it (mode 0{mode:o})")
    assert caught.value.hint == f"chmod 600 {directory}/credentials.yml"
    assert found(Remote("lab", "s3://b")) is None, "a remote that does not need the file"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lab: {secret_key: *hunter2}", "1:19: this is not valid YAML"),
        ("lab: {secret_key: !hunter2 x}", "1:19: this is not valid YAML"),
        ("lab:\n  secret_key: 'hunter2\n", "3:1: this is not valid YAML"),
        ("lab: hunter2", "1:6: the credentials of `lab` must be a mapping"),
        ("hunter2", "1:1: this must be a mapping of names to credentials"),
        ("lab: {hunter2: x}", "1:7: `lab` has an unknown key"),
        ("lab: {secret_key: [hunter2]}", "1:19: `secret_key` of `lab` must be text in one line"),
        ('lab: {secret_key: "hunter2\\nx"}', "1:19: `secret_key` of `lab` must be text in one line"),
    ],
)
def test_a_broken_credentials_file_is_reported_without_values(directory: Path, text: str, problem: str) -> None:
    write_private(directory / "credentials.yml", text)
    with pytest.raises(InvalidProject) as caught:
        found(Remote("lab", "s3://b", is_users=True))
    assert caught.value.message == f"~/config/credentials.yml:{problem}"
    assert not any("hunter2" in f"{one.hint}" for one in caught.value.problems)


def test_numbers_in_credentials_are_text(directory: Path) -> None:
    write_private(directory / "credentials.yml", "lab: {access_key: 007, secret_key: true}")
    assert found(Remote("lab", "s3://b", is_users=True)) == Credentials("007", "true")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("remotes:\n\tlab: x", "2:1: this is not YAML: while scanning for the next token"),
        ("- lab", "1:1: config.yml must be a mapping"),
        ("remote: {}", "1:1: unknown key `remote`"),
        ("remotes: {lab: {ulr: s3://x}}", "1:16: `lab` needs `url`"),
        ("remotes: {lab: s4://x}", "1:16: `s4://` is not supported as a remote"),
        ("remotes: {lab: ../x}", "1:16: the path of a user's remote must be absolute"),
        ("remotes: {lab: {url: x}}", "1:22: the path of a user's remote must be absolute"),
        ("remotes: {lab: {url: 's3://${env.X}'}}", "1:22: `${…}` is replaced only in project.yml"),
    ],
)
def test_a_broken_config_is_reported_with_its_place(directory: Path, text: str, problem: str) -> None:
    (directory / "config.yml").write_text(text)
    with pytest.raises(InvalidProject) as caught:
        find_user_remote("lab")
    assert f"~/config/config.yml:{problem}" in caught.value.message


def test_a_users_remote_is_found_without_a_project(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "config.yml").write_text("remotes: {lab: {url: s3://b/x, region: r}, disk: /d}\nx-note: a\n")
    assert find_user_remote("lab") == Remote("lab", "s3://b/x", region="r", is_users=True)
    monkeypatch.setenv("PROJ_REMOTE_LAB_REGION", "other")
    monkeypatch.setenv("PROJ_REMOTE_LAB_URL", "s3://other")
    assert find_user_remote("lab") == Remote("lab", "s3://other", region="other", is_users=True)
    monkeypatch.setenv("PROJ_REMOTE_CI_URL", "/mnt")
    assert find_user_remote("ci") == Remote("ci", "/mnt"), "no configuration has it"
    assert find_user_remote("s3://b").url == "s3://b"
    with pytest.raises(UnknownName) as caught:
        find_user_remote("lap", of_project=["default"])
    assert caught.value.hint == "did you mean `lab`?"
