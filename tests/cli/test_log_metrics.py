"""`proj log --metrics`: runs by metric, ranked, selected, drawn; and run ids that `log` accepts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from harness import ProjectDir

from weaselish.api.project import Project


@pytest.fixture
def sweep(project: ProjectDir) -> ProjectDir:
    """Three runs, of three steps of a matrix; the metrics of each are in `SIZE.json`."""
    project.project(
        """
        commands:
          - name: train
            matrix: {size: [sm, md, lg]}
            script: ["cp ${matrix.size}.json out/${matrix.size}.json"]
            deps: ["${matrix.size}.json"]
            metrics: ["out/${matrix.size}.json"]
          - {name: other, script: [echo]}
        """
    )
    for size, accuracy, loss in (("sm", 0.5, 3), ("md", 0.75, 1), ("lg", 0.625, 2)):
        project.write(f"{size}.json", json.dumps({"accuracy": accuracy, "f": {"de": loss}}))
    project.write("out/.keep")
    assert project.proj("run", "train").code == 0
    assert project.proj("run", "other").code == 0
    return project


def steps(rows: Any) -> list[str]:
    return [row["command"] for row in rows]


def test_runs_are_compared_in_a_table(sweep: ProjectDir) -> None:
    done = sweep.proj("log", "--metrics")
    header, _, *rows = done.out.splitlines()
    assert header.split() == ["run", "when", "command", "accuracy", "f.de"]
    assert [row.split()[3:] for row in rows] == [
        ["train@sm", "0.5", "3"],
        ["train@md", "0.75", "1"],
        ["train@lg", "0.625", "2"],
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--sort", "accuracy"], ["train@md", "train@lg", "train@sm"]),
        (["--sort", "-accuracy"], ["train@sm", "train@lg", "train@md"]),
        (["--sort=-f.de"], ["train@md", "train@lg", "train@sm"]),
        (["--sort", "accuracy", "-n", "1"], ["train@md"]),
        (["--metrics", "-n", "1"], ["train@lg"]),
        (["--metrics", "train@?m"], ["train@sm"]),
        (["--metrics", "train"], ["train@sm", "train@md", "train@lg"]),
    ],
    ids=str,
)
def test_runs_are_ranked_and_selected(sweep: ProjectDir, words: list[str], expected: list[str]) -> None:
    assert steps(sweep.proj("log", "--json", *words).json) == expected


def test_names_may_be_those_of_metrics(sweep: ProjectDir) -> None:
    assert [row["values"] for row in sweep.proj("log", "--metrics", "train@lg", "f.*", "--json").json] == [{"f.de": 2}]
    assert sweep.proj("log", "--metrics", "accuracy", "train@sm").out.splitlines()[0].split()[3:] == ["accuracy"]


def test_what_no_run_has_is_an_error(sweep: ProjectDir) -> None:
    done = sweep.proj("log", "--metrics", "acuracy")
    assert (done.code, done.err) == (
        2,
        "error: no command, workflow or metric named `acuracy`\n  hint: did you mean `accuracy`?\n",
    )
    assert "no metric named `acuracy`" in sweep.proj("log", "--sort", "acuracy").err
    assert "no metric named `acuracy`" in sweep.proj("log", "--plot", "acuracy").err


def test_metrics_as_markdown(sweep: ProjectDir) -> None:
    header, rule, first, *_ = sweep.proj("log", "--metrics", "--md", "--sort", "accuracy").out.splitlines()
    assert header == "| run | when | command | accuracy | f.de |"
    assert rule == "| --- | --- | --- | --- | --- |"
    assert first.endswith("| train@md | 0.75 | 1 |")


def test_without_metrics_the_log_says_how_to_get_them(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo]}]")
    done = project.proj("log", "--metrics")
    assert (done.code, done.out) == (0, "")
    assert "no run has metrics yet" in done.err
    assert project.proj("log", "--metrics", "--json").json == []


def test_the_file_stands_before_a_name_that_a_run_has_twice(project: ProjectDir) -> None:
    project.project(
        """
        commands:
          - {name: a, script: [sh a.sh], metrics: [m/dev.json, m/test.yml]}
        """
    )
    project.write("a.sh", "mkdir -p m; echo '{\"loss\": 1, \"lr\": 2}' > m/dev.json; echo 'loss: 3' > m/test.yml\n")
    project.proj("run", "a")
    (row,) = project.proj("log", "--metrics", "--json").json
    assert row["values"] == {"dev.json:loss": 1, "lr": 2, "test.yml:loss": 3}


# -- plots ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_a_plot_fits_the_terminal(sweep: ProjectDir, columns: int) -> None:
    done = sweep.proj("log", "--plot", "accuracy", env={"COLUMNS": str(columns)})
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0].strip() == "accuracy"
    assert max(map(len, lines)) <= min(columns, 100)
    assert done.out.count("●") == 3
    assert "train@sm" in lines[-1] and "train@lg" in lines[-1]


def test_a_plot_is_plain_without_unicode(sweep: ProjectDir) -> None:
    done = sweep.process("log", "--plot", "accuracy", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert done.out.isascii()
    assert done.out.count("o") == 3


def test_a_plot_of_one_run_and_of_equal_values_works(sweep: ProjectDir) -> None:
    assert sweep.proj("log", "--plot", "accuracy", "train@sm").out.count("●") == 1
    for size in ("sm", "md", "lg"):
        sweep.write(f"{size}.json", '{"accuracy": 1e30, "name": "x"}')
    sweep.proj("run", "train")
    assert sweep.proj("log", "--plot", "accuracy", "-n", "3").code == 0
    done = sweep.proj("log", "--plot", "name")
    assert (done.code, done.err) == (1, "error: no run has a number as `name`\n")


def test_a_plot_as_svg_is_well_formed(sweep: ProjectDir) -> None:
    sweep.write("sm.json", json.dumps({"a <&> b": 1}))
    sweep.proj("run", "train")
    done = sweep.proj("log", "--plot", "a <&> b", "--svg", "plot.svg")
    assert (done.code, done.out, done.err) == (0, "", "wrote `plot.svg`\n")
    drawn = ElementTree.fromstring(sweep.read("plot.svg"))
    assert drawn.tag.endswith("svg")
    assert "a <&> b" in ["".join(element.itertext()) for element in drawn.iter()]
    assert sweep.proj("log", "--plot", "accuracy", "--svg", "nowhere/plot.svg").code == 1
    assert sweep.proj("log", "--metrics", "--svg", "plot.svg").code == 2


# -- run ids ----------------------------------------------------------------------------------------------------------


def test_the_log_takes_the_run_ids_that_it_shows(sweep: ProjectDir) -> None:
    run = Project(sweep.path).log("train@md")[0]
    shown = [line.split()[0] for line in sweep.proj("log", "train@md").out.splitlines() if "train@md" in line]
    assert shown == [str(run.run)[-6:]]
    assert steps(sweep.proj("log", shown[0], "--json").json) == ["train@md"]
    assert steps(sweep.proj("log", str(run.run), "--json").json) == ["train@md"]
    assert steps(sweep.proj("log", "--metrics", shown[0], "--json").json) == ["train@md"]


def test_an_unknown_run_id_names_the_known_ones(sweep: ProjectDir) -> None:
    done = sweep.proj("log", "00000000000")
    assert done.code == 2
    assert "no run `00000000000` is on record" in done.err
    assert str(Project(sweep.path).log()[-1].run)[-6:] in done.err
