"""`proj import lab`: the command that adds the remote which a project of Lab was pushed to."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir

RUNTIME = "name: iris\npath: /home/me/iris\ntag: lab\nbucket: team-bucket\nlast_push: 2020-01-01\n"
CONNECTIONS = """\
lab: {minio_endpoint: "192.168.1.50:9000", minio_accesskey: AK, minio_secretkey: s3cr3t}
out there: {minio_endpoint: "minio.example.org:9000", minio_accesskey: "A K", minio_secretkey: s3cr3t}
"""


@pytest.fixture
def lab(project: ProjectDir) -> ProjectDir:
    project.write("config/runtime.yaml", RUNTIME)
    connections(project, CONNECTIONS)
    return project


def connections(project: ProjectDir, text: str) -> None:
    file = Path(project.environ["HOME"], ".lab", "config.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_command_has_everything_but_the_secret(lab: ProjectDir) -> None:
    done = lab.proj("import", "lab")
    assert (done.code, done.out) == (
        0,
        "proj remote add lab s3://team-bucket --endpoint 192.168.1.50:9000 --access-key AK --secret-key -\n",
    )
    assert "`minio_secretkey` of `lab` in ~/.lab/config.yaml" in done.err
    assert "hint: then `proj snapshot pull --from lab --project iris --tree`" in done.err
    assert "s3cr3t" not in done.out + done.err


def test_a_public_server_keeps_the_http_that_lab_uses_and_words_are_quoted(lab: ProjectDir) -> None:
    lab.write("config/runtime.yaml", RUNTIME.replace("tag: lab", "tag: out there"))
    done = lab.proj("import", "lab", "config/runtime.yaml")
    assert done.out.startswith(
        "proj remote add 'out there' s3://team-bucket --endpoint http://minio.example.org:9000 --access-key 'A K'"
    )


@pytest.mark.parametrize(
    ("runtime", "stored", "code", "error"),
    [
        ("name: iris\n", CONNECTIONS, 1, "error: `config/runtime.yaml` has no `tag` and `bucket`\n"),
        (RUNTIME.replace("team-bucket", "null"), CONNECTIONS, 1, "error: `config/runtime.yaml` has no `bucket`\n"),
        (
            RUNTIME.replace("tag: lab", "tag: lob"),
            CONNECTIONS,
            1,
            "error: `~/.lab/config.yaml` has no connection `lob`\n",
        ),
        (
            RUNTIME.replace("tag: lab", "tag: [a]"),
            CONNECTIONS,
            2,
            "config/runtime.yaml:3:6: error: `tag` is not a text\n",
        ),
        ("a: [", CONNECTIONS, 2, "config/runtime.yaml:2:1: error: this is not YAML"),
        (
            RUNTIME,
            "lab: {minio_secretkey: s3cr3t: x}",
            2,
            "~/.lab/config.yaml:1:30: error: this is not a mapping in YAML\n",
        ),
        (RUNTIME, "lab: s3cr3t", 2, "~/.lab/config.yaml:1:"),
        (RUNTIME, "lab: {minio_secretkey: s3cr3t}", 2, "~/.lab/config.yaml:1:6: error: `minio_accesskey` is missing\n"),
    ],
)
def test_a_broken_file_is_an_error_without_secrets(
    lab: ProjectDir, runtime: str, stored: str, code: int, error: str
) -> None:
    lab.write("config/runtime.yaml", runtime)
    connections(lab, stored)
    done = lab.proj("import", "lab")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(error)
    assert "s3cr3t" not in done.err


def test_missing_files_are_errors(project: ProjectDir) -> None:
    assert project.proj("import", "lab").err == "error: `config/runtime.yaml` does not exist\n"
    project.write("config/runtime.yaml", RUNTIME)
    done = project.proj("import", "lab")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "error: `~/.lab/config.yaml`, which has the connection `lab`, does not exist",
    )
