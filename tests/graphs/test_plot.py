"""Plots of a metric over runs, as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from weaselish.graphs.plot import Point, draw_plot


def drawn(*points: Point) -> ElementTree.Element:
    return ElementTree.fromstring(f"<svg>{''.join(draw_plot(points, 'accuracy'))}</svg>")


def test_the_runs_of_one_step_are_one_line() -> None:
    plot = drawn(Point("1", 0.5, step="train"), Point("2", 0.75, step="train"))
    (line,) = plot.findall("polyline")
    assert len(line.attrib["points"].split()) == 2
    assert [title.text for title in plot.iter("title")] == ["1: 0.5", "2: 0.75"]


def test_each_step_of_a_matrix_has_a_line_of_its_own() -> None:
    plot = drawn(*(Point(str(run), run / 10, step=f"train@{run % 2}") for run in range(6)))
    lines = [line.attrib["points"].split() for line in plot.findall("polyline")]
    assert [len(line) for line in lines] == [3, 3]
    across = [float(corner.split(",")[0]) for corner in (*lines[0], *lines[1])]
    assert sorted(across) == sorted(float(point.attrib["cx"]) for point in plot.iter("circle"))
    assert [title.text for title in plot.iter("title")][:2] == ["train@0, 0: 0", "train@1, 1: 0.1"]
