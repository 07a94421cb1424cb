"""References to secrets are resolved, and their values are nowhere to be seen."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import servers
from harness import ProjectDir, is_alive, wait_until
from servers import Server

from weaselish.cancel import Cancel
from weaselish.connections import secrets
from weaselish.connections.secret_commands import from_command
from weaselish.connections.secrets import Context, SecretError, resolve
from weaselish.errors import Cancelled
from weaselish.model.secret_refs import SecretKind, SecretRef, parse_secret
from weaselish.terminal import printable

from .conftest import files, write_private

SECRET = "hunter2-of-the-tests"


def value(reference: str, root: Path = Path("/nowhere"), **environ: str) -> str:
    return resolve(parse_secret(reference, "token"), Context(root, {"PATH": "/usr/bin:/bin", **environ}, Cancel()))


def test_variables_files_and_commands_hold_secrets(tmp_path: Path) -> None:
    assert value("env:TOKEN", TOKEN=SECRET) == SECRET
    (tmp_path / "token").write_text(f"{SECRET}\n")
    assert value("file:token", tmp_path) == SECRET
    assert value("cmd:cat token", tmp_path) == SECRET
    assert value("cmd:sh -c 'echo $A-$B'", tmp_path, A="from", B="environment") == "from-environment"
    assert printable(f"x {SECRET}/from-environment") == "x ***/***"


def test_a_command_runs_once_per_process(tmp_path: Path) -> None:
    for _ in range(3):
        assert value("cmd:sh -c 'echo x >> runs; echo once-only'", tmp_path) == "once-only"
    assert (tmp_path / "runs").read_text() == "x\n"


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("env:NOT_SET", "`env:NOT_SET`: the environment variable is not set", "export NOT_SET=…"),
        ("env:EMPTY", "`env:EMPTY` is empty", None),
        ("file:nowhere", "`file:nowhere`: the file does not exist", "write the secret into `"),
        ("file:two", "`file:two` has 2 lines, where a secret has one", "leave only the secret in it"),
        ("file:binary", "`file:binary` is not text in UTF-8", None),
        ("file:control", "`file:control` contains control characters", "store the secret as text, without them"),
        ("cmd:no-such-program x", "`cmd:no-such-program x` cannot be run: No such file or directory", "check the"),
        ("cmd:sh -c 'echo why >&2; exit 3'", "`cmd:sh -c 'echo why >&2; exit 3'` failed with exit code 3: why", None),
        ("cmd:cat two", "`cmd:cat two` has 2 lines, where a secret has one", "let the command print only the secret"),
        ("cmd:true", "`cmd:true` is empty", None),
        ("cmd:echo 'x", "`cmd:echo 'x` cannot be split into words: no closing quotation", None),
    ],
)
def test_an_invalid_secret_is_an_error_without_its_value(
    tmp_path: Path, reference: str, message: str, hint: str | None
) -> None:
    (tmp_path / "two").write_text(f"{SECRET}\n{SECRET}-too\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe-hunter2")
    (tmp_path / "control").write_text(f"{SECRET}\x07")
    with pytest.raises(SecretError) as caught:
        value(reference, tmp_path, EMPTY="")
    assert caught.value.message == message
    assert (caught.value.hint or "").startswith(hint or "")
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    reference = SecretRef(SecretKind.COMMAND, "sh -c 'sleep 1000 & echo $! > pid; wait'")
    with pytest.raises(SecretError) as caught:
        from_command(reference, tmp_path, {"PATH": "/usr/bin:/bin"}, Cancel(), timeout=0.5)
    assert caught.value.message.endswith("did not end within 0 s") or "did not end within" in caught.value.message
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_alive(pid))


def test_ctrl_c_ends_a_command_that_hangs(project: ProjectDir, config: Path) -> None:
    write_private(
        config / "config.yml",
        "remotes:\n  a:\n    url: https://127.0.0.1:9/x\n"
        "    auth: {type: bearer, token: \"cmd:sh -c 'echo $$ > pid; sleep 1000'\"}\n",
    )
    started = project.start("ls", "a")
    wait_until(lambda: (config / "pid").exists() and (config / "pid").read_text().strip())
    started.signal(signal.SIGINT)
    done = started.wait()
    assert done.code == 130
    assert "Traceback" not in done.err
    wait_until(lambda: not is_alive(int((config / "pid").read_text())))


def test_a_cancelled_wait_for_a_keyring_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        secrets.aside(lambda: "x", cancel)


@pytest.fixture
def aws(moto: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Moto's Secrets Manager with a JSON secret, a text, and a binary one."""
    for name, text in moto.environ.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
    client = boto3.client("secretsmanager", endpoint_url=moto.url, region_name="us-east-1")
    for name, content in {
        "Artifactory": json.dumps({"token": SECRET, "n": 4711}),
        "plain": f"{SECRET}-plain\n",
    }.items():
        try:
            client.create_secret(Name=name, SecretString=content)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=name, SecretString=content)
    return moto


