"""Metrics: flat names, kept values, and the numbers among them."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.plan.metrics import BadMetrics, flattened, number_of


def nested(levels: int) -> object:
    data: Any = 1
    for _ in range(levels):
        data = [data]
    return data


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"accuracy": 0.97, "f": {"de": 0.91, "en": 1}}, {"accuracy": 0.97, "f.de": 0.91, "f.en": 1}),
        ([1, [2, {"a": 3}]], {"0": 1, "1.0": 2, "1.1.a": 3}),
        ({"done": True, "name": "x" * 200}, {"done": True, "name": "x" * 200}),
        ({"none": None, "long": "x" * 201, "x" * 201: 1, "empty": {}, "also": []}, {}),
        ({"a": math.nan, "b": math.inf, "c": -math.inf}, {"a": "nan", "b": "inf", "c": "-inf"}),
        (
            {"big": 1 << 53, "huge": -(10**400), "exact": (1 << 53) - 1},
            {"big": 2.0**53, "huge": "-inf", "exact": 2**53 - 1},
        ),
        ({"day": datetime.date(2026, 1, 31), "at": datetime.time(9, 5)}, {"day": "2026-01-31", "at": "09:05:00"}),
        ({"half": "\ud800", "\udfff": 1}, {"half": "\\ud800", "\\udfff": 1}),
        ({1: 2, None: 3}, {"1": 2, "None": 3}),
        ({"": {"": 1}}, {".": 1}),
    ],
)
def test_values_get_flat_names(data: object, values: dict[str, object]) -> None:
    assert flattened(data) == values


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (0.97, "a mapping"),
        ("text", "a mapping"),
        (None, "a mapping"),
        ({"a.b": 1, "a": {"b": 2}}, "two values are named `a.b`"),
        (list(range(1001)), "more than 1,000 values"),
        (nested(101), "deeper than 100 levels"),
    ],
)
def test_what_cannot_be_kept_says_why(data: object, why: str) -> None:
    with pytest.raises(BadMetrics, match=why):
        flattened(data)


def test_a_thousand_values_in_a_hundred_levels_are_kept() -> None:
    assert len(flattened(list(range(1000)))) == 1000
    assert len(flattened(nested(100))) == 1


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
)


@given(documents)
def test_whatever_is_kept_survives_strict_json(data: object) -> None:
    try:
        values = flattened(data)
    except BadMetrics:
        return
    assert json.loads(json.dumps(values, allow_nan=False).encode()) == values


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (True, 1.0), (0.5, 0.5), ("inf", math.inf), ("-inf", -math.inf), ("x", None), (None, None)],
)
def test_the_number_of_a_value(value: Any, number: float | None) -> None:
    assert number_of(value) == number


def test_text_that_stands_for_not_a_number_is_one() -> None:
    assert math.isnan(number_of("nan") or 0)
