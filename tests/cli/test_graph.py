"""`proj graph`: the drawing in the terminal, the formats, and where they go."""

from __future__ import annotations

import os
import re
from xml.etree import ElementTree

import pytest
from harness import ProjectDir

from weaselish import Project

FORMATS = {"--svg": "g.svg", "--html": "g.html", "--dot": "g.dot", "--mermaid": "g.mmd", "--json": "g.json"}


@pytest.fixture
def ran(pipeline: ProjectDir) -> ProjectDir:
    """The pipeline of prepare, count and report, all of which ran."""
    assert pipeline.proj("run", "all").code == 0
    return pipeline


def test_the_terminal_shows_boxes_states_durations_and_the_critical_path(ran: ProjectDir) -> None:
    done = ran.proj("graph")
    assert re.search(r"│ ✔ prepare  \d\.\d s │\n└─+┬─+┘\n +│\n *┌─+▼─+┐", done.out)
    assert "» 1 always runs   ✔ 2 up to date" in done.out
    assert re.search(r"critical path, \d\.\d s:  prepare → count → report", done.out)
    assert "✔ count" in ran.proj("graph", "count").out
    assert "report" not in ran.proj("graph", "count").out


def test_a_failure_and_a_change_have_their_own_symbols(ran: ProjectDir) -> None:
    ran.write("raw.txt", "new\n")
    ran.project(ran.read("project.yml").replace("wc -l < data.txt > count.txt", "false"))
    ran.proj("run", "count")
    ran.write("raw.txt", "newer\n")
    done = ran.proj("graph", "-v")
    assert "● prepare" in done.out and "✘ count" in done.out
    assert "✘ 1 failed   ● 1 out of date" in done.out
    assert "prepare: dep changed: raw.txt" in done.out, "the reasons follow with -v"


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(ran: ProjectDir, columns: int) -> None:
    done = ran.proj("graph", env={"COLUMNS": str(columns)})
    assert max(map(len, done.out.splitlines())) <= max(columns, 26)


def test_without_utf_8_the_drawing_is_ascii(ran: ProjectDir) -> None:
    done = ran.process("graph", env={"PYTHONIOENCODING": "ascii", "LANG": "C"})
    assert done.out.isascii() and "\\u" not in done.out
    assert re.search(r"\| \+ prepare  \d\.\d s \|\n\+-+\+-+\+\n +\|\n *\+-+v-+\+", done.out)


def test_a_project_without_commands_says_so(project: ProjectDir) -> None:
    project.project("title: nothing\n")
    done = project.proj("graph")
    assert (done.code, done.out) == (0, "")
    assert "defines no commands" in done.err
    for flag in FORMATS:
        assert project.proj("graph", flag).code == 0


@pytest.mark.parametrize(("flag", "name"), FORMATS.items())
def test_a_format_goes_to_stdout_or_into_the_file_named(ran: ProjectDir, flag: str, name: str) -> None:
    shown = ran.proj("graph", "count", flag)
    assert (shown.code, shown.err) == (0, "")
    done = ran.proj("graph", "count", flag, name)
    assert (done.code, done.out) == (0, "")
    assert f"wrote `{name}`" in done.err
    assert len(ran.read(name)) == pytest.approx(len(shown.out), abs=40), "the times differ"
    assert ran.proj("graph", name, flag, "count").code == 0, "wherever the file stands"


def test_the_svg_is_xml_and_the_json_has_all_facts(ran: ProjectDir) -> None:
    ElementTree.fromstring(ran.proj("graph", "--svg").out)
    facts = ran.proj("graph", "--json").json
    assert [step["step"] for step in facts["steps"]] == ["prepare", "count", "report"]
    assert facts["steps"][1]["outputs"] == ["count.txt", "log.txt"]
    assert facts["edges"] == [{"from": "prepare", "to": "count"}, {"from": "count", "to": "report"}]
    assert facts["critical_path"]["steps"] == ["prepare", "count", "report"]
    assert all(step["seconds"] > 0 for step in facts["steps"])


def test_formats_exclude_each_other(ran: ProjectDir) -> None:
    done = ran.proj("graph", "--svg", "--html")
    assert done.code == 2
    assert "`--svg` and `--html` exclude each other" in done.err
    done = ran.proj("graph", "--svg", "a.svg", "b.svg")
    assert done.code == 2
    assert "only one file" in done.err
    assert not ran.exists("a.svg")


def test_a_file_that_cannot_be_written_is_named(ran: ProjectDir) -> None:
    (ran.path / "dir.svg").mkdir()
    os.mkfifo(ran.path / "pipe.svg")
    for name, text in (
        ("dir.svg", "is a directory"),
        ("pipe.svg", "is a named pipe"),
        ("none/g.svg", "cannot be written"),
    ):
        done = ran.proj("graph", "--svg", name)
        assert done.code in (1, 2)
        assert f"`{name}`" in done.err and text in done.err


def test_a_file_replaces_what_a_link_leads_to(ran: ProjectDir) -> None:
    ran.write("real.svg", "old")
    (ran.path / "g.svg").symlink_to("real.svg")
    assert ran.proj("graph", "--svg", "g.svg").code == 0
    assert (ran.path / "g.svg").is_symlink() and ran.read("real.svg").startswith("<svg")


def test_secrets_of_the_environment_are_in_no_drawing(project: ProjectDir) -> None:
    project.project(
        """
        env: {TOKEN: MY_TOKEN}
        commands:
          - {name: a, help: "with ${env.TOKEN}", script: ["echo ${env.TOKEN}"], outputs: [b], deps: []}
        """
    )
    for flag in FORMATS:
        assert "hunter2" not in project.proj("graph", flag, env={"MY_TOKEN": "hunter2"}).out


def test_python_draws_the_same(ran: ProjectDir) -> None:
    project = Project(ran.path)
    assert project.draw("count", form="dot") == ran.proj("graph", "count", "--dot").out
    assert project.draw().startswith("<svg")
    assert project.draw(form="html").startswith("<!doctype html>")
    assert [step.step for step in project.picture().steps] == ["prepare", "count", "report"]


def test_the_steps_of_a_matrix_are_one_box_and_each_has_its_facts(project: ProjectDir) -> None:
    project.project(
        """
        commands:
          - {name: get, script: [touch raw], outputs: [raw]}
          - name: train
            matrix: {lang: [de, en], size: [sm, lg]}
            script: ["touch ${matrix.lang}-${matrix.size}"]
            deps: [raw]
            outputs: ["${matrix.lang}-${matrix.size}"]
        """
    )
    assert project.proj("run", "train@de-*").code == 0
    assert "│ train ×4  2○ 2✔ │" in project.proj("graph").out
    facts = project.proj("graph", "--json").json["steps"]
    assert [(step["step"], step["matrix"]) for step in facts][:2] == [("get", None), ("train@de-sm", "train")]
