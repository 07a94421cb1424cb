"""docs/migrate.md: its tables are complete, and what it says about differences from Weasel is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import ProjectDir

TEXT = (Path(__file__).parent.parent / "docs" / "migrate.md").read_text("utf-8")
DIFFERENCES = dict(
    re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", TEXT.split("### Different on purpose")[1].split("###")[0], re.M)
)


def test_every_defect_has_its_line() -> None:
    listed = re.findall(r"^\| (D\d\d\w?) \|", TEXT, re.MULTILINE)
    assert listed == sorted({*(f"D{number:02}" for number in range(1, 61)), "D03b", "D06b", "D17b"})


def test_every_row_of_a_table_has_all_cells() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block


# -- differences on purpose -------------------------------------------------------------------------------------------

CHAIN = """
commands:
  - {name: prepare, script: [cp in.txt corpus.txt], deps: [in.txt], outputs: [corpus.txt]}
  - {name: train, script: [cp corpus.txt model.txt], deps: [corpus.txt], outputs: [model.txt]}
  - {name: note, script: [echo noted]}
workflows:
  listed: [train, prepare]
  inner: [prepare, note]
  outer: [inner, train, note]
"""


def ran(project: ProjectDir, *words: str) -> list[str]:
    """Run, and return the steps that ran, in order."""
    return [row["step"] for row in project.proj(*words, "--json").json["steps"] if row["result"] == "ran"]


@pytest.fixture
def chain(project: ProjectDir) -> ProjectDir:
    project.project(CHAIN)
    project.write("in.txt", "in\n")
    return project


def test_every_difference_that_is_tested_here_is_listed() -> None:
    assert {"one command", "order in a workflow", "repeated steps", "workflows in workflows", "unrecorded outputs"} <= (
        DIFFERENCES.keys()
    )
    assert {"paths outside the project", "a failed step", "`run --help`", "`dvc`"} <= DIFFERENCES.keys()


def test_one_command_runs_its_upstream_first_unless_only_it_is_asked_for(chain: ProjectDir) -> None:
    assert ran(chain, "run", "train") == ["prepare", "train"]
    assert ran(chain, "run", "train", "--only", "--force") == ["train"]


def test_a_producer_listed_after_its_consumer_moves_before_it(chain: ProjectDir) -> None:
    assert ran(chain, "run", "listed") == ["prepare", "train"]
    assert "`prepare`" in chain.proj("validate").err


def test_a_workflow_may_name_another_and_repeat_steps(chain: ProjectDir) -> None:
    steps = [row["step"].partition(" ")[0] for row in chain.proj("run", "outer", "--json").json["steps"]]
    assert steps == ["prepare", "note", "train", "note"]


def test_unrecorded_outputs_are_taken_as_they_are_unless_their_step_is_named(chain: ProjectDir) -> None:
    chain.write("corpus.txt", "committed\n")
    done = chain.proj("run", "train")
    assert (done.code, chain.read("model.txt")) == (0, "committed\n")
    assert "proj run prepare" in done.err and "proj lock accept prepare" in done.err
    assert chain.proj("lock", "accept", "prepare").code == 0
    assert ran(chain, "run", "prepare") == []
    chain.proj("lock", "reset", "prepare")
    assert ran(chain, "run", "prepare") == ["prepare"]


def test_outputs_outside_the_project_are_recorded_and_not_pushed(project: ProjectDir, tmp_path: Path) -> None:
    project.project(
        f"remotes: {{default: {tmp_path / 'remote'}}}\n"
        "commands: [{name: a, script: [cp ../in.txt ../shared.txt], deps: [../in.txt], outputs: [../shared.txt]}]"
    )
    project.write("../in.txt", "in\n")
    assert ran(project, "run", "a") == ["a"]
    assert ran(project, "run", "a") == []
    project.proj("push")
    assert not list((tmp_path / "remote").rglob("*shared*"))


def test_a_failed_step_is_up_to_date_only_with_the_outputs_of_its_last_success(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh a.sh], outputs: [out.txt]}]")
    project.write("a.sh", "echo first > out.txt\n")
    assert project.proj("run", "a").code == 0
    project.write("a.sh", "echo first > out.txt; exit 1\n")
    assert project.proj("run", "a", "--force").code == 1
    assert ran(project, "run", "a") == []
    project.write("a.sh", "echo second > out.txt; exit 1\n")
    assert project.proj("run", "a", "--force").code == 1
    assert project.proj("run", "a").code == 1


def test_help_of_a_name_and_of_the_subcommand(chain: ProjectDir) -> None:
    assert "outputs: model.txt" in chain.proj("run", "train", "--help").out
    assert "--force" in chain.proj("run", "--help").out


def test_dvc_has_stages_for_the_steps_upstream(chain: ProjectDir) -> None:
    (chain.path / ".dvc").mkdir()
    chain.project(CHAIN + "  alone: [train]\n")
    assert chain.proj("dvc", "alone").code == 0
    text = chain.read("dvc.yaml")
    assert "prepare:" in text and "train:" in text
