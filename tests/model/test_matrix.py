"""A command with a matrix becomes one step for each combination, or its problems are reported with their location."""

from __future__ import annotations

from itertools import product
from math import prod
from textwrap import dedent, indent

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weaselish.errors import NoMatch, Part, UnknownName
from weaselish.files import yaml12
from weaselish.model.locations import Locations
from weaselish.model.matrix import is_matrix_value
from weaselish.model.parse import parse
from weaselish.model.paths import ProjectRoot
from weaselish.model.project import Combination, Matrix, ProjectModel
from weaselish.model.targets import commands_of, listed_commands, named_commands, recorded_commands
from weaselish.plan.graph import make_plan


def project(text: str, overrides: dict[str, str] | None = None) -> ProjectModel:
    """The project in `/srv/iris` that `text` describes."""
    data, locations = yaml12.read(dedent(text).lstrip("\n"), file="project.yml", is_kept=is_matrix_value)
    return parse(data, locations, overrides, ProjectRoot("/srv/iris"))


def with_matrix(matrix: str, rest: str = "") -> str:
    """A project with a command `train` that has a matrix in line 3, and `rest` from line 4 on."""
    return f"commands:\n  - name: train\n    matrix: {matrix}\n" + indent(dedent(rest).lstrip("\n"), "    ")


def problems(text: str) -> list[str]:
    """`LINE:COLUMN message | hint` of each error, all of which are confined to the command `train`."""
    model = project(text)
    assert {problem.confined_to for problem in model.faults} <= {("commands", "train")}
    return [
        f"{problem.line}:{problem.column} {problem.message}" + (f" | {problem.hint}" if problem.hint else "")
        for problem in model.faults
    ]


SWEEP = """
vars: {epochs: 3}
commands:
  - name: prepare
    outputs: [corpus]
  - name: train
    help: Train ${matrix.lang}, ${matrix.size}
    matrix: {lang: [de, en], size: [sm, lg]}
    script: ["python train.py ${matrix.lang} ${ matrix.size } ${vars.epochs}"]
    deps: ["corpus/${matrix.lang}.txt"]
    outputs: ["models/${matrix.lang}-${matrix.size}/"]
    outputs_no_cache: ["logs/${matrix.lang}/${matrix.size}"]
    env: {LANG_OF: "${matrix.lang}"}
    workdir: work/${matrix.lang}
    confirm: Train ${matrix.size}?
    mutex: ["gpu-${matrix.lang}"]
  - name: evaluate
    deps: ["models/*"]
    outputs: [report]
workflows:
  all: [prepare, train, evaluate]
  german: [prepare, "train@de-*"]
"""
STEPS = ("train@de-sm", "train@de-lg", "train@en-sm", "train@en-lg")


# -- what is read -----------------------------------------------------------------------------------------------------


def test_a_command_becomes_a_step_for_each_combination() -> None:
    model = project(SWEEP)
    assert not model.faults and not model.warnings
    assert tuple(model.commands) == ("prepare", *STEPS, "evaluate")
    assert model.written == ("prepare", "train", "evaluate")
    assert model.matrices == {"train": Matrix(STEPS, "Train {lang}, {size}")}
    step = model.commands["train@en-sm"]
    assert step.matrix == Combination("train", (("lang", "en"), ("size", "sm")))
    assert step.help == "Train en, sm"
    assert step.script == ("python train.py en sm 3",)
    assert step.deps == ("corpus/en.txt",)
    assert step.outputs == ("models/en-sm",) and step.as_written("models/en-sm") == "models/en-sm/"
    assert step.outputs_no_cache == ("logs/en/sm",)
    assert step.env == (("LANG_OF", "en"),)
    assert (step.workdir, step.confirm, step.mutex) == ("work/en", "Train sm?", ("gpu-en",))


def test_a_list_of_mappings_has_exactly_its_combinations() -> None:
    model = project(with_matrix("[{lang: de, size: sm}, {size: lg, lang: en}]"))
    assert model.matrices["train"].steps == ("train@de-sm", "train@en-lg")


def test_values_stay_as_they_are_written() -> None:
    text = with_matrix("{rate: [0.10, 1e-3, 007, 1_000, 0x1F, +5, True, 'no', .5, 2024-01-01]}")
    names = [name.partition("@")[2] for name in project(text).commands]
    assert names == ["0.10", "1e-3", "007", "1_000", "0x1F", "+5", "True", "no", ".5", "2024-01-01"]


