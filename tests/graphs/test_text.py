"""The graph in a terminal."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.pictures import DIAMOND, HOSTILE, SWEEP, picture_of
from weaselish.engine.picture import Picture
from weaselish.graphs.canvas import text_width
from weaselish.graphs.channels import make_channels
from weaselish.graphs.text import as_lines
from weaselish.plan.layout import Size, Spacing, lay_out


def shown(picture: Picture, *, width: int = 80, plain: bool = False) -> list[str]:
    return ["".join(part.text for part in line) for line in as_lines(picture, width=width, plain=plain)]


def test_boxes_stand_in_rows_with_lines_between_them() -> None:
    assert (
        shown(DIAMOND)[:14]
        == """\
                ┌──────────────┐
                │ ✔ get  2.0 s │
                └───────┬──────┘
                        ├─────────┐
         ┌──────────────▼──────┐  │
         │ ✔ clean  1 min 01 s │  │
         └──────────┬──────────┘  │
                    ├───────────┐ └─────────┐
┌───────────────────▼─┐  ┌──────▼────────┐  │
│ ✘ train  1 h 00 min │  │ ● plot  0.4 s │  │
└──────────┬──────────┘  └───────┬───────┘  │
           └────────────┐ ┌──────┘          │
                        │ │ ┌───────────────┘
                    ┌───▼─▼─▼──┐""".splitlines()
    )


def test_without_utf_8_a_drawing_is_ascii() -> None:
    assert all(line.isascii() for line in shown(DIAMOND, plain=True) + shown(SWEEP, plain=True))
    assert all(line.isascii() for line in shown(DIAMOND, plain=True, width=20))


def test_the_steps_of_a_matrix_are_one_box_with_the_number_of_each_status() -> None:
    lines = shown(SWEEP)
    assert any("│ train ×4  1✘ 3✔ │" in line for line in lines)
    assert any("│ evaluate ×4  1○ 3✔ │" in line for line in lines)


def test_what_does_not_fit_is_an_indented_list_with_producers() -> None:
    needs = {"get": (), "clean": ("get",), "train-with-a-long-name": ("clean",), "report": ("clean", "get")}
    assert shown(picture_of(needs, seconds={"get": 2.0, "report": 61.0}), width=24) == [
        "✔ get  2.0 s",
        "  ✔ clean  ← get",
        "    ✔ train-with-a-long-name",
        "        ← clean",
        "    ✔ report  1 min 01 s",
        "        ← clean, get",
        "",
        "✔ 4 up to date",
        "critical path, 1 min 03 s:",
        "    get → clean → report",
    ]


def test_more_than_forty_boxes_are_a_list() -> None:
    many = picture_of({f"s{number}": (f"s{number - 1}",) if number else () for number in range(41)})
    assert not any("┌" in line for line in shown(many))
    assert sum("✔ s" in line for line in shown(many)) == 41


@pytest.mark.parametrize("name", [*HOSTILE, "日本語の手順", "e\u0301\u0301x", "👩‍🚀"], ids=ascii)
def test_boxes_are_straight_whatever_the_name(name: str) -> None:
    lines = shown(picture_of({"a": (), name: ("a",), "b": (name,)}))
    top, label, bottom = next(
        lines[at - 1 : at + 2] for at, line in enumerate(lines) if line.count("│") == 2 and at > 4
    )
    assert text_width(top) == text_width(label) == text_width(bottom)
    assert "\x1b" not in label and "\u202e" not in label


@given(st.integers(0, 12), st.data())
def test_lines_of_different_sources_never_touch(count: int, data: st.DataObject) -> None:
    sizes = {f"n{number}": Size(data.draw(st.integers(7, 30)), 3) for number in range(count)}
    pairs = list(combinations(sizes, 2))
    edges = data.draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    channels = make_channels(lay_out(sizes, edges, Spacing(2, 1, 3, 80)))
    for channel in channels or ():
        used = [set(net.columns) for net in channel.nets]
        assert not any(one & other for one, other in combinations(used, 2))
        for one, other in combinations([net for net in channel.nets if net.is_bent], 2):
            apart = max(one.columns) < min(other.columns) or max(other.columns) < min(one.columns)
            assert one.track != other.track or apart


@given(st.integers(1, 12), st.data())
def test_every_step_is_shown_once_at_any_width(count: int, data: st.DataObject) -> None:
    names = [f"<{number}>" for number in range(count)]
    needs = {
        name: tuple(data.draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3))) if at else ()
        for at, name in enumerate(names)
    }
    width = data.draw(st.integers(20, 120))
    lines = shown(picture_of(needs), width=width)
    assert all(text_width(line) <= max(width, 40) for line in lines)
    for name in names:
        assert sum(f"✔ {name}" in line for line in lines) == 1
