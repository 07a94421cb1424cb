"""How long the rest of a run takes."""

from __future__ import annotations

import pytest

from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import make_plan
from weaselish.plan.time_left import seconds_left

COMMANDS = (
    Command("get", outputs=("raw",)),
    Command("train", deps=("raw",), outputs=("model",)),
    Command("test", deps=("raw",), outputs=("score",)),
    Command("report", deps=("model", "score"), outputs=("page",)),
)
PLAN = make_plan(ProjectModel(commands={one.name: one for one in COMMANDS}), ["report"])


@pytest.mark.parametrize(
    ("left", "jobs", "seconds"),
    [
        ({"get": 1, "train": 10, "test": 4, "report": 2}, 2, 13),
        ({"get": 1, "train": 10, "test": 4, "report": 2}, 1, 17),
        ({"train": 3.5, "test": 4, "report": 2}, 8, 6),
        ({"report": 0.5}, 2, 0.5),
        ({}, 2, 0),
    ],
)
def test_the_time_left_is_that_of_the_slowest_chain_or_of_all_work_among_the_jobs(
    left: dict[str, float], jobs: int, seconds: float
) -> None:
    assert seconds_left(PLAN, left, jobs=jobs) == seconds
