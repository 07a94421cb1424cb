"""No credential in any message, log, record or JSON, whatever succeeds or fails."""

from __future__ import annotations

import gzip
import shutil
import uuid
from pathlib import Path

import pytest
from harness import Done, ProjectDir
from servers import AZURE_KEY, SECRET, Server
from stores.conftest import BUCKET

from .conftest import SCHEMES, sign_in
from .samples import clone
from .test_servers import store_of

TOKEN = "tok-3f9c5e-of-the-project"
PROJECT = """\
env: {{token: API_TOKEN}}
remotes: {{default: "{remote}"}}
commands:
  - name: make
    script: [sh make.sh, "test x${{env.token}} != x"]
    env: {{PASSWORD: "${{env.token}}"}}
    outputs: [out]
"""
SERVERS = ("seaweedfs", "fake_gcs", "azurite")
VERBS = [
    ["run", "make"],
    ["status", "--remote", "default", "--json"],
    ["push", "--json"],
    ["push", "--verify"],
    ["push", "--dry"],
    ["ls"],
    ["ls", "--json"],
    ["remote", "list", "--json"],
    ["remote", "test", "default"],
    ["pull", "--json"],
    ["log", "--json"],
    ["validate"],
    ["run", "make", "--dry", "--json", "--force"],
]


def check_all(done: list[Done], project: ProjectDir, *secrets: str) -> None:
    texts = [text for one in done for text in (one.out, one.err)]
    for path in project.path.parent.rglob("*"):
        if path.is_file() and not path.match("project*.yml") and not path.match(".proj/cache/project-*"):
            texts.append(path.read_bytes().decode("latin-1"))
    check(texts, *secrets)


def check(texts: list[str], *secrets: str) -> None:
    for secret in secrets:
        assert not [text[:300] for text in texts if secret in text]


@pytest.mark.parametrize("kind", ["directory", *(pytest.param(name, marks=pytest.mark.servers) for name in SERVERS)])
def test_secrets_are_nowhere(project: ProjectDir, request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    remote = str(tmp_path / "remote")
    if kind != "directory":
        sign_in(project, request.getfixturevalue(kind))
        remote = f"{SCHEMES[kind]}://{BUCKET}/{uuid.uuid4().hex}"
    project.environ["API_TOKEN"] = TOKEN
    project.project(PROJECT.format(remote=remote))
    project.write("make.sh", 'test "$PASSWORD" && echo made > out\n')
    done = [project.proj(*words) for words in VERBS]
    other = clone(project, "other")
    done += [other.proj(*words) for words in (["pull"], ["run", "make"])]
    assert [one.code for one in done] == [0] * len(done), [one.err for one in done if one.code]
    check_all(done, project, TOKEN, SECRET, AZURE_KEY)
    store = store_of(project, remote)
    stored = {one.key: b"".join(store.get(one.key)) for one in store.list("")}
    texts = [
        (data if key.startswith(".proj") else gzip.decompress(data)).decode("latin-1") for key, data in stored.items()
    ]
    assert len(texts) == 2
    check([*texts, *stored], TOKEN, SECRET, AZURE_KEY)


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["seaweedfs", "azurite"])
def test_secrets_that_are_refused_are_nowhere(
    project: ProjectDir, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    server: Server = request.getfixturevalue(kind)
    wrong = "d3JvbmctYnV0LWEtc2VjcmV0LWFsbC10aGUtc2FtZQ=="
    environ = {name: value.replace(AZURE_KEY, wrong).replace(SECRET, wrong) for name, value in server.environ.items()}
    sign_in(project, Server(server.port, environ))
    project.environ["API_TOKEN"] = TOKEN
    project.project(PROJECT.format(remote=f"{SCHEMES[kind]}://{BUCKET}/refused"))
    project.write("make.sh", "echo made > out\n")
    done = []
    for words in VERBS:
        if words[0] == "pull":
            (project.path / "out").unlink()  # else there is nothing to ask for
        done.append(project.proj(*words))
    refused = [one for one, words in zip(done, VERBS, strict=True) if words[0] in ("push", "pull", "ls")]
    assert all(one.code == 1 and "access refused" in one.err and "Traceback" not in one.err for one in refused)
    check_all(done, project, TOKEN, wrong, SECRET, AZURE_KEY)


@pytest.mark.parametrize(
    "remote",
    [
        "s3://AKIAUSER:pass-3f9c5e@bucket/x",
        "https://user:pass-3f9c5e@127.0.0.1/x",
        "az://container/x?sig=pass-3f9c5e",
        "gs://pass-3f9c5e@bucket",
        "{{url: 's3://bucket', endpoint_url: 'http://user:pass-3f9c5e@127.0.0.1:1'}}",
        "{{url: 's3://bucket', endpoint_url: 'http://127.0.0.1:1/?token=pass-3f9c5e'}}",
        "{{url: '${{env.REMOTE}}'}}",
    ],
)
def test_a_secret_in_a_url_is_not_shown_again(project: ProjectDir, remote: str) -> None:
    project.environ |= {
        "AWS_ACCESS_KEY_ID": "AKIAUSER",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    project.environ["REMOTE"] = "s3://AKIAUSER:pass-3f9c5e@bucket/x"
    value = remote.format() if remote.startswith("{") else f'"{remote}"'
    project.project(
        f"env: {{REMOTE: REMOTE}}\nremotes: {{default: {value}}}\n"
        "commands: [{name: make, script: [touch out], outputs: [out]}]\n"
    )
    project.proj("run", "make")
    done = [project.proj(*words) for words in VERBS]
    assert all("Traceback" not in one.err for one in done)
    if not remote.startswith("{"):
        done += [project.proj(verb, remote) for verb in ("push", "pull", "ls")]
    shutil.rmtree(project.path.parent / "scratch")
    check_all(done, project, "pass-3f9c5e")
