"""Missing deps: all at once, each at its line and with what could provide it."""

from __future__ import annotations

import unicodedata

import pytest
from harness import ProjectDir


def error_of(project: ProjectDir, *words: str) -> str:
    done = project.proj(*words)
    assert (done.code, done.out) == (1, "")
    return done.err


def test_all_missing_deps_of_a_plan_are_reported_at_once_before_anything_starts(project: ProjectDir) -> None:
    project.project("""\
        assets:
          - {dest: corpus, url: "https://example.org/corpus"}
          - {dest: labels.csv}
        commands:
          - {name: first, script: [touch started]}
          - {name: a, script: [touch a], deps: [raw.csv, corpus/train.txt], outputs: [a]}
          - {name: b, script: [touch b], deps: [raw.csv, labels.csv, a], outputs: [b]}
        workflows: {all: [first, a, b]}
        """)
    assert error_of(project, "run", "all") == (
        "project.yml:6:41: error: `a` (line 6), `b` (line 7) need `raw.csv`, which does not exist\n"
        "  hint: no command or asset provides it\n"
        "project.yml:6:50: error: `a` needs `corpus/train.txt`, which does not exist\n"
        "  hint: it is an asset: `proj assets` fetches it\n"
        "project.yml:7:50: error: `b` needs `labels.csv`, which does not exist\n"
        "  hint: it is a private asset: put it at that path\n"
    )
    assert not project.exists("started") and not project.exists(".proj")


def test_a_dep_with_several_producers_that_does_not_exist_is_among_them(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: one, script: [touch x], outputs: [x]}
          - {name: two, script: [touch x], outputs: [x]}
          - {name: use, script: [touch y], deps: [x, gone], outputs: [y]}
        """)
    assert error_of(project, "run", "use") == (
        "project.yml:4:43: error: `use` needs `x`, which does not exist\n"
        "  hint: produced by `proj run one` or `proj run two`\n"
        "project.yml:4:46: error: `use` needs `gone`, which does not exist\n"
        "  hint: no command or asset provides it\n"
    )


@pytest.mark.parametrize(
    ("dep", "hint"),
    [
        ("data\\raw.csv", "`data/raw.csv` exists: write `/` between names"),
        ("model\\best", "did you mean `model/best`? Write `/` between names"),
        ("data/rawcsv", "did you mean `data/raw.csv`?"),
        ("Data/Raw.csv", "`data` exists: upper and lower case differ"),
        ("data/raw.csv/part", "`data/raw.csv` is a file, not a directory"),
        ("model/bets", "did you mean `model/best`?"),
        ("lables.csv", "did you mean `labels.csv`?"),
        ("quite/different", "no command or asset provides it"),
    ],
)
def test_the_hint_names_the_path_that_was_probably_meant(project: ProjectDir, dep: str, hint: str) -> None:
    project.project(f"""\
        assets: [{{dest: labels.csv}}]
        commands:
          - {{name: train, script: [touch model/best], outputs: [model/best]}}
          - {{name: use, script: [touch out], deps: ['{dep}'], outputs: [out]}}
        """)
    project.write("data/raw.csv")
    assert error_of(project, "run", "use").endswith(f"which does not exist\n  hint: {hint}\n")


def test_the_hint_names_a_file_in_another_unicode_normal_form(project: ProjectDir) -> None:
    project.project(f"commands: [{{name: use, script: [touch out], deps: [{unicodedata.normalize('NFC', 'é.csv')}]}}]")
    project.write(unicodedata.normalize("NFD", "é.csv"))
    assert "another Unicode normal form" in error_of(project, "run", "use")


def test_a_missing_dep_of_a_single_step_is_reported_at_its_turn_under_only(project: ProjectDir) -> None:
    project.project("commands: [{name: use, script: [touch out], deps: [one, two], outputs: [out]}]")
    assert error_of(project, "run", "use", "--only") == (
        "✘ `use` needs `one`, which does not exist; `use` needs `two`, which does not exist\n"
        "  hint: no command or asset provides it\n"
        "✘ 1 failed\n"
    )


def test_validate_warns_of_deps_that_nothing_provides(project: ProjectDir) -> None:
    project.project("""\
        assets:
          - {dest: fetched, url: "https://example.org/x"}
          - {dest: private}
        commands:
          - {name: a, script: [touch a], deps: [raw.csv, fetched, private], outputs: [a]}
          - {name: b, script: [touch b], deps: [a, raw.csv], outputs: [b]}
        """)
    done = project.proj("validate")
    assert done.code == 0
    assert done.err == (
        "project.yml:5:41: warning: `a` (line 5), `b` (line 6) need `raw.csv`, which does not exist\n"
        "  hint: no command or asset provides it\n"
        "project.yml:5:59: warning: `a` needs `private`, which does not exist\n"
        "  hint: it is a private asset: put it at that path\n"
    )


def test_validate_names_a_producer_that_runs_before_its_consumer_against_the_listed_order(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: use, script: [touch y], deps: [d/x], outputs: [y]}
          - {name: get, script: [mkdir d], outputs: [d]}
        workflows:
          all: [use, get]
        """)
    done = project.proj("validate")
    assert (done.code, done.err) == (
        0,
        "project.yml:5:3: warning: workflow `all`: `get` runs before `use`, which needs its `d`\n"
        "  hint: list `get` before `use`\n",
    )
