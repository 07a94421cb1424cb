"""A web server, a git repository, and the ways to reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ProjectDir

from assets import sshd as sshds
from assets.sshd import Sshd
from assets.web import Web, serving
from weaselish.sources import http as download


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    with serving() as web:
        yield web


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """It is a failure in CI if there is none, and a skip elsewhere."""
    try:
        with sshds.sshd(tmp_path_factory.mktemp("sshd")) as running:
            yield running
    except sshds.Missing as missing:
        reason = f"{missing} is not installed: run tests/install-servers"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def upstream(project: ProjectDir) -> ProjectDir:
    """A repository: branches `main` (its default) and `dev`, tag `v1` at the first commit."""
    repository = project.beside("upstream")
    repository.git("init", "--quiet")
    repository.write("README.md", "All of it\n")
    repository.write(".gitattributes", "*.win text eol=crlf\n")
    repository.write("data/words.txt", "one\n")
    repository.write("data/lines.win", "a\nb\n")
    repository.write("data/deep/er.txt", "deep\n")
    repository.write("shared/notes.txt", "shared\n")
    repository.write("projects/tiny/project.yml", "title: Tiny\ncommands: [{name: hello, script: [echo hello]}]\n")
    repository.write("projects/tiny/.proj/origin.json", "{}\n")
    repository.write("projects/two words/project.yml", "title: Two [words]\n")
    repository.write("projects/notes/a.txt", "no project\n")
    os.symlink("../../shared/notes.txt", repository.path / "projects/tiny/notes.txt")
    commit(repository, "first")
    repository.git("tag", "-a", "v1", "-m", "one")
    repository.write("data/words.txt", "two\n")
    commit(repository, "second")
    repository.git("checkout", "--quiet", "-b", "dev")
    repository.write("data/words.txt", "dev\n")
    commit(repository, "third")
    repository.git("checkout", "--quiet", "main")
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        repository.git("config", setting, "true")
    return repository


# ways to reach it, what is asked for (None: the default branch), and whether sparsely; each pair at least once
WAYS = (
    *(("path", None, False), ("path", "v1", True), ("file", "dev", True), ("file", "commit", False)),
    *(("ssh", None, True), ("ssh", "dev", False), ("ssh", "v1", False), ("ssh", "commit", True)),
)
each_way = pytest.mark.parametrize(("address", "ref", "sparse"), WAYS, indirect=["address"])


@pytest.fixture
def address(request: pytest.FixtureRequest, project: ProjectDir, upstream: ProjectDir) -> str:
    """The repository's address by a path, `file://` and ssh; the project's environment holds the key."""
    if request.param == "path":
        return str(upstream.path)
    if request.param == "file":
        return upstream.path.as_uri()
    server: Sshd = request.getfixturevalue("sshd")
    project.environ["GIT_SSH_COMMAND"] = server.command
    return server.url(upstream.path)


def commit(repository: ProjectDir, message: str) -> str:
    repository.git("add", "--all", "--force")
    repository.git("commit", "--quiet", "-m", message)
    return repository.git("rev-parse", "HEAD").strip()


def left_beside(directory: Path) -> list[str]:
    """What a swap leaves where it is not cleaned up."""
    return [str(path) for path in directory.rglob("*") if ".proj-" in path.name]