def test_values_of_a_shared_mapping_stay_as_they_are_written() -> None:
    model = project("""
    x-sweep: &sweep {matrix: {rate: [0.10, 0.20]}, env: {RATE: 0.10}}
    x-seeds: &seeds [1.0, 2.0]
    commands:
      - {<<: *sweep, name: a}
      - {<<: *sweep, name: b, matrix: {seed: *seeds}}
    """)
    assert list(model.commands) == ["a@0.10", "a@0.20", "b@1.0", "b@2.0"]
    assert model.commands["a@0.10"].env == (("RATE", "0.1"),), "other numbers are read as before"


def test_data_that_does_not_come_from_yaml_has_numbers_as_json() -> None:
    model = parse({"commands": [{"name": "a", "matrix": {"n": [1.5, True, 3]}}]}, Locations())
    assert list(model.commands) == ["a@1.5", "a@true", "a@3"]


def test_data_may_share_a_list_with_a_faulty_part() -> None:
    shared = [5]
    commands = [{"name": "a", "script": shared}, {"name": "b", "matrix": {"n": shared}}]
    model = parse({"commands": commands}, Locations())
    assert {fault.confined_to for fault in model.faults} == {Part("commands", "a"), Part("commands", "b")}


def test_values_may_use_variables_and_overrides() -> None:
    text = 'vars: {big: lg}\ncommands: [{name: train, matrix: {size: [sm, "${vars.big}"]}}]\n'
    assert list(project(text).commands) == ["train@sm", "train@lg"]
    assert list(project(text, {"vars.big": "xl"}).commands) == ["train@sm", "train@xl"]


def test_a_matrix_may_have_no_reference_to_its_variables() -> None:
    model = project(with_matrix("{seed: [1, 2]}", "script: [run]"))
    assert [command.script for command in model.commands.values()] == [("run",), ("run",)]


def test_a_shell_keeps_its_own_words() -> None:
    text = with_matrix("{lang: [de]}", "shell: true\nscript: ['echo ${matrix.lang} ${matrix:-x} ${HOME}']")
    assert project(text).commands["train@de"].script == ("echo de ${matrix:-x} ${HOME}",)


def test_a_reference_to_the_environment_stays() -> None:
    model = project("env: {home: HOME}\n" + with_matrix("{lang: [de]}", "deps: ['${env.home}/${matrix.lang}']"))
    assert model.commands["train@de"].deps == ("${env.home}/de",)


def test_a_warning_about_all_steps_is_shown_once() -> None:
    model = project(with_matrix("{lang: [de, en]}", "outputs: ['${matrix.lang}', './${matrix.lang}']"))
    assert [warning.message for warning in model.warnings] == ["output `de` is listed twice, and counts once"]


# -- problems ---------------------------------------------------------------------------------------------------------

ALLOWED = "use letters, digits, `.`, `_`, `+` and `-`: the value becomes part of a step's name"
EXAMPLE = "for example `{lang: [de, en], size: [sm, lg]}`"
NOT_TEXT = "3:20 an entry of `lang` must be text or a number or true or false, not"
BAD = {
    "{}": ["3:13 `matrix` must not be empty"],
    "[]": ["3:13 `matrix` must not be empty"],
    "[{}]": ["3:14 an entry of `matrix` must not be empty"],
    "null": ["3:13 `matrix` must be a mapping or a list, not empty | leave the key out, or give it a value"],
    "de": [f"3:13 `matrix` must be a mapping or a list, not `de` | {EXAMPLE}"],
    "5": [f"3:13 `matrix` must be a mapping or a list, not `5` | {EXAMPLE}"],
    "[de]": ["3:14 an entry of `matrix` must be a mapping, not `de`"],
    "{lang: []}": ["3:20 `lang` must not be empty"],
    "{lang: de}": ['3:20 `lang` must be a list, not `de` | write a list: ["de"]'],
    "{lang: {a: b}}": ["3:20 `lang` must be a list, not a mapping"],
    "{lang: [a, [b]]}": ["3:24 an entry of `lang` must be text or a number or true or false, not a list"],
    "[{lang: [b]}]": ["3:21 `lang` must be text or a number or true or false, not a list"],
    "{lang: [de, en, de]}": ["3:29 `de` is listed twice under `lang` | remove one of the two"],
    "{lang: [a/b]}": [f"3:21 a value of a matrix cannot be `a/b` | {ALLOWED}"],
    "{lang: [.., .]}": [
        f"3:21 a value of a matrix cannot be `..` | {ALLOWED}",
        f"3:25 a value of a matrix cannot be `.` | {ALLOWED}",
    ],
    "{lang: [a b]}": [f"3:21 a value of a matrix cannot be `a b` | {ALLOWED}"],
    "{lang: ['']}": [f"3:21 a value of a matrix cannot be empty | {ALLOWED}"],
    '{lang: ["a\\n"]}': [f"3:21 a value of a matrix cannot be `a\n` | {ALLOWED}"],
    "{lang: ['a@b']}": [f"3:21 a value of a matrix cannot be `a@b` | {ALLOWED}"],
    "{lang: ['*']}": [f"3:21 a value of a matrix cannot be `*` | {ALLOWED}"],
    "{lang: ['${env.x}']}": ["3:21 unknown variable `${env.x}` | define `x` under `env`"],
    "{lang: [-x]}": ["3:21 a value of a matrix cannot begin with `-`: `-x` | put a letter before it"],
    f"{{lang: [{'9' * 5000}]}}": ["3:21 a value of a matrix cannot have more than 100 characters | shorten it"],
    "{'a b': [x]}": ["3:14 a variable of a matrix cannot be named `a b` | use letters, digits, `_` and `-`"],
    "{'': [x]}": ["3:14 a variable of a matrix cannot be named `` | use letters, digits, `_` and `-`"],
    "[{a: 1, size: 2}, {a: 3, siez: 4}]": [
        "3:31 the combination has no `size` | each combination has the same variables",
        "3:38 the first combination has no `siez` | did you mean `size`?",
    ],
    "[{a: 1}, {a: 1}]": [
        "3:5 two combinations are both named `train@1`: one combination is listed twice"
        " | change a value so that each name is unique"
    ],
    "{x: [a, a-b], y: [b-c, c]}": [
        "3:5 two combinations are both named `train@a-b-c`: {x: a, y: b-c} and {x: a-b, y: c}"
        " | change a value so that each name is unique"
    ],
}


