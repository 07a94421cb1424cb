"""Each hint of `proj assets` and `proj clone` helps: these tests do what it says."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from assets.conftest import commit


def test_extra_includes_the_extra_assets(project: ProjectDir) -> None:
    project.write("source.txt", "text")
    project.project("assets: [{dest: a.txt, url: source.txt, extra: true}]")
    done = project.proj("assets")
    assert (done.code, done.err) == (
        0,
        "warning: all assets of project.yml are marked `extra`\n  hint: `--extra` includes them\n",
    )
    assert project.proj("assets", "--extra").err == "✔ a.txt: fetched, 4 B\n1 fetched\n"


def test_force_fetches_over_what_was_changed(project: ProjectDir) -> None:
    project.write("source.txt", "text")
    project.write("a.txt", "mine")
    project.project("assets: [{dest: a.txt, url: source.txt}]")
    assert "  hint: `--force` fetches it\n" in project.proj("assets").err
    assert project.proj("assets", "--force").code == 0
    assert project.read("a.txt") == "text"


def test_a_private_asset_is_put_there_by_the_user(project: ProjectDir) -> None:
    project.project("assets: [{dest: ../far/a.txt, description: ask the lab}]")
    done = project.proj("assets")
    assert "missing, and project.yml names no source for it\n  hint: put it there yourself: ask the lab\n" in done.err
    project.write("../far/a.txt", "given")
    assert project.proj("assets").code == 0


def test_a_near_match_of_a_branch_or_path_works(project: ProjectDir, upstream: ProjectDir) -> None:
    for path, branch, hint in (("dato", "dev", "did you mean `data`?"), ("data", "devv", "did you mean `dev`?")):
        project.project(f"assets: [{{dest: got, git: {{repo: '{upstream.path}', path: {path}, branch: {branch}}}}}]")
        assert f"  hint: {hint}\n" in project.proj("assets").err
    project.project(f"assets: [{{dest: got, git: {{repo: '{upstream.path}', path: data, branch: dev}}}}]")
    assert project.proj("assets").code == 0


EXTRA = """\
assets: [{dest: a, url: b, extra: true}]
workflows: {all: [x]}
commands: [{name: x, script: [echo x]}]
"""
FILES = {
    "nothing": ({}, "cd copy && proj run hello"),
    "requirements": (
        {"requirements.txt": "numpy\n"},
        "cd copy && python -m venv .venv && .venv/bin/python -m pip install -r requirements.txt && proj run hello",
    ),
    "pyproject": (
        {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n"},
        "cd copy && python -m venv .venv && .venv/bin/python -m pip install . && proj run hello",
    ),
    "assets": (
        {"project.yml": "assets: [{dest: a, url: b}]\ncommands: [{name: hello, script: [echo hello]}]\n"},
        "cd copy && proj assets && proj run hello",
    ),
    "extra assets": (
        {"project.yml": EXTRA},
        "cd copy && proj run all",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_clone_says_what_to_do_next(project: ProjectDir, upstream: ProjectDir, name: str) -> None:
    files, steps = FILES[name]
    for path, text in files.items():
        upstream.write(f"projects/tiny/{path}", text)
    upstream.write("projects/tiny/b", "")
    commit(upstream, name)
    done = project.proj("clone", "projects/tiny", "copy", "--repo", str(upstream.path))
    assert "next:\n" + "".join(f"  {step}\n" for step in steps.split(" && ")) in done.err
    assert ("  hint: with `--setup`" in done.err) == (".venv" in steps)
    if name in ("nothing", "assets", "extra assets"):
        for step in steps.split(" && ")[1:]:
            assert project.proj(*step.split()[1:], cwd="copy").code == 0


def test_clone_reports_a_project_yml_that_cannot_be_used(project: ProjectDir, upstream: ProjectDir) -> None:
    upstream.write("projects/tiny/project.yml", "commands: 5\n")
    commit(upstream, "broken")
    done = project.proj("clone", "projects/tiny", "copy", "--repo", str(upstream.path))
    assert done.code == 0
    assert "warning: project.yml:1:" in done.err
