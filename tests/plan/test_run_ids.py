"""Run ids by their last digits."""

from __future__ import annotations

import pytest

from weaselish.plan.run_ids import UnknownRun, find_run, is_run_id, short_ids

RUNS = [1795258820683418, 1795258820683419, 1795258821683419, 683419]


def test_as_many_digits_are_shown_as_tell_all_runs_apart() -> None:
    assert short_ids([1795258820683418, 1795258820683419]) == {1795258820683418: "683418", 1795258820683419: "683419"}
    assert short_ids(RUNS[1:3]) == {1795258820683419: "0683419", 1795258821683419: "1683419"}
    assert short_ids([]) == {}
    assert short_ids([7]) == {7: "7"}


@pytest.mark.parametrize(
    ("text", "run"), [("3418", 1795258820683418), ("0683419", 1795258820683419), ("683419", 683419)]
)
def test_a_run_is_found_by_its_last_digits(text: str, run: int) -> None:
    assert find_run(text, RUNS) == run


@pytest.mark.parametrize(
    ("text", "why"), [("3419", "several runs"), ("418", "no run"), ("9999", "no run"), ("x", "no")]
)
def test_other_ids_are_errors(text: str, why: str) -> None:
    with pytest.raises(UnknownRun, match=why):
        find_run(text, RUNS)


def test_what_may_be_a_run_id() -> None:
    assert is_run_id("683418")
    assert not any(map(is_run_id, ["", "12", "1a34", "-1234", "1" * 30, "٣٤٥٦"]))