@pytest.mark.parametrize("matrix", BAD)
def test_a_bad_matrix_is_reported_with_its_location(matrix: str) -> None:
    text = with_matrix(matrix, "script: ['echo ${matrix.lang}']")
    assert problems(text) == BAD[matrix]
    assert list(project(text).commands) == ["train"], "it is listed, and cannot run"


def test_too_many_combinations_are_refused_before_they_are_made() -> None:
    values = ", ".join(f"v{number}" for number in range(1000))
    lists = ", ".join(f"{name}: [{values}]" for name in "abcdefghij")
    (problem,) = problems(with_matrix(f"{{{lists}}}"))
    assert problem.startswith("3:5 the matrix has more than 1,000,000,000 combinations; at most 10,000 are possible")
    (problem,) = problems(with_matrix(f"{{a: [{values}], b: [{', '.join('0123456789')}, x]}}"))
    assert problem.startswith("3:5 the matrix has 11,000 combinations")
    assert len(project(with_matrix(f"{{a: [{values}], b: [{', '.join('0123456789')}]}}")).commands) == 10_000


def test_a_matrix_of_a_command_with_very_many_lines_is_refused() -> None:
    lines = ", ".join(["x"] * 1001)
    (problem,) = problems(
        with_matrix(f"{{a: [{', '.join(f'v{number}' for number in range(1000))}]}}", f"script: [{lines}]")
    )
    assert problem.startswith("3:5 the steps of the matrix have more than 1,000,000 lines, paths and variables")


REFERENCES = {
    "script: ['${matrix.lnag}']": ["4:14 the matrix has no `lnag` | did you mean `${matrix.lang}`?"],
    "deps: ['${matrix.x}']": ["4:12 the matrix has no `x` | did you mean `${matrix.lang}`?"],
    "env: {A: '${matrix.size.x}'}": ["4:14 the matrix has no `size.x` | did you mean `${matrix.size}`?"],
    "script: ['${lang}']": [
        "4:14 `${lang}` names nothing | references begin with `matrix.`, `vars.`, `env.` or `project.`: "
        "did you mean `${matrix.lang}`?"
    ],
    "outputs: ['m/${matrix.lang}']": [
        "4:15 `train@de-sm` and `train@de-lg` both produce `m/de` | add `${matrix.size}` to the path"
    ],
    "outputs: [m]": [
        "4:15 `train@de-sm` and `train@de-lg` both produce `m` | add `${matrix.lang}` and `${matrix.size}` to the path"
    ],
    "outputs: ['${matrix.lang}${matrix.size}']\noutputs_no_cache: [log]": [
        "5:24 `train@de-sm` and `train@de-lg` both produce `log`"
        " | add `${matrix.lang}` and `${matrix.size}` to the path"
    ],
    "metrics: ['m/${matrix.lang}.json']": [
        "4:15 `train@de-sm` and `train@de-lg` both produce `m/de.json` | add `${matrix.size}` to the path"
    ],
    "dpes: [x]": ["4:5 unknown key `dpes` | did you mean `deps`?"],
}


