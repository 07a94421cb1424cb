"""project.yml and project.lock as YAML: how they are read, and that every reader reads what we write the same."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import srsly
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weaselish.errors import InvalidProject, Problem
from weaselish.files import yaml12

HAS_LIBYAML = yaml.__with_libyaml__


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to read: with libyaml, and in pure Python where PyYAML was built without it."""
    if request.param == "pure":
        monkeypatch.setattr(yaml12, "_Parser", None)
    elif not HAS_LIBYAML:
        pytest.skip("this PyYAML has no libyaml")
    return str(request.param)


def read(text: str | bytes) -> Any:
    return yaml12.read(text, file="x.yml")[0]


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidProject) as caught:
        yaml12.read(text, file="x.yml")
    return caught.value.problems


# -- scalars ----------------------------------------------------------------------------------------------------------

SCALARS: dict[str, object] = {
    # Weasel's table
    "yes": "yes",
    "no": "no",
    "on": "on",
    "off": "off",
    "y": "y",
    "n": "n",
    "010": 10,
    "0o17": 15,
    "1_000": 1000,
    "true": True,
    "True": True,
    "FALSE": False,
    "tRUE": "tRUE",
    "null": None,
    "~": None,
    "": None,
    "nULL": "nULL",
    "1.50": 1.5,
    "1e-3": 0.001,
    "1e22": 1e22,
    ".5": 0.5,
    "5.": 5.0,
    "-.5": -0.5,
    "+12": 12,
    "0x1F": 31,
    "-0x1F": -31,
    "0b11": 3,
    "08": 8,
    "1_000.5": 1000.5,
    "12:30": "12:30",
    "1.2.3": "1.2.3",
    "0o8": "0o8",
    "1e": "1e",
    "_1": "_1",
    ".inf": math.inf,
    "-.Inf": -math.inf,
    # Weasel reads dates and refuses them later; here they are text from the beginning
    "2024-01-01": "2024-01-01",
    "2001-12-14 21:59:43": "2001-12-14 21:59:43",
    # quoted text stays text
    '"42"': "42",
    "'true'": "true",
    '""': "",
    "!!str 42": "42",
    "!!int 42": 42,
}


@pytest.mark.parametrize("written", SCALARS)
def test_a_scalar_is_read_as_weasel_reads_it(written: str, parser: str) -> None:
    value = read(f"a: {written}\n")["a"]
    assert (type(value), value) == (type(SCALARS[written]), SCALARS[written])


def test_not_a_number_is_a_number(parser: str) -> None:
    assert math.isnan(read("a: .NaN\n")["a"])


@given(st.text(st.sampled_from("+-01789._eExob"), min_size=1, max_size=7))
def test_text_like_a_number_is_read_as_weasel_reads_it(text: str) -> None:
    try:
        expected = srsly.yaml_loads(f"a: {text}\n")["a"]
    except ValueError:
        return  # Weasel's reader crashes on some, such as `+_`
    assert repr(read(f"a: {text}\n")["a"]) == repr(expected)


def test_more_digits_than_a_number_can_have_are_text() -> None:
    assert read("a: " + "7" * 10_000)["a"] == "7" * 10_000


# -- structure --------------------------------------------------------------------------------------------------------


def test_keys_are_text_as_written(parser: str) -> None:
    assert read("1: a\ntrue: b\n~: c\n010: d\n") == {"1": "a", "true": "b", "~": "c", "010": "d"}


def test_anchors_and_merge_keys_work(parser: str) -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nx:\n  <<: [*base, *more]\n  c: 5\ny: *base\n"
    assert read(text)["x"] == {"a": 1, "b": 2, "c": 5}
    assert read(text)["y"] == {"a": 1, "b": 2}


def test_a_key_of_the_mapping_takes_precedence_over_a_merged_one(parser: str) -> None:
    assert read("base: &base {a: 1}\nx:\n  a: 2\n  <<: *base\n")["x"] == {"a": 2}


@pytest.mark.parametrize("text", ["\ufeffa: é\n", "a: é\r\n", "a: é"])
def test_byte_order_marks_and_line_ends_do_not_matter(text: str, parser: str) -> None:
    assert read(text.encode()) == {"a": "é"}


def test_an_empty_document_is_none(parser: str) -> None:
    assert read("") is None
    assert read("# nothing but a comment\n") is None


