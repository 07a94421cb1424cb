"""The quick parser and typer agree on every command line that the quick one takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.cli import app as typer_app
from weaselish.cli import quick, verbs
from weaselish.cli.arguments import Extras

WORDS = st.sampled_from(
    [
        *(name for options in quick.OPTIONS.values() for option in options for name in option.names),
        *(
            "all",
            "train",
            ".",
            "-j4",
            "4",
            "auto",
            "raw",
            "--nothing",
            "-x",
            "-kF",
            "--jobs=2",
            "0",
            "-",
            "-h",
            "--help",
        ),
    ]
)


def as_typer_has_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, list[str], dict[str, object]] | None:
    """What typer hands to the verb; None where it refuses, or shows help."""
    taken: list[tuple[str, list[str], dict[str, object]]] = []

    def taking(verb: str) -> Any:
        def take(extras: Extras, rest: list[str], **options: object) -> int:
            taken.append((verb, list(rest), options))
            return 0

        return take

    for verb in quick.OPTIONS:
        monkeypatch.setattr(verbs, verb, taking(verb))
    with pytest.raises(SystemExit):
        typer_app.app(words, prog_name="proj", obj=Extras())
    return taken[0] if taken else None


@given(st.sampled_from(list(quick.OPTIONS)), st.lists(WORDS, max_size=5))
def test_what_the_quick_parser_takes_typer_takes_the_same_way(verb: str, rest: list[str]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        quickly = quick.parse([verb, *rest])
        if quickly is None:
            return
        slowly = as_typer_has_it([verb, *rest], monkeypatch)
    assert slowly is not None
    assert quickly[:2] == slowly[:2]
    defaults = {name: value for name, value in slowly[2].items() if name not in quickly[2]}
    assert slowly[2] == {**defaults, **quickly[2]}
    wanted = {"wait": True, "jobs": 4 if verb in ("push", "pull") else None, "commands": ()}
    assert all(value == wanted.get(name) or value in (False, None) for name, value in defaults.items())


@pytest.mark.parametrize(
    "words",
    [
        ["run", "all"],
        ["run", "a", "-j", "4", "-k"],
        ["status", "--json"],
        ["run", "-j8", "x"],
        ["push"],
        ["push", "default", "-j8", "--verify"],
        ["pull", "local", "demo", "-c", "a", "--command", "b"],
    ],
)
def test_plain_lines_are_taken(words: list[str]) -> None:
    assert quick.parse(words) is not None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["ls"],
        ["run", "--help"],
        ["run", "a", "--dyr"],
        ["run", "-j"],
        ["run", "-kF"],
        ["push", "-j", "0"],
        ["push", "-j", "many"],
        ["push", "-j", "9" * 5000],
        ["pull", "a", "b", "c"],
    ],
)
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert quick.parse(words) is None
