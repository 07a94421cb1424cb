"""Each template, from a copy to its result, with the packages that it asks for and nothing but its own data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from environments import TEMPLATES, copy_template, environment, requirements, with_scikit_learn
from harness import ProjectDir

from weaselish.engine.templates import template_titles
from weaselish.load import load_project

NAMES = sorted(path.name for path in TEMPLATES.iterdir())


def run_twice(project: ProjectDir, python: Path | None = None) -> Any:
    """Run the workflow `all`, then again with nothing to do. What is in metrics.json, if it is made."""
    env = {} if python is None else {"VIRTUAL_ENV": str(python)}
    first = project.process("run", "all", env=env)
    assert first.code == 0, first.out + first.err
    second = project.proj("run", "all", env=env)
    assert (second.code, second.out) == (0, "")
    assert "all up to date" in second.err
    assert project.proj("validate", env=env).err == ""
    return json.loads(project.read("metrics.json")) if project.exists("metrics.json") else None


@pytest.fixture(scope="session")
def scikit_learn() -> Path:
    return with_scikit_learn()


def test_minimal(project: ProjectDir) -> None:
    copy_template("minimal", project.path)
    assert run_twice(project) is None
    assert "| is | 6 |\n" in project.read("report.md")


def test_minimal_runs_only_what_a_change_touches(project: ProjectDir) -> None:
    copy_template("minimal", project.path)
    project.proj("run", "all")
    assert "count: " not in project.proj("run", "all", "--vars.most", "3").err
    assert project.read("report.md").count("\n| ") == 4
    project.write("text.txt", project.read("text.txt").lower())
    assert [step["result"] for step in project.proj("run", "all", "--vars.most", "3", "--json").json["steps"]] == [
        "ran",
        "up to date",
    ]


def test_distributed(project: ProjectDir) -> None:
    copy_template("distributed", project.path)
    assert run_twice(project) is None
    assert json.loads(project.read("model.json")) == {"weight": 3.0, "bias": -1.0}


def test_penguins(project: ProjectDir, scikit_learn: Path) -> None:
    copy_template("penguins", project.path)
    assert run_twice(project, scikit_learn)["accuracy"] > 0.9
    assert project.read("reports/report.md").startswith("# ")


def test_text_classifier(project: ProjectDir, scikit_learn: Path) -> None:
    copy_template("text-classifier", project.path)
    assert run_twice(project, scikit_learn)["accuracy"] > 0.9
    assert project.read("reports/mistakes.csv").startswith("text,language,predicted,confidence\n")


def test_image_folder_and_the_digest_of_its_directory(project: ProjectDir, scikit_learn: Path) -> None:
    copy_template("image-folder", project.path)
    assert run_twice(project, scikit_learn)["accuracy"] > 0.9
    os.rename(project.path / "images/3/004.png", project.path / "images/8/wrong.png")
    why = {row["step"]: row["reasons"] for row in project.proj("status", "--json").json}
    assert why["split"] == ["dep changed: images (3/004.png renamed to 8/wrong.png)"]
    assert why["evaluate"] == ["upstream will run: train"]


def test_spacy_textcat(project: ProjectDir) -> None:
    python = environment("spacy", requirements("spacy-textcat"), optional=True)
    copy_template("spacy-textcat", project.path)
    assert run_twice(project, python)["cats_score"] > 0.9
    assert project.exists("packages/xx_messages-0.0.0/setup.py")


def test_the_titles_are_those_of_the_templates() -> None:
    assert template_titles() == {name: load_project(TEMPLATES / name).title for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_all_that_one_starts_from(name: str) -> None:
    files = {str(path.relative_to(TEMPLATES / name)) for path in (TEMPLATES / name).rglob("*")}
    assert {"project.yml", "README.md", "requirements.txt", ".gitignore"} <= files
    scripts = (TEMPLATES / name / "scripts").glob("*.py")
    assert all(len(script.read_text("utf-8").splitlines()) <= 80 for script in scripts)
    assert f"../{name}-remote" in (TEMPLATES / name / "project.yml").read_text("utf-8")