def test_each_value_and_key_has_its_location(parser: str) -> None:
    _, locations = yaml12.read("a:\n  - x\n  - {b: é, c: [1, 2]}\n", file="x.yml")
    assert locations.of_key(("a",)) == (1, 1)
    assert locations.of(("a", 0)) == (2, 5)
    assert locations.of_key(("a", 1, "c")) == (3, 12)
    assert locations.of(("a", 1, "c", 1)) == (3, 19)
    assert locations.of(("a", 1, "c", 7)) == (3, 15), (
        "a missing value has the location of the innermost value around it"
    )


# -- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "a: 1\na: 2\n": (2, 1, "the key `a` occurs a second time"),
    "1: x\n'1': y\n": (2, 1, "the key `1` occurs a second time"),
    "a: !env X\n": (1, 4, "unknown tag `!env`"),
    "a: !!python/none x\n": (1, 4, "unknown tag `tag:yaml.org,2002:python/none`"),
    "a: !!seq {}\n": (1, 4, "unknown tag `tag:yaml.org,2002:seq`"),
    "[a]: 1\n": (1, 1, "a key must be plain text"),
    "x:\n  <<: 3\n": (2, 7, "`<<` takes a mapping or a list of mappings"),
    "a: &x\n  b: *x\n": (2, 6, "an alias that contains itself"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_an_error_is_reported_with_its_location(text: str, parser: str) -> None:
    (problem, *others) = problems(text)
    line, column, message = REFUSED[text]
    if "alias" in message:  # PyYAML without libyaml gives an alias the location of its anchor
        assert (problem.message, others) == (message, [])
    else:
        assert (problem.line, problem.column, problem.message, others) == (line, column, message, [])


def test_all_problems_are_reported_together(parser: str) -> None:
    reported = problems("a: !x 1\nb: {c: 1, c: 2}\nd: !y 2\n")
    assert [(problem.line, problem.column) for problem in reported] == [(1, 4), (2, 11), (3, 4)]


NOT_YAML = {
    "a: 1\n---\nb: 2\n": "found another document",
    "a: [1\n": "flow sequence",
    "a: b: c\n": "mapping values are not allowed",
    "a: *nowhere\n": "undefined alias",
    "a: 'x\n": "end of stream",
    "a: \x00\n": "control character",
}


@pytest.mark.parametrize("text", NOT_YAML)
def test_text_that_is_not_yaml_is_one_problem(text: str, parser: str) -> None:
    (problem,) = problems(text)
    assert problem.message.startswith("this is not YAML")
    assert NOT_YAML[text] in problem.message or parser == "pure"


@pytest.mark.parametrize("data", ["a: \u00fc\nb: ü\u00e9".encode() + b"\xe9\xff\n", "a: ü\nb: üé".encode() + b"\xc3"])
def test_bytes_that_are_not_utf8_are_one_problem_with_its_location(data: bytes, parser: str) -> None:
    (problem,) = problems(data)
    assert problem.message.startswith("this is not YAML in UTF-8: byte 0x")
    assert (problem.line, problem.column, problem.hint) == (2, 6, "save the file in UTF-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_byte_order_mark_says_how_to_decode(encoding: str, parser: str) -> None:
    assert read("a: ü🚀\n".encode(encoding)) == {"a": "ü🚀"}


def test_a_control_character_has_its_location(parser: str) -> None:
    (problem,) = problems("a: 1\nb: ü\x07\n")
    assert (problem.line, problem.column, problem.message) == (2, 5, "this is not YAML: control character '\\x07'")


def test_surrogate_pairs_are_read_as_json_writes_them(parser: str) -> None:
    data = {"a": "🚀 \\ud83d\\ude80 \\", "b": ["🚀🚀", "é"]}
    assert read(json.dumps(data)) == data
    assert read('a: "\\uD83D\\uDE80"') == {"a": "🚀"}


def test_half_of_a_surrogate_pair_is_one_problem() -> None:
    (problem,) = problems('a: 1\nb: "\\ud83d"\n')
    assert (problem.line, problem.column) == (2, 7)


HINTS = {
    "help: see: there\n": "did you forget quotes?",
    "a:\n\t- b\n": "indent with spaces, not tabs",
    "a: `ls`\n": "did you forget quotes?",
    "a: @home\n": "did you forget quotes?",
    "a: %x\n": "did you forget quotes?",
    "a: !important\n": "did you forget quotes?",
    "commands:\n  - name: a\n   help: b\n": "indentation",
    "commands:\n  - name: a\n- name: b\n": "is `commands:` missing above it?",
    "title: x\n- name: a\n": "is `commands:` missing above it?",
    "directories: [a, ${vars.d}]\n": 'did you forget quotes? "${vars.d}"',
    "a: {b: ${vars.d}}\n": 'did you forget quotes? "${vars.d}"',
    'a: "x\\q"\n': "write the backslash twice",
}


@pytest.mark.parametrize("text", HINTS)
def test_a_common_mistake_gets_a_hint(text: str, parser: str) -> None:
    (problem,) = problems(text)
    assert HINTS[text] in (problem.hint or ""), problem


def test_an_unknown_escape_is_named(parser: str) -> None:
    (problem,) = problems('a: "C:\\data\\q"\n')
    assert "unknown escape character" in problem.message
    assert "`\\d`" in problem.message


@pytest.mark.parametrize(
    "text", ["x: 1\na: [1,\n  2\nb: 3\n", "x: 1\na: 'b\n\n c\n", "x: 1\na:\n - b\n - c\n  d\n e: f\n"]
)
def test_a_problem_inside_a_part_names_the_line_in_which_the_part_begins(text: str) -> None:
    (problem,) = problems(text)
    assert problem.message.partition("; this part begins in line ")[2] in ("2", "3")


def test_aliases_may_not_repeat_too_much() -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{i}: &l{i} [" + ", ".join([f"*l{i - 1}"] * 9) + "]" for i in range(1, 9)]
    assert [problem.message for problem in problems("\n".join(levels))] == ["aliases repeat more than 100,000 values"]


@pytest.mark.parametrize(
    "text", ["[" * 900 + "]" * 900, "- " * 900 + "x", "\n".join(" " * i + "a:" for i in range(900))]
)
def test_text_that_is_nested_too_deeply_is_one_problem(text: str, parser: str) -> None:
    (problem,) = problems(text)
    assert problem.message == "this is nested too deeply"


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@`# \n\t?<~1."), max_size=40))
def test_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    try:
        read(text)
    except InvalidProject as error:
        assert all(problem.message for problem in error.problems)


# -- writing ----------------------------------------------------------------------------------------------------------

texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text(st.sampled_from("01+-._eExobyYnN~:#'\"\\ \n\t\r\x85\u2028\ufeff=<>|&*!%@`,[]{}?/😀"), max_size=8),
    st.sampled_from(
        ["yes", "No", "on", "null", "~", "", "<<", "=", "12:30", "1_000", "0o7", "2024-01-01", "---", "..."]
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=10,
)
READERS: dict[str, Callable[[str], Any]] = {
    "ours": read,
    "YAML 1.1": yaml.safe_load,
    "YAML 1.2": srsly.yaml_loads,
}


class PureDumper(yaml.SafeDumper):
    """Our dumper where PyYAML was built without libyaml."""

    yaml_implicit_resolvers = yaml12._Dumper.yaml_implicit_resolvers
    yaml_representers = yaml12._Dumper.yaml_representers


@pytest.mark.parametrize("writer", ["libyaml", "pure"])
@given(data=st.dictionaries(texts, values, max_size=3))
def test_written_data_reads_the_same_in_every_version_of_yaml(writer: str, data: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if writer == "pure":
            patch.setattr(yaml12, "_Dumper", PureDumper)
        text = yaml12.write(data)
    assert {name: reader(text) for name, reader in READERS.items()} == dict.fromkeys(READERS, data)


def test_written_data_keeps_its_order_and_is_never_folded() -> None:
    long = "word " * 100 + "end"
    text = yaml12.write({"z": long, "a": [{"path": "b"}]})
    assert text == f"z: {long}\na:\n- path: b\n"


@pytest.mark.parametrize("written", ["yes", "010", "1_000", "0o17", "1e3", "12:30", "2024-01-01", "-0x1F", "+_1", "._"])
def test_text_that_a_reader_could_misread_is_quoted(written: str) -> None:
    assert yaml12.write({"a": written}) == f"a: '{written}'\n"
