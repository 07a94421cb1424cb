"""The wheel and the sdist, each installed in a new environment: they have their schema and templates, and run."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from wheel import ROOT, install_sdist, install_wheel


def run(*words: str | Path, cwd: Path) -> str:
    env = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "XDG_CACHE_HOME")
    }
    env["HOME"] = str(cwd)  # no run cache of an earlier test restores the outputs
    done = subprocess.run(words, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    programs = install_wheel(tmp_path)
    python, proj = programs / "python", programs / "proj"

    shown = run(
        python, "-c", "import importlib.metadata as m; print(m.metadata('weaselish')['Description'])", cwd=tmp_path
    )
    assert "](https://example.org/proj/blob/main/docs/tutorial/get-started.md)" in shown
    assert not re.findall(r"\]\((?!https?:)", shown), "a package index has no relative links"

    run(proj, "init", "starter", cwd=tmp_path)
    assert "2 ran" in run(proj, "run", "all", cwd=tmp_path / "starter")
    assert "all up to date" in run(python, "-m", "weaselish", "run", "all", cwd=tmp_path / "starter")
    assert "4 commands" in run(proj, "validate", ROOT / "templates" / "penguins", cwd=tmp_path)

    code = (
        "from importlib.resources import files as f; print(*[d.name for d in (f('weaselish') / 'templates').iterdir()])"
    )
    assert "penguins" in run(python, "-c", code, cwd=tmp_path)
    assert "penguins" in run(proj, "clone", "--list", cwd=tmp_path)
    run(proj, "clone", "penguins", "birds", cwd=tmp_path)
    assert (tmp_path / "birds" / "project.yml").is_file()
    code = "import weaselish; print(weaselish.Project.load('starter').run('all').exit_code)"
    assert run(python, "-c", code, cwd=tmp_path).strip() == "0"


@pytest.mark.slow
def test_the_sdist_builds_and_works_away_from_the_repository(tmp_path: Path) -> None:
    programs, sdist = install_sdist(tmp_path)
    where = run(programs / "python", "-c", "import weaselish; print(weaselish.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path / "env"))
    run(programs / "proj", "init", "starter", cwd=tmp_path)
    assert "2 ran" in run(programs / "proj", "run", "all", cwd=tmp_path / "starter")
    listed = run(programs / "proj", "clone", "--list", cwd=tmp_path)
    assert all(one.name in listed for one in (ROOT / "templates").iterdir())
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "docs/index.md", "tests/harness.py", "templates/penguins/data/README.md"} <= names
    unwanted = (".venv", ".git", "site", ".proj")
    assert not [name for name in names if name.partition("/")[0] in unwanted or name.endswith(".pyc")]