@pytest.mark.parametrize("rest", REFERENCES)
def test_a_bad_reference_is_reported_once_for_all_steps(rest: str) -> None:
    assert problems(with_matrix("{lang: [de, en], size: [sm, lg]}", rest)) == REFERENCES[rest]


def test_an_output_whose_variables_run_together_is_reported() -> None:
    (problem,) = problems(with_matrix("{a: [1, 11], b: [1, 11]}", "outputs: ['m${matrix.a}${matrix.b}']"))
    assert problem.endswith("both produce `m111` | put a separator between the variables of the path")


OUTSIDE = {
    "commands: [{name: a, script: ['${matrix.lang}']}]": ("commands", "a"),
    "commands: [{name: 'a-${matrix.lang}', matrix: {lang: [de]}}]": ("commands", ""),
    "vars: {out: 'x/${matrix.lang}'}": ("vars", "out"),
    "remotes: {lab: '${matrix.lang}'}": ("remotes", "lab"),
}


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_reference_outside_a_command_with_a_matrix_is_an_error(text: str) -> None:
    (fault,) = project(text).faults
    assert "outside a command with a `matrix`" in fault.message and fault.confined_to == OUTSIDE[text]


def test_a_variable_cannot_depend_on_the_matrix() -> None:
    text = "vars: {out: 'x/${matrix.lang}'}\n" + with_matrix("{lang: [de, en]}", "outputs: ['${vars.out}']")
    assert {fault.confined_to for fault in project(text).faults} == {("vars", "out"), ("commands", "train")}


def test_names_of_steps_and_commands_are_unique() -> None:
    before = project("commands: [{name: train@de}, {name: train, matrix: {lang: [de, en]}}]")
    assert [fault.message for fault in before.faults] == ["another command has the name of the step `train@de`"]
    after = project("commands: [{name: train, matrix: {lang: [de, en]}}, {name: train@de}]")
    assert [fault.message for fault in after.faults] == ["a second command is named `train@de`"]
    same = project("commands: [{name: train, matrix: {lang: [de, en]}}, {name: train}]")
    assert [fault.message for fault in same.faults] == ["a second command is named `train`"]
    workflow = project("commands: [{name: train, matrix: {lang: [de]}}]\nworkflows: {train@de: [train]}")
    assert [fault.message for fault in workflow.faults] == ["a workflow and a command are both named `train@de`"]


def test_weasel_has_no_matrix() -> None:
    (problem,) = problems("compat: weasel\n" + with_matrix("{lang: [de]}"))
    assert problem == "4:5 `matrix` and `compat: weasel` exclude each other | Weasel would read one command"


def test_plans_with_steps_of_a_bad_matrix_are_refused() -> None:
    model = project(
        with_matrix("{lang: [a/b]}") + "workflows: {all: [train], some: ['train@*', 'train@a'], x: ['t*']}\n"
    )
    assert {fault.confined_to for fault in model.faults} == {("commands", "train")}
    for name in ("train", "train@a", "train@*", "all", "some", "x"):
        assert model.problems_of([name]), name


# -- targets ----------------------------------------------------------------------------------------------------------

