"""Connections to real servers: SeaweedFS with two users, of which one may only read."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import servers
from harness import ProjectDir
from servers import Server
from stores.conftest import BUCKET

from .conftest import files

pytestmark = pytest.mark.servers


def add(
    project: ProjectDir, server: Server, name: str, *words: str, bucket: str = BUCKET, prefix: str = ""
) -> list[str]:
    """Return the words that add a remote with the credentials of SeaweedFS's writer, or of its reader."""
    url = f"s3://{bucket}/{prefix or uuid.uuid4().hex}"
    key, secret = (servers.READER_KEY, servers.READER_SECRET) if "reader" in name else (servers.KEY, servers.SECRET)
    return ["remote", "add", name, url, "--endpoint", f"127.0.0.1:{server.port}", "--access-key", key,
            "--secret-key", secret, *words]  # fmt: skip


def test_a_users_connection_is_added_tested_pushed_to_and_pulled_from(
    project: ProjectDir, config: Path, seaweedfs: Server
) -> None:
    added = project.proj(*add(project, seaweedfs, "lab"))
    assert added.code == 0, added.err
    assert f"warning: the connection to `{seaweedfs.url}` is not encrypted\n" in added.err
    assert "  read back: ok, " in added.err
    tested = project.proj("remote", "test", "lab")
    assert f"  credentials: `lab` in {config}/credentials.yml\n" in tested.out
    project.proj("run", "make")
    pushed = project.proj("push", "lab")
    assert pushed.code == 0, pushed.err
    other = project.beside("other")
    for name in ("project.yml", "make.sh"):
        other.write(name, project.read(name))
    assert other.proj("pull", "lab").code == 0
    assert other.read("out") == "made\n"


def test_a_remote_of_the_project_uses_the_users_credentials_by_its_profile(
    project: ProjectDir, config: Path, seaweedfs: Server
) -> None:
    assert project.proj(*add(project, seaweedfs, "lab")).code == 0
    remote = f"{{url: 's3://{BUCKET}/{uuid.uuid4().hex}', endpoint_url: '{seaweedfs.url}', profile: lab}}"
    project.project(project.read("project.yml") + f"remotes: {{default: {remote}}}\n")
    project.proj("run", "make")
    assert project.proj("push").code == 0
    project.environ |= {"PROJ_REMOTE_DEFAULT_ACCESS_KEY": "AKIAWRONG", "PROJ_REMOTE_DEFAULT_SECRET_KEY": "wrong-secret"}
    refused = project.proj("ls")
    assert (refused.code, "access refused" in refused.err) == (1, True)
    assert "wrong-secret" not in refused.err


def test_adding_a_remote_that_may_only_be_read_suggests_read_only(
    project: ProjectDir, config: Path, seaweedfs: Server
) -> None:
    prefix = uuid.uuid4().hex
    assert project.proj(*add(project, seaweedfs, "lab", prefix=prefix)).code == 0
    project.proj("run", "make")
    assert project.proj("push", "lab").code == 0
    before = files(config)
    refused = project.proj(*add(project, seaweedfs, "reader", prefix=prefix))
    assert refused.code == 1
    assert "access refused" in refused.err
    assert "hint: if this user may only read, add `--read-only`" in refused.err
    assert files(config) == before
    added = project.proj(*add(project, seaweedfs, "reader", "--read-only", prefix=prefix))
    assert added.code == 0, added.err
    project.remove("out")
    assert project.proj("pull", "reader").code == 0
    project.write("make.sh", "echo again > out\n")
    project.proj("run", "make")
    pushed = project.proj("push", "reader")
    assert (pushed.code, "remote `reader` is read-only" in pushed.err) == (1, True)
    assert "the remote is read-only in config.yml" in project.proj("remote", "test", "reader").err


def test_a_bucket_that_is_missing_is_created_only_if_asked_for(
    project: ProjectDir, config: Path, seaweedfs: Server
) -> None:
    bucket = f"new-{uuid.uuid4().hex}"
    missing = project.proj(*add(project, seaweedfs, "lab", bucket=bucket))
    assert missing.code == 1
    assert "no such bucket" in missing.err
    assert "hint: `--create-bucket` creates it; or check its name\n" in missing.err
    assert files(config) == {}
    added = project.proj(*add(project, seaweedfs, "lab", "--create-bucket", bucket=bucket))
    assert added.code == 0, added.err
    assert project.proj("ls", "lab").code == 0


def test_wrong_credentials_and_a_wrong_address_store_nothing(
    project: ProjectDir, config: Path, seaweedfs: Server
) -> None:
    words = add(project, seaweedfs, "lab")
    wrong = project.proj(*[word.replace(servers.SECRET, "wrong-secret") for word in words])
    assert (wrong.code, "access refused" in wrong.err) == (1, True)
    assert "wrong-secret" not in wrong.err.replace("`--secret-key -`", "")
    nowhere = project.proj(*[word.replace(str(seaweedfs.port), "9") for word in words])
    assert (nowhere.code, "cannot be reached" in nowhere.err) == (1, True)
    assert files(config) == {}