@pytest.mark.servers
def test_secrets_of_aws_secrets_manager(aws: Server) -> None:
    assert value("aws-sm:") == SECRET
    assert value("aws-sm:Artifactory#n") == "4711"
    assert value("aws-sm:plain?region=us-east-1") == f"{SECRET}-plain"
    for reference, message in {
        "aws-sm:Artifactory#tokn": "the secret has no field `tokn`",
        "aws-sm:plain#token": "the secret is not a JSON object, so it has no fields",
        "aws-sm:nowhere": "An error occurred (ResourceNotFoundException)",
        "aws-sm:plain?region=eu-west-1": "An error occurred (ResourceNotFoundException)",
        "aws-sm:plain?profile=nowhere": "The config profile (nowhere) could not be found",
    }.items():
        with pytest.raises(SecretError) as caught:
            value(reference)
        assert f"`{reference}`: {message}" in caught.value.message
        assert SECRET not in f"{caught.value.message}{caught.value.hint}"


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for library, reference, extra in (("boto3", "aws-sm:x", "s3"), ("keyring", "keyring:a/b", "keyring")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(Exception) as caught:
            value(reference)
        assert getattr(caught.value, "hint", "") == f"pip install 'weaselish[{extra}]'"


@pytest.fixture
def keyring(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    """A project whose user has a keyring in a file, by keyrings.alt, which does not encrypt."""
    pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
    pytest.importorskip("keyrings.alt", reason="keyrings.alt is not installed")
    project.environ["PYTHON_KEYRING_BACKEND"] = "keyrings.alt.file.PlaintextKeyring"
    project.environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    project.environ["PYTHONPATH"] = ":".join([project.environ["PYTHONPATH"], *filter(None, sys.path)])
    return project


def test_credentials_can_be_in_the_systems_keyring(keyring: ProjectDir, config: Path) -> None:
    words = ["remote", "add", "lab", "s3://b", "--access-key", "AK", "--secret-key", "-", "--keyring", "--no-test"]
    done = keyring.process(*words, stdin=SECRET)
    assert done.code == 0, done.err
    assert done.err.endswith("  its credentials are in the keyring\n")
    assert files(config)["credentials.yml"] == b"lab: keyring\n"
    assert SECRET.encode() not in b"".join(files(config).values())
    assert keyring.process("remote", "show", "lab", "--json").json[-1]["from"] == "`keyring:proj/lab`"
    assert keyring.process("remote", "rename", "lab", "other").code == 0
    assert files(config)["credentials.yml"] == b"other: keyring\n"
    refused = keyring.process("ls", "other", env={"PROJ_REMOTE_OTHER_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert "cannot be reached" in refused.err, refused.err
    assert keyring.process("remote", "remove", "other").code == 0
    write_private(config / "credentials.yml", "other: keyring\n")
    write_private(config / "config.yml", "remotes: {other: 's3://b'}\n")
    gone = keyring.process("ls", "other")
    assert (gone.code, "`keyring:proj/other`: the keyring has no such entry" in gone.err) == (1, True)


def test_the_traceback_of_a_bug_masks_secrets() -> None:
    code = f"""
import sys
from weaselish import __main__
from weaselish.resolved_secrets import register_secret
def dispatch(words):
    register_secret('{SECRET}')
    raise RuntimeError('a bug with ' + '{SECRET}'[:7] + '{SECRET}'[7:])
__main__._dispatch = dispatch
__main__.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "RuntimeError: a bug with ***\n" in done.stderr
    assert SECRET not in done.stderr


def objects(server: Server, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and contents of what a remote on the server holds, decompressed."""
    client = servers.s3_client(server)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="weaselish-tests", Prefix=prefix)
    for key in [one["Key"] for page in pages for one in page.get("Contents", ())]:
        body = client.get_object(Bucket="weaselish-tests", Key=key)["Body"].read()
        yield key, gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


@pytest.mark.servers
def test_planted_secrets_are_nowhere(project: ProjectDir, config: Path, seaweedfs: Server) -> None:
    planted = {kind: f"planted-{kind}-3f9c5e" for kind in ("env", "file", "cmd", "literal")}
    project.environ |= {"PLANTED": planted["env"], "LAB_SECRET": servers.SECRET}
    project.write("../of-file", planted["file"])
    project.write("../of-command", planted["cmd"])
    web = "https://127.0.0.1:9/x"
    auths = {
        "a": "{type: bearer, token: 'env:PLANTED'}",
        "b": "{type: basic, user: 'file:../of-file', password: 'env:PLANTED'}",
        "c": "{type: api_key, token: 'cmd:cat ../of-command'}",
    }
    remotes = "".join(f"  {name}: {{url: '{web}', auth: {auth}}}\n" for name, auth in auths.items())
    artifacts = "version: 1.0.0\nartifacts: {model: {path: out, remote: lab}, other: {path: out, remote: a}}\n"
    project.project(project.read("project.yml") + f"remotes:\n{remotes}{artifacts}")
    project.write("make.sh", "echo made > out; echo $PLANTED $LAB_SECRET\n")
    words = ["remote", "add", "lab", f"s3://weaselish-tests/{config.parent.name}", "--endpoint", seaweedfs.url]
    words += ["--access-key", servers.KEY, "--secret-key", servers.SECRET]
    done = [project.proj(*words), project.proj(*words)]
    for line in (
        "run make -F --json", "push a --json", "push b", "push c", "ls c --json", "remote test a --json",
        "remote test b", "remote test", "remote list --json", "remote show a --json", "remote show b",
        "pull a --json", "remote show lab --json", "validate", "vars --json", "log --json", "push lab --json",
        "ls lab --json", "remote test lab", f"artifact push other -t {planted['literal']} --json",
        "artifact push model", "artifact list --json", "artifact show model --json", "artifact pull model LATEST",
        "artifact verify model@1.0.0", "snapshot push lab -m first --json", "snapshot list --from lab --json",
        "snapshot verify --from lab", "gc lab --dry --json",
    ):  # fmt: skip
        done.append(project.proj(*line.split()))
    assert all("Traceback" not in one.err for one in done)
    project.environ["PROJ_REMOTE_C_TOKEN"] = planted["literal"]
    done.append(project.proj("push", "c"))
    texts = [text for one in done for text in (one.out, one.err)]
    kept = ("of-file", "of-command", "credentials.yml")
    texts += [
        path.read_bytes().decode("latin-1")
        for path in project.path.parent.rglob("*")
        if path.is_file() and path.name not in kept
    ]
    stored = list(objects(seaweedfs, config.parent.name))
    assert {".proj/artifacts", ".proj/snapshots"} <= {"/".join(name.split("/")[1:3]) for name, _ in stored}
    texts += [content.decode("latin-1") for _, content in stored]
    for secret in (*planted.values(), servers.SECRET):
        assert not [text[:400] for text in texts if secret in text], secret
