"""What peers get wrong with assets and templates: one test per row, named by what must happen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from assets.web import File, Web, serving
from harness import ProjectDir


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def test_a1_downloaded_aside_verified_exit_1_the_old_file_untouched(project: ProjectDir, web: Web) -> None:
    web.files["a.bin"] = File(b"not what was asked for")
    url = web.url("a.bin")
    project.project(f"assets: [{{dest: a.bin, url: '{url}', checksum: '{'0' * 32}'}}]")
    project.write("a.bin", "old")
    inode = (project.path / "a.bin").stat().st_ino
    message = f"✘ a.bin: the content of `{url}` has a wrong checksum: expected {'0' * 32}, found "
    for count in (1, 2):
        done = project.proj("assets")
        assert done.code == 1
        assert done.err.startswith(message)
        assert "fetched" not in done.err
        assert project.read("a.bin") == "old"
        assert (project.path / "a.bin").stat().st_ino == inode
        assert len(web.requests) == count
    assert not list(project.path.glob(".proj/assets/*"))


def test_a2_the_old_copy_stays_until_the_new_one_is_complete(project: ProjectDir) -> None:
    project.project("assets: [{dest: got, git: {repo: /nowhere/repo, path: data, branch: main}}]")
    project.write("got/data.txt", "precious")
    for words in (["assets"], ["assets", "--force"]):
        project.proj(*words)
        assert project.read("got/data.txt") == "precious"
    done = project.proj("assets", "--force")
    assert done.code == 1
    assert done.err.startswith("✘ got: git cannot fetch from `/nowhere/repo`: ")
    assert [name for name in os.listdir(project.path) if "proj-" in name] == []


def test_a3_the_repository_s_default_branch(project: ProjectDir) -> None:
    upstream = project.beside("upstream")
    upstream.git("init", "--quiet", "--initial-branch=trunk")
    upstream.write("data/a.txt", "on trunk")
    upstream.git("add", ".")
    upstream.git("commit", "--quiet", "-m", "first")
    project.project(f"assets: [{{dest: got, git: {{repo: '{upstream.path}', path: data}}}}]")
    assert project.proj("assets").code == 0
    assert project.read("got/a.txt") == "on trunk"


@pytest.mark.parametrize("verb", ["assets", "clone"])
def test_a4_the_address_is_used_as_written(project: ProjectDir, verb: str) -> None:
    """A git of our own before the real one notes what it is called with."""
    git = project.write("bin/git", '#!/bin/sh\necho "$@" >> "$NOTED"\nexit 1\n')
    git.chmod(0o755)
    noted = project.path / "noted"
    project.environ |= {"PATH": f"{git.parent}:{project.environ['PATH']}", "NOTED": str(noted)}
    url = "https://example.org/team/repo.git"
    project.project(f"assets: [{{dest: got, git: {{repo: '{url}', path: data}}}}]")
    words = ["assets"] if verb == "assets" else ["clone", "data", "copy", "--repo", url]
    assert project.proj(*words, "--sparse").code == 1
    assert url in noted.read_text()
    assert "git@" not in noted.read_text()


@pytest.mark.parametrize("dest", ["../x", "/tmp/x", "a/../../x", "."])
def test_a5_refused_in_text_when_project_yml_is_read(project: ProjectDir, dest: str) -> None:
    project.write("source.txt", "text")
    project.project(f"assets: [{{dest: '{dest}', url: source.txt}}]")
    done = project.proj("assets")
    assert done.code == 2
    assert "project.yml:1:" in done.err


def test_a5_and_through_a_link_just_before_writing(project: ProjectDir) -> None:
    outside = project.beside("outside")
    os.symlink(outside.path, project.path / "data")
    project.write("source.txt", "text")
    project.project("env: {UP: UP}\nassets: [{dest: data/x.txt, url: source.txt}]")
    done = project.proj("assets")
    assert done.code == 1
    assert f"✘ data/x.txt: asset `data/x.txt` leads out of the project, to `{outside.path}`\n" in done.err
    assert os.listdir(outside.path) == []
    project.project("env: {UP: UP}\nassets: [{dest: '${env.UP}/x.txt', url: source.txt}]")
    done = project.proj("assets", env={"UP": "../scratch"})
    assert done.code == 2
    assert done.err == (
        "project.yml: error: `${env.UP}/x.txt`: `${env.UP}/x.txt` cannot be used as an asset\n"
        "  hint: name a path inside the project\n"
    )
