"""References in texts, what they become, and overrides of what they name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.errors import UsageError
from weaselish.model.interpolate import BadReference, Interpolator, as_text, env_names, is_secret, put_env
from weaselish.model.locations import Locations
from weaselish.model.parse import parse
from weaselish.model.project import ProjectModel

DATA: dict[str, Any] = {
    "title": "Iris",
    "vars": {
        "int": 5,
        "float": 1.5,
        "small": 1e-05,
        "large": 1e22,
        "yes": True,
        "none": None,
        "text": "42",
        "numbers": [5000, 2500],
        "words": ["ä", "b"],
        "empty": "",
        "deep": {"er": {"est": "down"}},
        "a b": "blank",
        "chain": "${vars.link}/x",
        "link": "${vars.text}",
        "env": "${env.home}",
        "dollar": "$1 \\1 $",
        "beside": "<${text}>",
        "list": ["${int}", {"er": "${text}"}],
        "inner": {"x": 1, "y": "<${x}>", "list": ["${x}"], "chain": "${y}${list}"},
    },
    "env": {"home": "HOME", "X": "X"},
    "remotes": {"default": "s3://b", "other": "${default}/c"},
    "release": 1.5,
    "files": ["a", "b"],
}

REPLACED = {
    "no reference, $HOME and a lone ${": "no reference, $HOME and a lone ${",
    "${vars.int}": "5",
    "${vars.float} ${vars.small} ${vars.large}": "1.5 1e-05 1e+22",
    "${vars.yes} ${vars.none} ${vars.text}": "true null 42",
    "${vars.numbers} ${vars.words}": '[5000, 2500] ["ä", "b"]',
    "<${vars.empty}>": "<>",
    "${vars.deep.er.est} ${vars.deep.er:est}": "down down",
    "${ vars.int } ${vars.a b}": "5 blank",
    "$${vars.int}": "$5",
    "${vars.chain}": "42/x",
    "${vars.dollar}": "$1 \\1 $",
    "${project.title} ${project.remotes.default}": "Iris s3://b",
    "${env.home} ${env:X} ${vars.env}": "${env.home} ${env.X} ${env.home}",
    "${title} ${release} ${files}": 'Iris 1.5 ["a", "b"]',
    "${vars.beside} ${vars.inner.y} ${vars.inner.chain}": '<42> <1> <1>["1"]',
    "${vars.list}": '["5", {"er": "42"}]',
    "${project.remotes.other}": "s3://b/c",
}


@pytest.mark.parametrize("text", REPLACED)
def test_references_become_values(text: str) -> None:
    assert Interpolator(DATA).text(text) == REPLACED[text]


REFUSED = {
    "${vars.nope}": ("unknown variable `${vars.nope}`", "did you mean `${vars.none}`?"),
    "${vars.INT}": ("unknown variable `${vars.INT}`", "did you mean `${vars.int}`?"),
    "${vars.deep.err}": ("unknown variable `${vars.deep.err}`", "did you mean `${vars.deep.er}`?"),
    "${vars.int.x}": ("unknown variable `${vars.int.x}`", "define `x` under `vars.int`"),
    "${vars.words.0}": ("unknown variable `${vars.words.0}`", "define `0` under `vars.words`"),
    "${env.hom}": ("unknown variable `${env.hom}`", "did you mean `${env.home}`?"),
    "${project.nope}": ("unknown variable `${project.nope}`", "define `nope` under `project`"),
    "${vars.deep}": ("a mapping cannot be put into text", "name one of its keys: `${vars.NAME.KEY}`"),
    "${int}": (
        "`${int}` names nothing",
        "references begin with `vars.`, `env.` or `project.`: did you mean `${vars.int}`?",
    ),
    "${}": ("`${}` names nothing", "references begin with `vars.`, `env.` or `project.`"),
    "${remotes}": (
        "`${remotes}` names nothing",
        "references begin with `vars.`, `env.` or `project.`: did you mean `${project.remotes}`?",
    ),
    "${default}": ("`${default}` names nothing", "references begin with `vars.`, `env.` or `project.`"),
    "${home}": (
        "`${home}` names nothing",
        "references begin with `vars.`, `env.` or `project.`: did you mean `${env.home}`?",
    ),
    "${xyzzy}": ("`${xyzzy}` names nothing", "references begin with `vars.`, `env.` or `project.`"),
    "${var.int}": (
        "`${var.int}` names nothing",
        "references begin with `vars.`, `env.` or `project.`: did you mean `${vars.int}`?",
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_reference_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadReference) as caught:
        Interpolator(DATA).text(text)
    assert (caught.value.message, caught.value.hint) == REFUSED[text]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"a": "x${a}"}, "`${vars.a}` contains itself: vars.a → vars.a"),
        ({"a": "${b}", "b": "${a}"}, "`${vars.b}` contains itself: vars.b → vars.a → vars.b"),
        ({"top": 1, "a": {"x": "${top}"}}, "`${top}` names nothing"),
        ({"in": {"x": 1}, "a": "${in.x}"}, "`${in.x}` names nothing"),
        ({"in": {"x": 1}, "a": "${in}"}, "`${in}` names nothing"),
        ({"a": "${title}"}, "`${title}` names nothing"),
        ({"a": "${home}"}, "`${home}` names nothing"),
    ],
)
def test_a_reference_without_a_section_names_a_key_of_the_same_mapping(
    variables: dict[str, object], message: str
) -> None:
    with pytest.raises(BadReference) as caught:
        Interpolator({**DATA, "vars": variables}).tree(variables, ("vars",))
    assert caught.value.message == message


def test_in_a_shell_a_reference_without_a_section_is_left_to_the_shell() -> None:
    interpolator = Interpolator(DATA)
    assert interpolator.text("${HOME} ${title} ${x:-y} ${vars.int}", in_shell=True) == "${HOME} ${title} ${x:-y} 5"
    assert interpolator.text("${vars.beside}", in_shell=True) == "<42>"
    with pytest.raises(BadReference):
        interpolator.text("${vars.nope}", in_shell=True)


def test_a_chain_of_variables_may_be_long_but_not_endless() -> None:
    chain = {f"v{i}": f"${{vars.v{i + 1}}}" for i in range(500)} | {"v500": "x"}
    assert Interpolator({"vars": chain}).text("${vars.v460}") == "x"
    with pytest.raises(BadReference, match="chain of more than 50 variables"):
        Interpolator({"vars": chain}).text("${vars.v0}")


def test_used_references_are_noted() -> None:
    interpolator = Interpolator(DATA)
    interpolator.text("${vars.chain} ${env:X} ${project.title}")
    assert interpolator.used == {"vars.chain", "vars.link", "vars.text", "env.X", "project.title"}


def test_trees_keep_their_shape_and_types() -> None:
    tree = {"a": ["${vars.int}", 3, None], "${vars.int}": {"b": "${vars.text}"}}
    assert Interpolator(DATA).tree(tree) == {"a": ["5", 3, None], "${vars.int}": {"b": "42"}}


@given(st.dictionaries(st.sampled_from("abcd"), st.text(st.characters(exclude_characters="{}")), min_size=1), st.data())
def test_values_are_inserted_unchanged(values: dict[str, str], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(values)), max_size=4))
    between = data.draw(st.text(st.characters(exclude_characters="{}$")))
    text = between.join(f"${{vars.{name}}}" for name in names)
    assert Interpolator({"vars": values}).text(text) == between.join(values[name] for name in names)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (1.0, "1.0"), (False, "false"), (None, "null"), ([1, "a"], '[1, "a"]'), (float("inf"), "Infinity")],
)
def test_a_value_in_a_text_looks_as_in_weasel(value: object, text: str) -> None:
    assert as_text(value) == text


# -- env --------------------------------------------------------------------------------------------------------------


def test_values_of_the_environment_are_inserted_last_and_not_parsed() -> None:
    values = {"A": "${env.B}", "B": "b", "C": "\\1 'x'"}
    assert put_env("${env.A} ${env.B}${env.C} ${env.unset}.", values.get) == "${env.B} b\\1 'x' ."
    assert env_names(["${env.A} x ${env.B}", "${env.A}", "${vars.C}"]) == {"A", "B"}


@pytest.mark.parametrize(
    ("name", "secret"), [("API_TOKEN", True), ("my_password", True), ("aws_key_id", True), ("HOME", False)]
)
def test_a_name_says_whether_its_value_is_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


# -- overrides --------------------------------------------------------------------------------------------------------


def with_overrides(overrides: dict[str, str]) -> ProjectModel:
    data = {
        "title": "t",
        "vars": {"a": 1, "deep": {"er": 2}, "list": [1]},
        "env": {"x": "HOME"},
        "remotes": {"default": "s3://a"},
        "commands": [{"name": "c", "script": ["echo ${vars.a} ${vars.deep.er} ${vars.list} ${env.x}"]}],
    }
    return parse(data, Locations(), overrides)


def test_an_override_replaces_a_value_and_stays_as_written() -> None:
    project = with_overrides({"vars.a": "007", "vars.deep.er": "1e3", "vars.list": "x", "project.title": "T"})
    assert project.commands["c"].script == ("echo 007 1e3 x ${env.x}",)
    assert project.title == "T"


def test_an_override_may_contain_variables() -> None:
    assert with_overrides({"vars.a": "<${vars.deep.er}>"}).commands["c"].script == ("echo <2> 2 [1] ${env.x}",)


def test_an_override_may_name_one_remote() -> None:
    assert with_overrides({"project.remotes.default": "gs://b"}).remotes["default"].url == "gs://b"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("vars.depe", "nothing to override: `vars.depe`", "did you mean `--vars.deep`?"),
        ("vars.zzz", "nothing to override: `vars.zzz`", "`vars` has no `zzz`"),
        ("var.a", "cannot override `var.a`", "did you mean `--vars.…`?"),
        ("a", "cannot override `a`", "overrides are `--vars.NAME VALUE`"),
        ("vars.a.b", "cannot override `vars.a.b`", "`vars.a` is not a mapping"),
        ("vars.x.y.z", "cannot override `vars.x.y.z`", "`vars.x` is not a mapping"),
        ("project.commands", "cannot override `project.commands`", "only a single value can be overridden"),
        ("project.remotes", "cannot override `project.remotes`", "only a single value can be overridden"),
    ],
)
def test_an_override_of_nothing_is_refused(name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_overrides({name: "1"})
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")


def test_an_override_may_be_new_if_a_text_uses_it() -> None:
    data = {"commands": [{"name": "c", "script": ["echo ${vars.new}"]}]}
    assert parse(data, Locations(), {"vars.new": "x"}).commands["c"].script == ("echo x",)
    assert data == {"commands": [{"name": "c", "script": ["echo ${vars.new}"]}]}


def test_variables_that_each_repeat_the_previous_one_are_bounded() -> None:
    variables = {"v0": "0123456789", **{f"v{n}": f"${{vars.v{n - 1}}}" * 10 for n in range(1, 11)}}
    interpolator = Interpolator({"vars": variables})
    assert len(interpolator.text("${vars.v4}")) == 100_000
    with pytest.raises(BadReference) as caught:
        interpolator.text("x ${vars.v10}")
    assert caught.value.message == "`${vars.v10}` has more than 1,000,000 characters after replacing its references"


def test_one_text_is_bounded() -> None:
    with pytest.raises(BadReference):
        Interpolator({"vars": {"a": "x" * 1000}}).text("${vars.a}" * 2000)


def test_all_texts_together_are_bounded() -> None:
    interpolator = Interpolator({"vars": {"a": "x" * 900_000}})
    with pytest.raises(BadReference):
        interpolator.tree(["${vars.a}"] * 100)


def test_a_list_that_repeats_itself_is_bounded() -> None:
    lists = {"v0": ["x"], **{f"v{n}": [f"${{vars.v{n - 1}}}"] * 20 for n in range(1, 30)}}
    with pytest.raises(BadReference):
        Interpolator({"vars": lists}).text("${vars.v29}")