TARGETS = {
    "train": STEPS,
    "train@en-sm": ("train@en-sm",),
    "train@de-*": STEPS[:2],
    "*-sm": STEPS[::2],
    "trai?": STEPS,
    "[pe]*": ("prepare", "evaluate"),
    "*": ("prepare", *STEPS, "evaluate"),
    "all": ("prepare", *STEPS, "evaluate"),
    "german": ("prepare", *STEPS[:2]),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_stands_for_commands(target: str) -> None:
    assert commands_of(project(SWEEP), target) == TARGETS[target]


def test_what_several_targets_name_counts_once() -> None:
    model = project(SWEEP)
    assert listed_commands(model, ["train@en-*", "train", "train@de-sm"]) == (*STEPS[2:], *STEPS[:2])
    assert named_commands(model, ["train@en-*", "train"]) == (*STEPS[2:], *STEPS[:2])


def test_a_name_with_the_characters_of_a_glob_is_that_name() -> None:
    model = project("commands: [{name: 'a*'}, {name: ab}]\nworkflows: {'a?': ['a*']}")
    assert commands_of(model, "a*") == ("a*",)
    assert commands_of(model, "a?") == ("a*",)
    assert commands_of(model, "a[b]") == ("ab",)


def test_a_target_that_names_nothing_is_an_error_with_a_near_match() -> None:
    model = project(SWEEP)
    for target, near in (("trian@de-*", "train@de-"), ("train@dx-sm", "train@de-sm"), ("trani", "train")):
        with pytest.raises(UnknownName) as caught:
            commands_of(model, target)
        assert f"did you mean `{near}" in str(caught.value.hint)
    with pytest.raises(NoMatch, match=r"^no command matches `x\*`$"):
        commands_of(model, "x*")
    with pytest.raises(UnknownName, match="no command named `all`"):
        named_commands(model, ["all"])


def test_a_glob_of_a_workflow_that_matches_nothing_is_an_error() -> None:
    (fault,) = project(SWEEP.replace("train@de-*", "train@fr-*")).faults
    assert fault.message == "workflow `german`: no command matches `train@fr-*`"
    assert fault.hint is not None and fault.hint.startswith("did you mean `train@")


def test_steps_whose_combination_is_gone_can_be_named_if_recorded() -> None:
    model = project(SWEEP)
    recorded = ["train@fr-sm", "train@de-sm", "old"]
    assert recorded_commands(model, "train", recorded) == (*STEPS, "train@fr-sm")
    assert recorded_commands(model, "train@fr-*", recorded) == ("train@fr-sm",)
    assert recorded_commands(model, "old", recorded) == ("old",)
    with pytest.raises(UnknownName):
        recorded_commands(model, "odl", recorded)


# -- properties -------------------------------------------------------------------------------------------------------

texts = st.from_regex(r"[a-z0-9.+_][a-z0-9.+_-]{0,3}", fullmatch=True).filter(lambda text: set(text) != {"."})
matrices = st.dictionaries(
    st.from_regex(r"[a-z]{1,3}", fullmatch=True),
    st.lists(texts, min_size=1, max_size=4, unique=True),
    min_size=1,
    max_size=4,
)


def document(matrix: dict[str, list[str]]) -> dict[str, object]:
    path = "/".join(f"${{matrix.{variable}}}" for variable in matrix)
    return {
        "commands": [
            {"name": "make", "script": ["make"], "outputs": ["in"]},
            {
                "name": "train",
                "matrix": matrix,
                "help": path,
                "script": [f"train {path}"],
                "deps": ["in"],
                "outputs": [f"out/{path}"],
                "env": {"P": path},
            },
            {"name": "sum", "script": ["sum"], "deps": ["out/**"], "outputs": ["sum"]},
        ],
        "workflows": {"all": ["make", "train", "sum"]},
    }


@given(matrices)
def test_the_steps_are_the_product_in_order_or_a_name_is_not_unique(matrix: dict[str, list[str]]) -> None:
    model = parse(document(matrix), Locations())
    names = ["train@" + "-".join(values) for values in product(*matrix.values())]
    if len(set(names)) < len(names):
        assert [fault.confined_to for fault in model.faults] == [("commands", "train")]
        assert "two combinations are both named" in model.faults[0].message
    else:
        assert not model.faults
        assert list(model.matrices["train"].steps) == names and len(names) == prod(map(len, matrix.values()))
        assert list(model.commands) == ["make", *names, "sum"]


@given(matrices)
def test_a_matrix_expanded_by_hand_gives_the_same_plan(matrix: dict[str, list[str]]) -> None:
    model = parse(document(matrix), Locations())
    assume(not model.faults)
    by_hand: list[dict[str, object]] = []
    for values in product(*matrix.values()):
        path = "/".join(values)
        by_hand.append(
            {
                "name": "train@" + "-".join(values),
                "help": path,
                "script": [f"train {path}"],
                "deps": ["in"],
                "outputs": [f"out/{path}"],
                "env": {"P": path},
            }
        )
    data = document({"x": ["1"]})
    commands = data["commands"]
    assert isinstance(commands, list)
    data["commands"] = [commands[0], *by_hand, commands[2]]
    data["workflows"] = {"all": ["make", *(one["name"] for one in by_hand), "sum"]}
    other = parse(data, Locations())
    assert {name: command._replace(matrix=None) for name, command in model.commands.items()} == other.commands
    one, two = make_plan(model, ["all"]), make_plan(other, ["all"])
    assert one._replace(project=other) == two
    assert len(one.producers["sum"]) == len(by_hand), "the collector waits for all of them"
