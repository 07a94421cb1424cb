"""A git asset has the bytes of the repository, whatever the user's git configuration says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import ProjectDir

from assets.conftest import commit
from assets.test_git_assets import git_asset

LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def configure(project: ProjectDir, settings: Mapping[str, str]) -> None:
    """Put settings into the user's global configuration."""
    for name, value in settings.items():
        subprocess.run(["git", "config", "--global", name, value], check=True, env=project.environ)


def script(project: ProjectDir, name: str, text: str) -> Path:
    path = project.beside("scripts").write(name, f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def repository(project: ProjectDir) -> ProjectDir:
    """Text with both kinds of line ends, a link, an executable, and a file that LFS would replace."""
    repository = project.beside("upstream")
    repository.git("init", "--quiet")
    repository.git("config", "core.autocrlf", "false")
    repository.write("data/.gitattributes", "*.bin filter=lfs -text\n*.txt text\n*.up filter=shout\n")
    repository.write("data/lines.txt", "one\ntwo\n")
    repository.write("data/large.bin", LFS_POINTER)
    repository.write("data/quiet.up", "quiet\n")
    repository.write("data/plain.csv", "a,b\n1,2\n")
    (repository.path / "data/dos.csv").write_bytes(b"a\r\nb\r\n")
    repository.write("data/run.sh", "echo\n").chmod(0o755)
    os.symlink("lines.txt", repository.path / "data/link")
    commit(repository, "first")
    return repository


def contents(directory: Path) -> dict[str, object]:
    return {
        path.name: os.readlink(path) if path.is_symlink() else (path.read_bytes(), os.access(path, os.X_OK))
        for path in directory.iterdir()
    }


SETTINGS: dict[str, dict[str, str]] = {
    "autocrlf": {"core.autocrlf": "true"},
    "autocrlf input": {"core.autocrlf": "input", "core.safecrlf": "true"},
    "eol": {"core.eol": "crlf"},
    "symlinks": {"core.symlinks": "false", "core.fileMode": "false"},
    "branch": {"init.defaultBranch": "not a valid name"},
    "object format": {"init.defaultObjectFormat": "sha256"},
    "submodules": {"fetch.recurseSubmodules": "true", "submodule.recurse": "true"},
    "protocols": {"protocol.allow": "never", "protocol.file.allow": "never"},
    "remote": {"remote.origin.fetch": "+refs/heads/none:refs/heads/none", "remote.pushDefault": "elsewhere"},
    "sparse": {"core.sparseCheckout": "true", "core.sparseCheckoutCone": "true", "index.sparse": "true"},
    "prune": {"fetch.prune": "true", "fetch.pruneTags": "true", "fetch.writeCommitGraph": "true"},
    "colour": {"color.ui": "always", "color.remote": "always", "core.quotePath": "true"},
}


@pytest.mark.parametrize("sparse", [False, True], ids=["plain", "sparse"])
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_change_no_byte(project: ProjectDir, repository: ProjectDir, name: str, *, sparse: bool) -> None:
    git_asset(project, repository.path.as_uri(), "data")
    configure(project, SETTINGS[name])
    done = project.proj("assets", *["--sparse"] * sparse)
    assert done.code == 0, done.err
    assert contents(project.path / "got") == contents(repository.path / "data")


def test_attributes_of_the_user_change_no_byte(project: ProjectDir, repository: ProjectDir) -> None:
    attributes = project.beside("home").write("attributes", "* text eol=crlf\n")
    configure(project, {"core.attributesFile": str(attributes)})
    home = Path(project.environ["HOME"])
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/attributes").write_text("* text eol=crlf\n")
    git_asset(project, repository.path, "data")
    assert project.proj("assets").code == 0
    assert contents(project.path / "got") == contents(repository.path / "data")


def test_no_program_of_the_configuration_runs(project: ProjectDir, repository: ProjectDir) -> None:
    """Filters, LFS, hooks, templates, the file system monitor."""
    ran = project.path / "ran"
    program = script(project, "program", f'echo "$0" >> {ran}; cat')
    hooks = script(project, "hooks/post-checkout", f"echo hook >> {ran}").parent
    template = script(project, "template/hooks/post-checkout", f"echo template >> {ran}").parent.parent
    configure(
        project,
        {
            "filter.lfs.smudge": str(program),
            "filter.lfs.process": str(program),
            "filter.lfs.required": "true",
            "filter.shout.smudge": str(program),
            "core.fsmonitor": str(program),
            "core.hooksPath": str(hooks),
            "init.templateDir": str(template),
        },
    )
    git_asset(project, repository.path, "data")
    done = project.proj("assets", env={"GIT_TEMPLATE_DIR": str(template)})
    assert done.code == 0, done.err
    assert not ran.exists()
    assert contents(project.path / "got") == contents(repository.path / "data")
    assert "got: Git LFS pointers instead of content: `large.bin`\n" in done.err


@pytest.mark.parametrize("address", ["ext::sh -c touch% ran", "fd::17"])
def test_an_address_runs_no_command(project: ProjectDir, address: str) -> None:
    configure(project, {"protocol.ext.allow": "always", "protocol.fd.allow": "always", "protocol.allow": "always"})
    git_asset(project, address, "data")
    done = project.proj("assets", env={"GIT_ALLOW_PROTOCOL": "ext:fd:file"})
    assert done.code == 1
    assert "not allowed" in done.err
    assert not project.exists("ran")


@pytest.mark.parametrize(
    "environ",
    [
        {"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index"},
        {"GIT_DEFAULT_HASH": "sha256", "GIT_NAMESPACE": "other", "GIT_OBJECT_DIRECTORY": "/nowhere"},
        {"GIT_LITERAL_PATHSPECS": "1", "GIT_TRACE": "1", "GIT_ALLOW_PROTOCOL": "https", "GIT_PROTOCOL_FROM_USER": "0"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true"},
        {"GIT_CONFIG_PARAMETERS": "'core.eol'='crlf'"},
    ],
    ids=["repository", "objects", "protocol", "count", "parameters"],
)
def test_variables_of_git_change_no_byte(project: ProjectDir, repository: ProjectDir, environ: dict[str, str]) -> None:
    git_asset(project, repository.path, "data")
    done = project.proj("assets", env=environ)
    assert done.code == 0, done.err
    assert contents(project.path / "got") == contents(repository.path / "data")


def test_credentials_and_rewritten_addresses_still_count(project: ProjectDir, repository: ProjectDir) -> None:
    configure(project, {f"url.{repository.path}.insteadOf": "https://example.org/team/data"})
    git_asset(project, "https://example.org/team/data", "data")
    assert project.proj("assets").code == 0
    assert contents(project.path / "got") == contents(repository.path / "data")


def test_a_repository_of_the_other_object_format(project: ProjectDir) -> None:
    repository = project.beside("upstream")
    repository.git("init", "--quiet", "--object-format=sha256")
    repository.write("data/a", "a")
    commit(repository, "first")
    for branch in (None, repository.git("rev-parse", "HEAD").strip()):
        git_asset(project, repository.path, "data", branch)
        assert project.proj("assets", "--force").code == 0
        assert project.read("got/a") == "a"


# -- a bare repository as servers leave it ---------------------------------------------------------------------------


def bare(project: ProjectDir, *branches: str, head: str = "refs/heads/trunk") -> Path:
    """A bare repository with these branches, whose HEAD names another one."""
    work = project.beside("work")
    work.git("init", "--quiet", "--initial-branch=first")
    path = project.beside("bare").path
    work.git("init", "--quiet", "--bare", str(path))
    for branch in branches:
        work.write("data/a.txt", branch)
        work.write("tiny/project.yml", "title: Tiny\n")
        commit(work, branch)
        work.git("push", "--quiet", str(path), f"HEAD:refs/heads/{branch}")
    subprocess.run(["git", "symbolic-ref", "HEAD", head], cwd=path, check=True, env=project.environ)
    return path


@pytest.mark.parametrize(
    ("branches", "expected"), [(("main",), "main"), (("master",), "master"), (("master", "main"), "main")]
)
def test_without_a_head_it_is_main_or_else_master(
    project: ProjectDir, branches: tuple[str, ...], expected: str
) -> None:
    path = bare(project, *branches)
    git_asset(project, path, "data")
    assert project.proj("assets").code == 0
    assert project.read("got/a.txt") == expected
    assert project.proj("clone", "tiny", "copy", "--repo", str(path)).code == 0
    assert project.exists("copy/project.yml")


def test_without_any_of_them_the_branches_are_listed(project: ProjectDir) -> None:
    path = bare(project, "devel", "stable")
    git_asset(project, path, "data")
    done = project.proj("assets")
    assert done.code == 1
    assert f"`{path}` has no default branch\n  hint: name a branch or tag: `devel`, `stable`\n" in done.err
    cloned = project.proj("clone", "tiny", "copy", "--repo", str(path))
    assert f"error: `{path}` has no default branch\n  hint: name a branch or tag: `devel`, `stable`\n" in cloned.err
    git_asset(project, path, "data", "devel")  # what the hint says
    assert project.proj("assets").code == 0
    assert project.proj("clone", "tiny", "copy", "--repo", str(path), "--branch", "stable").code == 0


def test_an_empty_repository_is_called_empty(project: ProjectDir) -> None:
    path = bare(project)
    git_asset(project, path, "data")
    assert f"`{path}` is empty: no branch was pushed to it yet\n" in project.proj("assets").err


def test_commits_and_tags_need_no_head(project: ProjectDir) -> None:
    path = bare(project, "devel")
    work = project.beside("work")
    work.git("push", "--quiet", str(path), "HEAD:refs/tags/v1")
    full = work.git("rev-parse", "HEAD").strip()
    for ref in ("v1", full, full[:8]):
        git_asset(project, path, "data", ref)
        assert project.proj("assets", "--force").code == 0
        assert project.read("got/a.txt") == "devel"


# -- branches that move ----------------------------------------------------------------------------------------------


def test_update_fetches_a_branch_that_moved(project: ProjectDir, upstream: ProjectDir) -> None:
    git_asset(project, upstream.path, "data")
    project.proj("assets")
    upstream.write("data/words.txt", "three\n")
    commit(upstream, "moved")
    done = project.proj("assets")
    assert done.err == "✔ got: already present (branch or tag not checked; `--update` checks it)\n1 already present\n"
    assert project.read("got/words.txt") == "two\n"
    assert project.proj("assets", "--update").err.startswith("✔ got: fetched, ")
    assert project.read("got/words.txt") == "three\n"
    assert project.proj("assets", "--update").err == "✔ got: already present\n1 already present\n"


def test_update_leaves_changed_content_and_asks_for_no_commit(project: ProjectDir, upstream: ProjectDir) -> None:
    full = upstream.git("rev-parse", "HEAD").strip()
    git_asset(project, upstream.path, "data", full)
    project.proj("assets")
    upstream.path.rename(upstream.path.with_name("moved away"))
    assert project.proj("assets", "--update").err == "✔ got: already present\n1 already present\n"
    upstream.path.with_name("moved away").rename(upstream.path)
    git_asset(project, upstream.path, "data", "dev")
    project.proj("assets", "--force")
    project.write("got/words.txt", "mine\n")
    done = project.proj("assets", "--update")
    assert "– got: left unchanged: it was changed since it was fetched\n" in done.err
    assert project.read("got/words.txt") == "mine\n"
