"""`proj clone`: from the bundled templates, and from real repositories."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from pathlib import Path

import pytest
from harness import ProjectDir

from assets.conftest import each_way, left_beside
from assets.sshd import Sshd


@pytest.fixture
def folder(project: ProjectDir, monkeypatch: pytest.MonkeyPatch) -> ProjectDir:
    """A directory to clone into; whatever is left of temporary directories lies in it or in its `tmp`."""
    (project.path / "tmp").mkdir()
    project.environ["TMPDIR"] = str(project.path / "tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(project.path / "tmp"))
    return project


def origin(project: ProjectDir, copy: str) -> dict[str, str | None]:
    data: dict[str, str | None] = json.loads(project.read(f"{copy}/.proj/origin.json"))
    return data


@each_way
def test_a_template_in_a_subdirectory_at_a_branch_tag_or_commit(
    folder: ProjectDir, upstream: ProjectDir, address: str, ref: str | None, sparse: bool
) -> None:
    ref = upstream.git("rev-parse", "v1^{commit}").strip() if ref == "commit" else ref
    words = [*(["-b", ref] if ref else []), *["-S"] * sparse]
    done = folder.proj("clone", "projects/tiny", "--repo", address, *words)
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        f"cloning from {address}\n"
        f"✔ cloned `projects/tiny` from {address} into `tiny`\n"
        "next:\n  cd tiny\n  proj run hello\n"
    )
    assert folder.read("tiny/notes.txt") == "shared\n"
    assert not folder.exists("tiny/.git")
    commit = upstream.git("rev-parse", f"{ref or 'main'}^{{commit}}").strip()
    assert origin(folder, "tiny") == {"name": "projects/tiny", "repo": address, "branch": ref, "commit": commit}
    assert folder.proj("run", "hello", cwd="tiny").code == 0
    assert clean(folder)


def clean(project: ProjectDir) -> bool:
    return not left_beside(project.path) and not os.listdir(project.path / "tmp")


def test_names_with_blanks_the_whole_repository_and_another_place(folder: ProjectDir, upstream: ProjectDir) -> None:
    repo = str(upstream.path)
    for sparse in ([], ["-S"]):
        dest = f"copy {len(sparse)}"
        assert folder.proj("clone", "projects/two words/", dest, "-r", upstream.path.as_uri(), *sparse).code == 0
        assert folder.read(f"{dest}/project.yml") == "title: Two [words]\n"
    whole = folder.proj("clone", ".", "-r", repo)
    assert (whole.code, folder.read("upstream/data/words.txt")) == (0, "two\n")
    assert "warning: it has no project.yml\n" in whole.err
    assert not folder.exists("upstream/.git")
    file = folder.proj("clone", "data/words.txt", "-r", repo)
    assert (file.code, folder.read("words.txt")) == (0, "two\n")
    assert clean(folder)


def test_what_cannot_be_cloned_leaves_nothing_behind(folder: ProjectDir, upstream: ProjectDir) -> None:
    repo = str(upstream.path)
    folder.write("taken", "mine")
    for words, code, message in (
        (["projects/tiny", "taken", "-r", repo], 1, "error: `taken` already exists\n"),
        (["projects/tiny", "a/b", "-r", repo], 1, "error: the directory `a` does not exist\n"),
        (["../tiny", "-r", repo], 2, "error: `../tiny` leads out of the repository\n"),
        (["/tmp", "-r", repo], 2, "error: `/tmp` leads out of the repository\n"),
        (["projects/tinny", "-r", repo], 1, f"error: there is no `projects/tinny` in `{repo}`\n"),
        (["projects/tiny", "-r", repo, "-b", "devel"], 1, f"error: `{repo}` has no branch, tag or commit `devel`\n"),
        (["tiny", "-r", "/nowhere/x.git"], 1, "error: git cannot fetch from `/nowhere/x.git`: '/nowhere/x.git' does"),
        (["tiny", "-r", "http://127.0.0.1:1/x"], 1, "error: git cannot fetch from `http://127.0.0.1:1/x`: "),
        (["tiny", "-r", "--upload-pack=touch x"], 1, "error: git cannot fetch from `--upload-pack=touch x`: "),
        ([], 2, "error: the name of what to clone is missing\n"),
    ):
        done = folder.proj("clone", *words)
        assert (done.code, done.out) == (code, "")
        assert message in done.err
        assert "Traceback" not in done.err
    assert sorted(folder.files()) == ["taken", "tmp"]


def test_the_path_of_a_local_project_gets_a_hint(folder: ProjectDir) -> None:
    for name in ("../my project", "/srv/project"):
        done = folder.proj("clone", name)
        assert (done.code, done.err.splitlines()) == (
            2,
            [
                f"error: `{name}` is neither a template nor a directory of Weasel's repository",
                f"  hint: for a git repository in that directory: `proj clone . DIR --repo {shlex.quote(name)}`",
            ],
        )


def test_a_private_repository_needs_the_key(folder: ProjectDir, upstream: ProjectDir, sshd: Sshd) -> None:
    folder.environ["GIT_SSH_COMMAND"] = sshd.without_key
    done = folder.proj("clone", "projects/tiny", "-r", sshd.url(upstream.path))
    assert done.code == 1
    assert "Permission denied" in done.err
    assert sorted(folder.files()) == ["tmp"]


def test_without_a_repository_it_is_a_bundled_template(folder: ProjectDir) -> None:
    done = folder.proj("clone", "penguins", "birds")
    assert (done.code, done.err.splitlines()[0]) == (
        0,
        "✔ cloned `penguins` from the bundled templates into `birds`",
    )
    assert origin(folder, "birds")["template"] == "penguins"
    assert folder.proj("validate", "birds").code == 0
    listed = folder.proj("clone", "--list", cwd="birds")
    assert "penguins" in listed.out
    assert "this project was cloned from name penguins" in listed.err
    assert "penguins" in [one["name"] for one in folder.proj("clone", "--list", "--json").json]
    assert clean(folder)


def test_any_other_name_comes_from_weasel_s_repository_at_its_branch(folder: ProjectDir, upstream: ProjectDir) -> None:
    upstream.git("branch", "v3", "dev")
    folder.environ |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{upstream.path}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/explosion/projects",
    }
    assert folder.proj("clone", "data").code == 0
    assert folder.read("data/words.txt") == "dev\n"
    assert origin(folder, "data")["repo"] == "https://github.com/explosion/projects"
    failed = folder.proj("clone", "penguin")
    assert failed.code == 1
    assert "hint: did you mean the bundled template `penguins`?" in failed.err


def test_a_template_is_found_beside_the_package_and_in_it(folder: ProjectDir) -> None:
    from weaselish.engine.templates import bundled_templates

    assert all((Path(directory) / "project.yml").is_file() for directory in bundled_templates().values())
    assert "penguins" in bundled_templates()
