"""`proj init`, `proj schema`, and the line in project.yml that makes editors use the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from weaselish.model.project import Asset, Command, Git, ProjectModel, Remote
from weaselish.model.schema import schema_text, violations

LINE = "# yaml-language-server: $schema=project.schema.json\n"
TEMPLATES = Path(__file__).parent.parent.parent / "templates"


def test_init_writes_a_project_that_runs_with_a_schema_that_accepts_it(project: ProjectDir) -> None:
    done = project.proj("init")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("next: proj run all\n")
    assert project.read("project.yml").startswith(LINE)
    assert project.read("project.schema.json") == schema_text()
    assert project.proj("validate").err == ""
    run = project.process("run", "all")
    assert (run.code, project.read("shout.txt")) == (0, "HELLO, WORLD!\n")
    assert "all up to date" in project.proj("run", "all").err
    assert project.process("run", "all", "--vars.greeting", "Good day").code == 0
    assert project.read("greeting.txt") == "Good day, world\n"


def test_git_ignores_outputs_and_keeps_the_rest(project: ProjectDir) -> None:
    project.proj("init")
    assert project.process("run", "all").code == 0
    project.git("init")
    project.git("add", ".")
    assert project.git("ls-files").split() == [
        ".gitignore", "metrics.json", "project.lock", "project.schema.json", "project.yml",
        "scripts/greet.py", "scripts/shout.py",
    ]  # fmt: skip


def test_init_replaces_nothing_and_names_what_it_keeps(project: ProjectDir) -> None:
    project.write(".gitignore", "mine\n")
    project.write("scripts/greet.py", "print()\n")
    done = project.proj("init")
    assert "warning: kept `.gitignore`, `scripts/greet.py`, which existed before\n" in done.err.replace(
        "`scripts/greet.py`, `.gitignore`", "`.gitignore`, `scripts/greet.py`"
    )
    assert (project.read(".gitignore"), project.read("scripts/greet.py")) == ("mine\n", "print()\n")
    before = project.files()
    again = project.proj("init")
    assert (again.code, project.files()) == (2, before)
    assert again.err == "error: `.` already has a project.yml\n  hint: `proj` lists its commands\n"


@pytest.mark.parametrize("name", ["a b", "e: x", "ünï", '"', "true", "{x}", "1.0"])
def test_the_name_of_the_directory_may_be_odd(project: ProjectDir, name: str) -> None:
    assert project.proj("init", name).code == 0
    assert project.proj("validate", cwd=name).err == ""
    assert project.process("run", "all", cwd=name).code == 0
    assert project.proj("push", cwd=name).code == 0


def test_init_where_nothing_can_be_written_is_one_error(project: ProjectDir) -> None:
    project.write("file")
    done = project.proj("init", "file/sub")
    assert done.code == 1
    assert done.err.startswith("error: `file/sub` cannot be written: ")


def test_the_next_line_can_be_pasted(project: ProjectDir) -> None:
    assert project.proj("init", "my project").err.endswith("next: cd 'my project' && proj run all\n")


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.iterdir()))
def test_a_clone_of_a_template_has_the_schema_beside_project_yml(project: ProjectDir, name: str) -> None:
    assert (TEMPLATES / name / "project.yml").read_text("utf-8").startswith(LINE)
    assert project.proj("clone", name).code == 0
    assert project.read(f"{name}/project.schema.json") == schema_text()


def test_a_clone_without_the_line_gets_no_schema(project: ProjectDir) -> None:
    upstream = project.beside("upstream")
    upstream.project("commands: [{name: hello, script: [echo hello]}]")
    upstream.git("init")
    upstream.git("add", ".")
    upstream.git("commit", "-m", "x")
    assert project.proj("clone", ".", "copy", "--repo", str(upstream.path)).code == 0
    assert not project.exists("copy/project.schema.json")


# -- the schema -------------------------------------------------------------------------------------------------------

SCHEMA: dict[str, Any] = json.loads(schema_text())


def keys(schema: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(f"{path}.{key}", value) for key, value in schema.get("properties", {}).items()]
    nested = [*schema.get("$defs", {}).items(), *schema.get("properties", {}).items()]
    return found + [item for key, value in nested if isinstance(value, dict) for item in keys(value, f"{path}.{key}")]


def test_the_schema_is_printed(project: ProjectDir) -> None:
    assert project.proj("schema").out == schema_text()


@pytest.mark.parametrize(("key", "schema"), keys(SCHEMA), ids=lambda value: value if isinstance(value, str) else "")
def test_each_key_has_a_description_and_an_example(key: str, schema: dict[str, Any]) -> None:
    assert schema["description"].endswith(".")
    assert schema["examples"]


def test_the_examples_of_the_top_level_are_valid() -> None:
    for key, schema in SCHEMA["properties"].items():
        for example in schema["examples"]:
            assert list(violations({key: example})) == []


def test_the_schema_has_each_key_that_the_parser_knows() -> None:
    of = SCHEMA["$defs"]
    derived = {"is_users", "limits", "written", "faults", "warnings", "matrices", "is_user_cache", "mount"}
    for kind, properties in (
        (ProjectModel, SCHEMA["properties"]),
        (Command, of["command"]["properties"]),
        (Asset, of["asset"]["properties"]),
        (Git, of["asset"]["properties"]["git"]["properties"]),
        (Remote, {"name": None, **of["remote"]["properties"]}),
    ):
        assert set(kind._fields) - derived <= properties.keys()
