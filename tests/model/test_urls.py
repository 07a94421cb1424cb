"""URLs of remotes: which are valid, and what the nearest valid form is."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from weaselish.files import yaml12
from weaselish.model.parse import parse
from weaselish.model.urls import artifactory_parts, directory_of, remote_url_problem, scheme_of, without_secrets

VALID = (
    *("./x", "../x", "/x", "~/x", "~", "x", "a/b_c-d.e", "größe", "..", "./a b:c@d", "/srv/with space"),
    *("file:///x", "FILE://localhost/x", "s3://b", "S3://b/x y", "gs://b/x", "az://c", "https://host/x"),
    *(
        "artifactory+https://h/artifactory/r",
        "artifactory+http://h:8081/x/artifactory/r/a%20b/",
        "Artifactory+HTTPS://h/artifactory/r",
    ),
    *("${env.STORE}", "${env.STORE}:x", "s3://${env.BUCKET}/x"),
)
FORMS = (
    "use a directory, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or "
    "`artifactory+https://host/artifactory/repository/path`"
)
SSH = "`proj` does not use SSH: mount the directory and write its path, such as `/mnt/"
INVALID = {
    "git@host:team/x.git": SSH + "team/x.git`",
    "user@host:/srv": SSH + "srv`",
    "user:word@host:~/srv": SSH + "srv`",
    "host:/srv": SSH + "srv`",
    "localhost:9000/b": "for an S3 server, write `url: s3://b` and `endpoint_url: http://localhost:9000`",
    "s3:/bucket": "did you mean `s3://bucket`?",
    "s3:bucket/x": "did you mean `s3://bucket/x`?",
    "s3//bucket/x": "did you mean `s3://bucket/x`?",
    "s3:///bucket": "did you mean `s3://bucket`?",
    "s3://": "did you mean `s3://bucket/prefix`?",
    "s3a://b/x": "did you mean `s3://b/x`?",
    "gcs://b/x": "did you mean `gs://b/x`?",
    "GCS:/b": "did you mean `gs://b`?",
    "azure://c/x": "did you mean `az://c/x`?",
    "abfss://c@account.dfs.core.windows.net/x": "did you mean `az://c/x`?",
    "file:/x": "did you mean `file:///x`?",
    "file://~/x": "did you mean `~/x`?",
    "file://srv/x": "write an absolute path after three slashes: `file:///srv/x`",
    "dbfs:/x": "did you mean `/dbfs/x`?",
    "C:\\store": "in WSL this directory is `/mnt/c/store`",
    "d:/store": "in WSL this directory is `/mnt/d/store`",
    "..\\store": "did you mean `../store`?",
    "data\\store": "did you mean `./data/store`?",
    "\\\\server\\share": "mount the share and write the path of the directory, such as `/mnt/share`",
    "$HOME/store": "did you mean `~/store`?",
    "$STORE/x": "did you mean `${env.STORE}/x`, with `STORE: STORE` under `env:`?",
    "/scratch/$USER/x": "did you mean `/scratch/${env.USER}/x`, with `USER: USER` under `env:`?",
    "%USERPROFILE%/x": "did you mean `~/x`?",
    "~ada/x": "write the absolute path of that home directory, such as `/home/ada/x`",
    "my store": "did you mean the directory `./my store`?",
    " s3://b": "remove the blanks around it: `s3://b`",
    "artifactory://h/artifactory/r/x": "did you mean `artifactory+https://h/artifactory/r/x`?",
    "jfrog://h/r": "did you mean `artifactory+https://h/artifactory/r`?",
    "artifactory+https:/h/r": "did you mean `artifactory+https://h/artifactory/r`?",
    "artifactory+https://h/r/x": "did you mean `artifactory+https://h/artifactory/r/x`?",
    "artifactory+http://h/artifactory": "did you mean `artifactory+http://h/artifactory/repository/path`?",
    "artifactory+https://": "did you mean `artifactory+https://host/artifactory/repository/path`?",
    "artifactory+https://h/artifactory/r/x?a=b": "did you mean `artifactory+https://h/artifactory/r/x`?",
    "": FORMS,
    "sftp://host/x": FORMS,
}


@pytest.mark.parametrize("url", VALID)
def test_a_valid_url_has_no_problem(url: str) -> None:
    assert remote_url_problem(url) is None


@pytest.mark.parametrize(("url", "hint"), INVALID.items())
def test_an_invalid_url_is_reported_with_the_nearest_valid_form(url: str, hint: str) -> None:
    problem = remote_url_problem(url)
    assert problem is not None
    assert problem[1] == hint


@pytest.mark.parametrize("hint", [hint for hint in INVALID.values() if "did you mean `" in hint])
def test_a_suggested_url_is_valid(hint: str) -> None:
    assert remote_url_problem(hint.split("`")[1]) is None


@pytest.mark.parametrize(
    "url",
    [
        "gcs://me:s3cr3t@b/x",
        "me:s3cr3t@host:/x",
        "sftp://me:s3cr3t@h",
        "azure://c/x?sig=s3cr3t",
        "jfrog://me:s3cr3t@h/r",
        "s3:/a:s3cr3t@b",
    ],
)
def test_a_problem_shows_no_secret(url: str) -> None:
    problem = remote_url_problem(url)
    assert problem is not None
    assert "s3cr3t" not in str(problem)


def test_an_artifactory_url_has_a_server_a_repository_and_a_path() -> None:
    assert artifactory_parts("artifactory+http://h:81/artifactory/r/a%20b/c/") == (
        "http://h:81/artifactory",
        "r",
        "a b/c",
    )
    assert artifactory_parts("artifactory+https://h/x/artifactory/r") == ("https://h/x/artifactory", "r", "")


@pytest.mark.parametrize(
    ("host", "warned"), [("10.0.0.1", True), ("art.lab", True), ("localhost:1", False), ("127.0.0.1", False)]
)
def test_an_unencrypted_remote_of_another_machine_is_a_warning(host: str, warned: bool) -> None:
    text = f"remotes:\n  lab: artifactory+http://{host}/artifactory/r\ncommands: []\n"
    warnings = [warning.located() for warning in parse(*yaml12.read(text, file="project.yml")).warnings]
    message = "project.yml:2:8: the data and the login of this remote are sent unencrypted"
    assert warnings == [message] * warned


@given(some.text(max_size=30) | some.from_regex(r"[a-z0-9]{1,5}[:/@$\\]{1,3}[a-z./$:@]{0,8}", fullmatch=True))
def test_any_text_is_valid_or_a_problem(url: str) -> None:
    remote_url_problem(url)
    assert "://" in url or without_secrets(url) == url


def test_a_scheme_with_a_client_of_the_calling_program_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(_path_class=SimpleNamespace(cloud_prefix="lab://"))
    monkeypatch.setitem(sys.modules, "cloudpathlib.cloudpath", SimpleNamespace(implementation_registry={"lab": client}))
    assert remote_url_problem("lab://x") is None
    assert remote_url_problem("lib://x") is not None


@pytest.mark.parametrize("form", ["{}", "{{url: {}}}"])
def test_an_invalid_url_is_an_error_at_its_place_in_project_yml(form: str) -> None:
    text = f"vars: {{scheme: gcs}}\nremotes:\n  default: {form.format(chr(34) + '${vars.scheme}://b' + chr(34))}\n"
    (problem,) = parse(*yaml12.read(text, file="project.yml")).faults_in("remotes", "default")
    assert problem.located() == f"project.yml:3:{12 if form == '{}' else 18}: `gcs://b` is not a valid URL of a remote"
    assert problem.hint == "did you mean `gs://b`?"


@pytest.mark.parametrize(
    ("url", "scheme", "directory"),
    [
        ("./x y", "file", "./x y"),
        ("s3", "file", "s3"),
        ("FILE:///x%20y", "file", "/x y"),
        ("file://localhost/x", "file", "/x"),
        ("S3://b/x", "s3", None),
    ],
)
def test_a_url_has_a_scheme_and_a_directory_has_a_path(url: str, scheme: str, directory: str | None) -> None:
    assert (scheme_of(url), directory_of(url)) == (scheme, directory)
