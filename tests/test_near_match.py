"""Which defined name `near_match` takes for the one that the user meant."""

from __future__ import annotations

import pytest

from weaselish.errors import near_match

FLAGS = ["force", "dry", "jobs", "until", "from", "watch", "cache", "check", "keep-going", "output", "json", "only"]
SUBCOMMANDS = ["run", "status", "log", "graph", "push", "pull", "clean", "clone", "ls", "assets", "init", "validate"]
STEPS = ["train", "train@de-sm", "train@de-lg", "evaluate", "prepare_data"]


@pytest.mark.parametrize(
    ("name", "defined", "expected"),
    [
        ("stauts", SUBCOMMANDS, "status"),
        ("rnu", SUBCOMMANDS, "run"),
        ("pul", SUBCOMMANDS, "pull"),
        ("initialize", SUBCOMMANDS, "init"),
        ("valid", SUBCOMMANDS, "validate"),
        ("clena", SUBCOMMANDS, "clean"),
        ("dry-run", FLAGS, "dry"),
        ("jsno", FLAGS, "json"),
        ("job", FLAGS, "jobs"),
        ("keepgoing", FLAGS, "keep-going"),
        ("Train", STEPS, "train"),
        ("trian", STEPS, "train"),
        ("training", STEPS, "train"),
        ("eval", STEPS, "evaluate"),
        ("prep", STEPS, "prepare_data"),
        ("train@de-md", STEPS, "train@de-sm"),
        ("prepare-data", STEPS, "prepare_data"),
    ],
)
def test_a_slip_or_a_part_of_a_name_is_understood(name: str, defined: list[str], expected: str) -> None:
    assert near_match(name, defined) == expected


@pytest.mark.parametrize(
    ("name", "defined"),
    [
        ("nothing", FLAGS),
        ("parallel", FLAGS),
        ("build", FLAGS),
        ("train", SUBCOMMANDS),
        ("show", SUBCOMMANDS),
        ("x", SUBCOMMANDS),
        ("cl", SUBCOMMANDS),
        ("fetch", ["match"]),
        ("publish", STEPS),
        ("pre", ["prepare_texts", "preprocess_images"]),  # both begin like this
        ("", STEPS),
    ],
)
def test_a_guess_that_would_mislead_is_not_made(name: str, defined: list[str]) -> None:
    assert near_match(name, defined) is None
