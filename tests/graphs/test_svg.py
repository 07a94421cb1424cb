"""The graph as SVG."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphs.pictures import DIAMOND, HOSTILE, SWEEP, picture_of
from weaselish.engine.picture import Picture
from weaselish.engine.status import Status
from weaselish.graphs.svg import as_svg, draw

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(("name", "picture"), [("diamond", DIAMOND), ("sweep", SWEEP)])
def test_golden_drawing(name: str, picture: Picture) -> None:
    file = GOLDEN / f"{name}.svg"
    if os.environ.get("GOLDEN") == "rewrite":
        file.write_text(as_svg(picture), "utf-8")
    assert as_svg(picture) == file.read_text("utf-8")


def texts(picture: Picture) -> list[str]:
    root = ElementTree.fromstring(as_svg(picture))
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def test_every_step_has_its_name_status_and_duration() -> None:
    assert {"get", "up to date · 2.0 s", "train", "failed · 1 h 00 min", "report", "never ran"} <= set(texts(DIAMOND))
    assert "critical path: 1 h 01 min" in texts(DIAMOND)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.UNCHECKED])
def test_every_status_has_an_icon_and_is_written_out(status: Status) -> None:
    picture = picture_of({"a": ()}, statuses={"a": status})
    assert status.value in texts(picture)
    icon = re.search(rf'href="(#icon-{status.value.replace(" ", "-")})"', as_svg(picture))
    assert icon and f'id="{icon[1][1:]}"' in as_svg(picture)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_only_text(name: str) -> None:
    text = as_svg(picture_of({"a": (), name: ("a",)}, title=name))
    root = ElementTree.fromstring(text)
    plain = ElementTree.fromstring(as_svg(picture_of({"a": (), "b": ("a",)}, title="t")))
    assert [element.tag for element in root.iter()] == [element.tag for element in plain.iter()]
    for char in "\x1b\x07\u202e\u2028\u2066\ufffe\uffff":
        assert char not in text
    text.encode("utf-8")


def test_a_long_name_is_cut_in_its_middle_and_complete_in_the_tooltip() -> None:
    name = "preprocess_" + "x" * 60 + "_end"
    picture = picture_of({name: ()})
    assert any(text.startswith("preprocess_") and text.endswith("_end") and "…" in text for text in texts(picture))
    assert f"<title>{name}" in as_svg(picture)


def test_a_file_needs_nothing_from_elsewhere() -> None:
    text = as_svg(SWEEP).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text and "<script" not in text and "@import" not in text
    assert "prefers-color-scheme: dark" in text


def test_a_matrix_whose_steps_need_each_other_has_no_box_of_its_own() -> None:
    picture = picture_of({"a@1": (), "b": ("a@1",), "a@2": ("b",), "c@1": (), "c@2": ()}, groups=True)
    shown = texts(picture)
    assert {"a@1", "a@2", "b", "c ×2", "1", "2"} <= set(shown)
    assert "a ×2" not in shown


def test_an_empty_graph_has_a_drawing() -> None:
    ElementTree.fromstring(as_svg(picture_of({})))


def test_no_edge_touches_the_box_of_another_step() -> None:
    """Follow each path: it is vertical beside boxes and curved only between rows."""
    drawing = draw(SWEEP)
    frames = [
        tuple(map(int, found))
        for found in re.findall(r'frame" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawing.content)
    ]
    boxes = [*frames, *(place for place in drawing.places if place.height == 50)]
    for path in re.findall(r'class="edge[^"]*" d="([^"]+)"', drawing.content):
        for x, y in _points(path)[1:-1]:
            assert not any(left < x < left + wide and top < y < top + high for left, top, wide, high in boxes)


def _points(path: str) -> list[tuple[float, float]]:
    """Return points along a path of `M`, `V` and `C`, 20 for each part."""
    points: list[tuple[float, float]] = []
    x = y = 0.0
    for letter, numbers in re.findall(r"([MVC])([-\d ]+)", path):
        values = [float(number) for number in numbers.split()]
        if letter == "M":
            x, y = values
            points.append((x, y))
            continue
        ends = [x, y, x, y, x, values[0], x, values[0]] if letter == "V" else [x, y, *values]
        for number in range(1, 21):
            t = number / 20
            points.append((_bezier(ends[0::2], t), _bezier(ends[1::2], t)))
        x, y = ends[-2], ends[-1]
    return points


def _bezier(ends: list[float], t: float) -> float:
    a, b, c, d = ends
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
