"""The documented commands of Skelebot, one by one, with ours beside them.

`spec` numbers the statements of its documentation: each must hold here. Artifactory's are tested with its store.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from harness import ProjectDir

from .conftest import publish, set_version, train

# Skelebot                                   proj
COMMANDS = [
    ("skelebot push NAME", "artifact push model"),
    ("skelebot push NAME -f", "artifact push model -f"),
    ("skelebot push NAME --force", "artifact push model --force"),
    ("skelebot push NAME -p team-", "artifact push model -p team-"),
    ("skelebot push NAME --prefix team-", "artifact push model --prefix team-"),
    ("skelebot push ALL", "artifact push ALL"),
    ("skelebot pull NAME 0.1.0", "artifact pull model 0.1.0"),
    ("skelebot pull NAME LATEST", "artifact pull model LATEST"),
    ("skelebot pull NAME 0.1.0 -o", "artifact pull model 0.1.0 -o"),
    ("skelebot pull NAME 0.1.0 --override", "artifact pull model 0.1.0 --override"),
    ("skelebot pull ALL LATEST", "artifact pull ALL LATEST"),
    ("skelebot bump patch", "version bump patch"),
    ("skelebot bump minor", "version bump minor"),
    ("skelebot bump major", "version bump major"),
]


@pytest.fixture
def released(trained: ProjectDir) -> ProjectDir:
    """A project at 0.2.0 that published 0.1.0 of both artifacts."""
    set_version(trained, "0.1.0")
    assert trained.proj("artifact", "push", "ALL").code == 0
    set_version(trained, "0.2.0")
    train(trained, "two")
    return trained


@pytest.mark.parametrize(("theirs", "ours"), COMMANDS)
def test_each_command_has_its_counterpart(released: ProjectDir, theirs: str, ours: str) -> None:
    released.proj("artifact", "push", "ALL")
    assert released.proj(*ours.split()).code == 0, theirs


class Statement(NamedTuple):
    spec: str  # numbers in the list of statements
    says: str
    ours: str
    code: int
    shows: str


STATEMENTS = [
    Statement("22 23", "push takes the project's version", "artifact push model", 0, "model 0.2.0: pushed"),
    Statement("24", "the same version twice is an error", "artifact push model --version 0.1.0", 1, "other content"),
    Statement("25", "-f overwrites", "artifact push model --version 0.1.0 -f", 0, "model 0.1.0: replaced"),
    Statement("26", "-p puts text in front", "artifact push model -p x-", 0, "x-model_v0.2.0.pkl"),
    Statement("27", "pull takes a version", "artifact pull model 0.1.0", 0, "model_v0.1.0.pkl"),
    Statement("28-31", "LATEST is the latest compatible one", "artifact pull model LATEST", 0, "model 0.1.0: pulled"),
    Statement("32", "push ALL", "artifact push ALL", 0, "corpus_v0.2.0.tar.gz"),
    Statement("33 34 36", "pull ALL LATEST", "artifact pull ALL LATEST", 0, "corpus_v0.1.0.tar.gz"),
    Statement("37", "pull puts it into the project's root", "artifact pull model 0.1.0", 0, "(model_v0.1.0.pkl)"),
    Statement("38 39 41", "-o puts it at its path", "artifact pull model 0.1.0 -o --force", 0, "(out/model.pkl)"),
    Statement("40", "ours asks before local content is lost", "artifact pull model 0.1.0 -o", 1, "would be lost"),
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.spec)
def test_each_statement_holds(released: ProjectDir, statement: Statement) -> None:
    done = released.proj(*statement.ours.split())
    assert (done.code, statement.shows in done.out + done.err) == (statement.code, True), (statement.says, done)


def test_5_9_an_artifact_has_name_file_and_singular(released: ProjectDir) -> None:
    listed = released.proj("artifact", "list", "--json").json
    assert {(one["name"], one["path"], one["singular"]) for one in listed} == {
        ("model", "out/model.pkl", False),
        ("corpus", "out/corpus", False),
    }


def test_6_both_stores_in_one_artifact_are_an_error_not_a_silent_winner(released: ProjectDir) -> None:
    released.project(released.read("project.yml").replace("pkl, d", "pkl, remote: [default, other], d"))
    assert released.proj("artifact", "push", "model").code == 2
    text = released.read("project.yml").replace("remote: [default, other]", "remote: default, remote: other")
    released.project(text)
    assert released.proj("artifact", "push", "model").code == 2


def test_a_missing_artifact_is_a_failure_not_only_a_message(released: ProjectDir) -> None:
    assert released.proj("artifact", "pull", "model", "9.9.9").code == 1


def test_all_goes_on_where_theirs_stops(released: ProjectDir) -> None:
    (released.path / "out" / "model.pkl").unlink()
    done = released.proj("artifact", "push", "ALL")
    assert (done.code, "corpus_v0.2.0.tar.gz" in done.out) == (1, True)


def test_latest_counts_in_numbers(released: ProjectDir) -> None:
    publish(released, "0.9.0", "0.10.0", "1.0.0")
    set_version(released, "0.99.0")
    assert "model 0.10.0" in released.proj("artifact", "pull", "model", "LATEST").err


def test_what_skelebot_stored_is_found(released: ProjectDir) -> None:
    remote: Path = released.path.parent / "remote"
    (remote / "model_v0.1.5.pkl").write_text("from Skelebot")
    assert released.proj("artifact", "pull", "model", "LATEST").code == 0
    assert released.read("model_v0.1.5.pkl") == "from Skelebot"
