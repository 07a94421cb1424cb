"""The documented commands and statements of Lab, one by one, with ours beside them, on an S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Done, ProjectDir
from remotes.conftest import sign_in
from servers import KEY, SECRET, Server
from stores.conftest import BUCKET

pytestmark = pytest.mark.servers

# what Lab documents, and what we type for it; {url}: a place in the bucket; {endpoint}: IP address and port
TABLE = [
    (
        "lab config minio --tag lab --endpoint {endpoint} --accesskey AK --secretkey SK",
        "proj remote add lab {url} --endpoint {endpoint} --access-key {key} --secret-key -",
    ),
    ("lab push --tag lab --bucket iris .", "proj snapshot push lab"),
    ("lab push", "proj snapshot push"),
    ("lab push --info", "proj snapshot list"),
    ("lab push --tag lab --bucket iris --force .  (replaces all)", "proj snapshot push --keep 1 --yes"),
    ("lab pull", "proj snapshot pull"),
    ("lab pull --force", "proj snapshot pull --force"),
    ("lab pull --tag lab --bucket iris --project iris", "proj snapshot pull --from lab --project iris"),
]


@pytest.fixture
def lab(tmp_path: Path, seaweedfs: Server) -> Iterator[tuple[ProjectDir, str]]:
    """A project with a .labignore as Lab writes it, and a place for it in the bucket."""
    project = ProjectDir(tmp_path / "iris", tmp_path / "scratch")
    sign_in(project, seaweedfs)
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        project.environ.pop(name)
    project.environ["PROJ_CONFIG_DIR"] = str(tmp_path / "config")
    project.project("commands: []\n")
    project.write(".labignore", ".venv\n.ipynb_checkpoints\nexperiments/abcdefgh/model.joblib\n")
    for path in (".venv/bin/python", "experiments/abcdefgh/model.joblib", "experiments/abcdefgh/log", ".hidden/a"):
        project.write(path, path)
    yield project, f"s3://{BUCKET}/{uuid.uuid4().hex}"


def test_every_command_of_lab_has_an_equivalent(lab: tuple[ProjectDir, str], seaweedfs: Server) -> None:
    project, url = lab
    elsewhere = project.beside("elsewhere")
    done: dict[str, Done] = {}
    for _, ours in TABLE:
        line = ours.format(url=url, endpoint=f"127.0.0.1:{seaweedfs.port}", key=KEY)
        where = elsewhere if "--from" in line else project
        done[ours] = where.process(*line.split()[1:], stdin=f"{SECRET}\n")
        assert done[ours].code == 0, f"{line}\n{done[ours].err}"
        assert SECRET not in done[ours].out + done[ours].err
    assert elsewhere.read("iris/.hidden/a") == ".hidden/a", "a hidden directory keeps its name"
    assert elsewhere.exists("iris/experiments/abcdefgh/log")
    assert not elsewhere.exists("iris/experiments/abcdefgh/model.joblib")
    assert not elsewhere.exists("iris/.venv")
    files = [file for place in (project.path, elsewhere.path) for file in place.rglob("*") if file.is_file()]
    assert not [file for file in files if SECRET.encode() in file.read_bytes()], "secrets are in no project file"


def test_faults_of_lab_that_are_none_here(lab: tuple[ProjectDir, str], seaweedfs: Server) -> None:
    project, url = lab
    project.environ |= dict(seaweedfs.environ)
    sibling = project.beside("iris2")
    sibling.project("commands: []\n")
    assert sibling.proj("snapshot", "push", url, "--project", "iris2").code == 0
    for number in range(3):  # a changed file is updated, and a prune does not touch a name that begins alike
        project.write("a.txt", f"{number}\n")
        assert project.proj("snapshot", "push", url, "--project", "iris", "--keep", "2").code == 0
    listed = project.proj("snapshot", "list", "--all-projects", "--json").json
    assert sorted(one["project"] for one in listed) == ["iris", "iris", "iris2"]
    other = project.beside("copy")
    words = ("snapshot", "pull", "--from", url, "--project", "iris")
    oldest = [one["id"] for one in listed if one["project"] == "iris"][-1]
    assert other.proj(*words[:2], oldest, *words[2:]).code == 0
    assert other.read("iris/a.txt") == "1\n"
    assert other.proj(*words).code == 0, "a changed file of an earlier snapshot is updated"
    assert other.read("iris/a.txt") == "2\n"
    missing = project.proj("snapshot", "push", f"s3://no-such-bucket-{uuid.uuid4().hex}")
    assert missing.code == 1
    assert "bucket" in missing.err
