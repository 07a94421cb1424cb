"""Assets from git repositories, by path, file:// and ssh."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from harness import ProjectDir

from assets.conftest import commit, each_way, left_beside
from assets.sshd import Sshd

WORDS = {None: "two\n", "dev": "dev\n", "v1": "one\n", "commit": "one\n"}
NAMED = {None: "main", "commit": "v1"}


def git_asset(project: ProjectDir, repo: str | Path, path: str = "", branch: str | None = None, more: str = "") -> None:
    ref = "" if branch is None else f", branch: '{branch}'"
    project.project(f"assets: [{{dest: got, git: {{repo: '{repo}', path: '{path}'{ref}}}{more}}}]")


@each_way
def test_a_directory_at_a_branch_tag_or_commit(
    project: ProjectDir, upstream: ProjectDir, address: str, ref: str | None, sparse: bool
) -> None:
    commit = upstream.git("rev-parse", f"{NAMED.get(ref, ref)}^{{commit}}").strip()
    git_asset(project, address, "data/", commit if ref == "commit" else ref)
    done = project.proj("assets", *["--sparse"] * sparse)
    assert (done.code, done.err) == (0, f"✔ got: fetched, {11 + len(WORDS[ref])} B\n1 fetched\n")
    assert project.read("got/words.txt") == WORDS[ref]
    assert (project.path / "got/lines.win").read_bytes() == b"a\r\nb\r\n"  # attributes of the whole repository count
    assert sorted(os.listdir(project.path / "got")) == ["deep", "lines.win", "words.txt"]
    note = "" if ref == "commit" else " (branch or tag not checked; `--update` checks it)"
    assert project.proj("assets").err == f"✔ got: already present{note}\n1 already present\n"
    assert left_beside(project.path) == []
    [kept] = project.path.glob(".proj/assets/*.json")
    fetched = json.loads(kept.read_text())
    assert (fetched["origin"], fetched["commit"]) == (address, commit)


def test_a_short_commit_a_file_and_the_whole_without_dot_git(project: ProjectDir, upstream: ProjectDir) -> None:
    git_asset(project, upstream.path, "data/words.txt", upstream.git("rev-parse", "--short=8", "v1^{commit}").strip())
    assert project.proj("assets").code == 0
    assert project.read("got") == "one\n"
    git_asset(project, upstream.path)
    assert project.proj("assets").code == 0
    assert project.read("got/README.md") == "All of it\n"
    assert not project.exists("got/.git")
    assert os.path.islink(project.path / "got/projects/tiny/notes.txt")


def test_a_relative_repository_counts_from_the_project(project: ProjectDir, upstream: ProjectDir) -> None:
    git_asset(project, os.path.relpath(upstream.path, project.path), "data/words.txt")
    project.write("deep/er/x")
    assert project.proj("assets", cwd="deep/er").code == 0


def test_sparse_fetches_only_the_files_that_are_wanted(project: ProjectDir, upstream: ProjectDir) -> None:
    blob = upstream.git("rev-parse", "HEAD:README.md").strip()
    (upstream.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    git_asset(project, upstream.path.as_uri(), "data")
    plain = project.proj("assets")
    assert (plain.code, project.exists("got")) == (1, False)
    assert project.proj("assets", "--sparse").code == 0
    assert project.read("got/words.txt") == "two\n"


def test_sparse_from_a_server_without_filters_is_a_plain_fetch(project: ProjectDir, upstream: ProjectDir) -> None:
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        upstream.git("config", setting, "false")
    git_asset(project, upstream.path, "data")
    assert project.proj("assets", "-S").code == 0
    assert project.read("got/words.txt") == "two\n"


@pytest.mark.parametrize("sparse", [False, True], ids=["plain", "sparse"])
def test_a_link_to_elsewhere_in_the_repository_becomes_what_it_leads_to(
    project: ProjectDir, upstream: ProjectDir, sparse: bool
) -> None:
    git_asset(project, upstream.path.as_uri(), "projects/tiny")
    assert project.proj("assets", *["-S"] * sparse).code == 0
    assert project.read("got/notes.txt") == "shared\n"
    assert not os.path.islink(project.path / "got/notes.txt")


def test_a_link_out_of_the_repository_is_refused(project: ProjectDir, upstream: ProjectDir) -> None:
    os.symlink("/etc/hostname", upstream.path / "data/out")
    commit(upstream, "a link")
    git_asset(project, upstream.path, "data")
    done = project.proj("assets")
    assert done.code == 1
    assert f"✘ got: `data/out` in `{upstream.path}` is a link that leads out of the repository\n" in done.err
    assert not project.exists("got")


def test_an_unknown_path_or_ref_is_an_error_with_a_near_match(project: ProjectDir, upstream: ProjectDir) -> None:
    for path, branch, message in (
        ("dato", None, f"there is no `dato` in `{upstream.path}`\n  hint: did you mean `data`?"),
        ("data", "v2", f"`{upstream.path}` has no branch, tag or commit `v2`\n  hint: it has `dev`, `main`, `v1`"),
        ("data", "deadbeef", f"`{upstream.path}` has no branch, tag or commit `deadbeef`"),
        ("../x", None, "`../x` leads out of the repository"),
    ):
        git_asset(project, upstream.path, path, branch)
        done = project.proj("assets")
        assert done.code == 1
        assert message in done.err


def test_a_private_repository_refuses_without_the_key(project: ProjectDir, upstream: ProjectDir, sshd: Sshd) -> None:
    project.environ["GIT_SSH_COMMAND"] = sshd.without_key
    git_asset(project, sshd.url(upstream.path), "data")
    done = project.proj("assets")
    assert done.code == 1
    assert "Permission denied" in done.err


def test_a_directory_s_checksum_is_that_of_weasel(project: ProjectDir, upstream: ProjectDir) -> None:
    git_asset(project, upstream.path, "data/deep", more=", checksum: CA0B2D4C37C2B3FBDC0B79C45D47F3A1")
    done = project.proj("assets")
    assert done.code == 1
    found = done.err.partition("found ")[2].split()[0]
    git_asset(project, upstream.path, "data/deep", more=f", checksum: {found}")
    assert project.proj("assets").code == 0
    assert "already present" in project.proj("assets").err


def test_messages_hide_the_password_and_values_of_env(project: ProjectDir) -> None:
    git_asset(project, "http://ada:hidden@127.0.0.1:1/${env.PART}/x", more="}]\nenv: {PART: PART}\nx-rest: [{")
    done = project.proj("assets", env={"PART": "alsohidden"})
    assert done.code == 1
    assert "git cannot fetch from `http://127.0.0.1:1/${env.PART}/x`" in done.err
    assert "hidden" not in done.err
