"""The quick parser and typer read the same options, and agree on every command line that the quick one takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.cli import app, quick, subcommand
from weaselish.cli.arguments import Extras
from weaselish.cli.run_options import Settings
from weaselish.cli.subcommand import MODULES, Subcommand, load_subcommand

DECLARED = [load_subcommand(name) for name in MODULES]
FLAGS = sorted({flag for one in DECLARED for option in one.all_options for flag in option.flags} - {"-C"})
OTHER_WORDS = (
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
    "--no-wait",
)
WORDS = st.sampled_from([*FLAGS, *OTHER_WORDS])

Received = tuple[str, tuple[str, ...], Mapping[str, object]]


@pytest.fixture(scope="module")
def received() -> Iterator[list[Received]]:
    """Whatever the parsers hand to subcommands, which do nothing."""
    calls: list[Received] = []

    def call(self: Subcommand, words: tuple[str, ...], extras: Extras, given: Mapping[str, object]) -> int:
        absent = {option.parameter: option.if_absent for option in self.all_options}
        calls.append((self.name, words, {**absent, **given}))
        return 0

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(subcommand.Subcommand, "call", call)
        yield calls


@given(st.sampled_from(list(MODULES)), st.lists(WORDS, max_size=5))
def test_both_parsers_read_a_plain_line_in_the_same_way(received: list[Received], name: str, rest: list[str]) -> None:
    argv = [*name.split(), *rest]
    parsed = quick.parse(argv)
    if parsed is None:
        return
    received.clear()
    parsed.subcommand.call(parsed.words, Extras(), parsed.options)
    app.make_app()(argv, prog_name="proj", obj=Extras(), standalone_mode=False)
    assert len(received) == 2
    assert received[0] == received[1]


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.name)
def test_a_declaration_names_the_parameters_of_its_function(declared: Subcommand) -> None:
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(declared.run).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    options = {option.parameter for option in declared.options}
    if declared.name == "run":  # takes the rest as fields of its settings
        options -= set(Settings._fields) - set(parameters)
    assert set(parameters) == options
    flags = [flag for option in declared.all_options for flag in option.flags]
    assert len(flags) == len(set(flags))
    assert declared.examples
    assert all(example.startswith(f"proj {declared.name}") for example in declared.examples)


@pytest.mark.parametrize(
    "line",
    [
        "run all",
        "run a -j 4 -k",
        "run a --help",
        "status --json",
        "run -j8 x",
        "push",
        "push default -j8 --verify",
        "pull local demo -c a --command b",
        "ls",
        "remote test default",
        "log -v -n 3 train",
    ],
)
def test_the_quick_parser_takes_plain_lines(line: str) -> None:
    assert quick.parse(line.split()) is not None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "train",
        "remote",
        "run --help",
        "run a --dyr",
        "run -j",
        "run -kF",
        "push -j 0",
        "push -j many",
        f"push -j {'9' * 5000}",
        "graph -j4",
    ],
)
def test_the_quick_parser_leaves_everything_else_to_typer(line: str) -> None:
    assert quick.parse(line.split()) is None
