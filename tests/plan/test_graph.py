"""Project + targets → Plan: which steps, in which order, and what each one waits for.

Commands are written `name: deps -> outputs | outputs_no_cache`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.errors import UnknownName
from weaselish.model.paths import dep_base, inside, is_glob, may_match, overlap
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import Plan, find_cycle, make_plan
from weaselish.plan.producers import alternatives
from weaselish.plan.sequence import SOURCE, Choice, Cycle, Move, Step


def project(*commands: str | Command, workflows: Mapping[str, Sequence[str]] | None = None) -> ProjectModel:
    made = [command if isinstance(command, Command) else _command(command) for command in commands]
    listed = {name: tuple(steps) for name, steps in (workflows or {}).items()}
    return ProjectModel(commands={command.name: command for command in made}, workflows=listed)


def _command(text: str) -> Command:
    name, _, rest = text.partition(":")
    deps, _, made = rest.partition("->")
    outputs, _, no_cache = made.partition("|")
    return Command(
        name, deps=tuple(deps.split()), outputs=tuple(outputs.split()), outputs_no_cache=tuple(no_cache.split())
    )


def everything(*commands: str | Command) -> Plan:
    """The plan of a workflow that lists all the commands in this order."""
    found = project(*commands)
    return make_plan(project(*found.commands.values(), workflows={"all": list(found.commands)}), ["all"])


def is_before(plan: Plan, earlier: str, later: str) -> bool:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(plan.steps)
    graph.add_edges_from((before, step) for step, waits in plan.waits_for.items() for before in waits)
    return bool(nx.has_path(graph, earlier, later))


# -- which steps, in which order --------------------------------------------------------------------------------------

CHAIN = ("make: raw -> x", "clean: x -> y", "train: y -> model", "report: model -> page", "other: raw -> z")
SEQUENCES: dict[str, tuple[tuple[str, ...], list[str], list[str]]] = {
    "a command brings all that makes its deps": (CHAIN, ["train"], ["make", "clean", "train"]),
    "a command without makers stands alone": (CHAIN, ["other"], ["other"]),
    "several targets are one plan": (CHAIN, ["other", "clean"], ["other", "make", "clean"]),
    "a repeated target runs once": (CHAIN, ["other", "make", "other"], ["other", "make"]),
    "a dep inside an output": (("a: -> d", "b: d/x/y -> z"), ["b"], ["a", "b"]),
    "a dep around outputs": (("a: -> d/x", "b: -> d/y/z", "c: d -> o"), ["c"], ["a", "b", "c"]),
    "a dep that is the whole project": (("a: -> d/x", "c: . -> o"), ["c"], ["a", "c"]),
    "a neighbour with the same beginning is not inside": (("a: -> data", "b: data2 -> z"), ["b"], ["b"]),
    "an output that is never pushed is made all the same": (("a: -> | x", "b: x -> z"), ["b"], ["a", "b"]),
    "a glob brings who may make a match": (
        ("a: -> d/1.csv", "b: -> d/1.txt", "c: -> e/1.csv", "use: d/*.csv -> z"),
        ["use"],
        ["a", "use"],
    ),
    "a glob brings who makes a directory around its matches": (("a: -> d", "use: d/*/x -> z"), ["use"], ["a", "use"]),
    "a glob brings who makes something in a directory that matches": (
        ("a: -> d/one/x", "use: d/* -> z"),
        ["use"],
        ["a", "use"],
    ),
    "an output named like a glob is what the same dep means": (
        ("a: -> d/[1]", "use: d/[1] -> z"),
        ["use"],
        ["a", "use"],
    ),
    "an own output is no reason to wait": (("a: x -> x",), ["a"], ["a"]),
    "a dep in an own output is no reason to wait": (("a: d/x -> d",), ["a"], ["a"]),
    "a brought-in step stands just before its first consumer": (
        ("late: -> x", "one: -> a", "two: x -> b", "three: x -> c"),
        ["one", "two", "three"],
        ["one", "late", "two", "three"],
    ),
    "a diamond's tip is made once": (
        ("d: bb cc -> z", "c: aa -> cc", "b: aa -> bb", "a: -> aa"),
        ["d"],
        ["a", "b", "c", "d"],
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_target_brings_what_makes_its_deps(name: str) -> None:
    commands, targets, steps = SEQUENCES[name]
    assert list(make_plan(project(*commands), targets).steps) == steps


LISTED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "the listed order is kept": (("b: -> y", "a: -> x"), ["b", "a"]),
    "a sole maker moves before its consumer": (("use: x -> y", "make: -> x"), ["make", "use"]),
    "with all that it needs itself": (
        ("first: -> f", "use: x -> y", "make: w -> x", "more: -> w"),
        ["first", "more", "make", "use"],
    ),
    "the nearest maker before a consumer is its maker": (
        ("make1: -> x", "use1: x -> a", "make2: -> x", "use2: x -> b"),
        ["make1", "use1", "make2", "use2"],
    ),
    "of several makers only one must come before": (
        ("make1: -> x", "use: x -> a", "make2: -> x"),
        ["make1", "use", "make2"],
    ),
}


@pytest.mark.parametrize("name", LISTED)
def test_a_workflow_keeps_its_order_as_far_as_deps_allow(name: str) -> None:
    commands, steps = LISTED[name]
    assert list(everything(*commands).steps) == steps


def test_workflows_may_name_workflows_and_repeat_steps() -> None:
    found = project("a: -> x", "b: -> y", "c: -> z", workflows={"all": ["c", "inner", "a"], "inner": ["a", "b", "a"]})
    assert make_plan(found, ["all"]).steps == ("c", "a", "b", "a (2)", "a (3)")


def test_a_target_that_is_unknown_is_named_with_its_near_match() -> None:
    with pytest.raises(UnknownName) as caught:
        make_plan(project("train: -> x", workflows={"all": ["train"]}), ["trian"])
    assert (str(caught.value), caught.value.hint) == (
        "no command or workflow named `trian`",
        "did you mean `train`?",
    )


# -- a step that a workflow lists several times ----------------------------------------------------------------------


def repeated(*commands: str, listed: str) -> Plan:
    return make_plan(project(*commands, workflows={"all": listed.split()}), ["all"])


def test_a_repeated_step_is_a_step_at_each_of_its_positions() -> None:
    plan = repeated(
        "train: data -> model", "keep: model -> kept", "pick: kept -> best", listed="train keep train keep pick"
    )
    assert plan.steps == ("train", "keep", "train (2)", "keep (2)", "pick")
    assert [step.command for step in plan.steps] == ["train", "keep", "train", "keep", "pick"]
    assert plan.commands == ("train", "keep", "pick")
    assert plan.producers["keep"] == ("train",) and plan.producers["keep (2)"] == ("train (2)",)
    assert set(plan.waits_for["train (2)"]) == {"train", "keep"}, "it replaces what `keep` reads"
    assert plan.producers["pick"] == ("keep (2)",)


def test_a_repeated_producer_that_moves_before_its_consumer_uses_up_its_first_position() -> None:
    plan = repeated("use: x -> y", "make: -> x", "other: -> z", listed="use make other make")
    assert plan.steps == ("make", "use", "other", "make (2)")


def test_a_repeated_step_without_outputs_is_a_barrier_each_time() -> None:
    plan = repeated("say:", "a: -> x", "b: -> y", listed="say a say b")
    assert plan.waits_for == {"say": (), "a": ("say",), "say (2)": ("say", "a"), "b": ("say (2)",)}


def test_targets_that_name_the_same_step_do_not_repeat_it() -> None:
    found = project("a: -> x", "b: -> y", workflows={"one": ["a", "b"], "two": ["b", "a", "b"]})
    assert make_plan(found, ["one", "two", "a"]).steps == ("a", "b", "b (2)")
    assert make_plan(found, ["a", "a"]).steps == ("a",)


def test_a_repeated_step_never_takes_the_name_of_a_command() -> None:
    found = project(
        Command("a", outputs=("x",)), Command("a (2)", outputs=("y",)), workflows={"all": ["a", "a", "a (2)"]}
    )
    plan = make_plan(found, ["all"])
    assert plan.steps == ("a", "a (3)", "a (2)")
    assert [step.command for step in plan.steps] == ["a", "a", "a (2)"]


def test_the_nearest_alternative_before_each_position_is_the_producer() -> None:
    plan = repeated("one: -> x", "two: -> x", "use: x -> y", listed="one use two use")
    assert plan.producers["use"] == ("one",) and plan.producers["use (2)"] == ("two",)


# -- moves ------------------------------------------------------------------------------------------------------------


def test_a_producer_that_moves_before_its_consumer_is_named_with_both_steps_and_the_path() -> None:
    assert everything("use: d/x -> y", "make: -> d").moves == (Move("make", "use", "d"),)
    assert everything("make: -> d", "use: d/x -> y").moves == ()


def test_a_move_for_a_step_that_is_brought_in_is_named_too() -> None:
    found = project("end: m -> e", "mid: x -> m", "make: -> x", workflows={"all": ["end", "make"]})
    plan = make_plan(found, ["all"])
    assert plan.steps == ("make", "mid", "end")
    assert plan.moves == (Move("make", "mid", "x"),)


def test_a_producer_that_is_brought_in_does_not_count_as_moved() -> None:
    assert make_plan(project("make: -> x", "use: x -> y", workflows={"all": ["use"]}), ["all"]).moves == ()


# -- unrecorded -------------------------------------------------------------------------------------------------------


def test_an_unrecorded_step_brings_nothing_upstream_of_it() -> None:
    found = project("get: -> raw", "train: raw -> model", "use: model -> page")
    plan = make_plan(found, ["use"], unrecorded={"train"})
    assert plan.steps == ("train", "use")
    assert plan.unrecorded == {"train"}


def test_a_listed_producer_still_precedes_an_unrecorded_step() -> None:
    found = project("get: -> raw", "train: raw -> model", workflows={"all": ["get", "train"]})
    plan = make_plan(found, ["all"], unrecorded={"train"})
    assert plan.waits_for == {"get": (), "train": ("get",)}


# -- only -------------------------------------------------------------------------------------------------------------


def test_only_runs_exactly_what_is_named() -> None:
    plan = make_plan(project(*CHAIN), ["train"], only=True)
    assert (plan.steps, plan.waits_for, plan.sources) == (("train",), {"train": ()}, {"train": ("y",)})


def test_only_runs_a_workflow_as_it_is_listed_one_after_the_other() -> None:
    found = project(*CHAIN, workflows={"all": ["train", "make", "clean", "make"]})
    plan = make_plan(found, ["all"], only=True)
    assert plan.steps == ("train", "make", "clean", "make (2)")
    assert plan.waits_for == {"train": (), "make": ("train",), "clean": ("make",), "make (2)": ("clean",)}
    assert plan.producers == {"train": (), "make": (), "clean": ("make",), "make (2)": ()}


# -- alternatives -----------------------------------------------------------------------------------------------------


def test_make_use_make_use_is_kept_under_any_number_of_jobs() -> None:
    plan = everything("make1: -> x", "use1: x -> a", "make2: -> x", "use2: x -> b")
    assert plan.waits_for == {"make1": (), "use1": ("make1",), "make2": ("make1", "use1"), "use2": ("make2",)}
    assert plan.producers == {"make1": (), "use1": ("make1",), "make2": (), "use2": ("make2",)}
    assert plan.needs == plan.producers, "make2 comes after use1, but does not need it"


def test_several_producers_outside_the_plan_leave_a_choice() -> None:
    found = project("make1: -> x", "make2: -> x", "use: x -> y")
    assert make_plan(found, ["use"]).choices == (Choice("use", "x", ("make1", "make2")),)
    assert make_plan(found, ["use"]).steps == ("use",)
    assert make_plan(found, ["use"], chosen={Choice("use", "x", ("make1", "make2")): "make2"}).steps == ("make2", "use")
    as_source = make_plan(found, ["use"], chosen={Choice("use", "x", ("make1", "make2")): SOURCE})
    assert (as_source.steps, as_source.sources, as_source.choices) == (("use",), {"use": ("x",)}, ())


def test_each_part_of_a_dep_is_a_choice_of_its_own() -> None:
    found = project("a1: -> d/a", "a2: -> d/a", "b1: -> d/b", "b2: -> d/b", "use: d -> y")
    one, other = make_plan(found, ["use"]).choices
    assert (one, other) == (Choice("use", "d/a", ("a1", "a2")), Choice("use", "d/b", ("b1", "b2")))
    assert make_plan(found, ["use"], chosen={one: "a2", other: "b1"}).steps == ("a2", "b1", "use")


def test_a_choice_does_not_offer_the_consumer_itself() -> None:
    found = project("extend: x -> x", "init: -> x")
    assert make_plan(found, ["extend"]).choices == (Choice("extend", "x", ("init",)),)
    assert make_plan(found, ["init", "extend"]).waits_for["extend"] == ("init",)


def test_a_listed_producer_after_its_consumer_is_a_choice_if_there_are_others() -> None:
    plan = everything("use: x -> y", "make1: -> x", "make2: -> x")
    assert plan.choices == (Choice("use", "x", ("make1", "make2")),)
    assert plan.steps == ("use", "make1", "make2")
    assert plan.waits_for["make1"] == ("use",), "what is read is not replaced under its reader"


def test_an_alternative_already_in_the_plan_serves_upstream_steps() -> None:
    found = project("make1: -> x", "make2: -> x", "mid: x -> m", "end: m -> e", workflows={"all": ["make1", "end"]})
    assert make_plan(found, ["all"]).steps == ("make1", "mid", "end")


def test_alternatives_are_found_in_the_whole_project() -> None:
    found = project("a: -> x", "b: -> x y", "c: -> | y", "d: -> x/inside")
    assert alternatives(found) == [("x", ("a", "b")), ("y", ("b", "c"))]


# -- barriers ---------------------------------------------------------------------------------------------------------


def test_a_step_without_outputs_is_a_barrier_in_its_workflow() -> None:
    plan = everything("a: -> x", "b: -> y", "barrier:", "c: -> z", "d: -> w")
    assert plan.waits_for == {"a": (), "b": (), "barrier": ("a", "b"), "c": ("barrier",), "d": ("barrier",)}
    assert plan.needs == plan.waits_for


def test_two_barriers_keep_their_order() -> None:
    plan = everything("a: -> x", "one:", "b: -> y", "two:", "c: -> z")
    assert plan.waits_for["two"] == ("one", "b")
    assert is_before(plan, "a", "c")


def test_data_wins_over_a_barrier() -> None:
    plan = everything("use: x -> y", "barrier:", "make: -> x")
    assert plan.steps == ("make", "use", "barrier")


def test_a_step_without_outputs_outside_a_workflow_does_not_act_as_a_barrier() -> None:
    plan = make_plan(project("a: -> x", "b:", "c: -> z"), ["a", "b", "c"])
    assert not any(plan.waits_for.values())


# -- cycles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "target", "path"),
    [
        (("a: y -> x", "b: x -> y"), "a", ("a", "b", "a")),
        (("start: x -> s", "a: z -> x", "b: x -> y", "c: y -> z"), "start", ("a", "c", "b", "a")),
        (("a: d/x -> e", "b: e/y -> d"), "b", ("b", "a", "b")),
    ],
)
def test_a_cycle_is_an_error_that_shows_its_path(commands: tuple[str, ...], target: str, path: tuple[str, ...]) -> None:
    with pytest.raises(Cycle) as caught:
        make_plan(project(*commands), [target])
    assert caught.value.path == path
    assert caught.value.message == f"the commands need each other: {' → '.join(path)}"
    found = find_cycle(project(*commands))
    assert found is not None and set(found.path) == set(path)


def test_commands_outside_the_cycle_can_be_planned() -> None:
    found = project("a: y -> x", "b: x -> y", "c: -> z")
    assert make_plan(found, ["c"]).steps == ("c",)
    assert make_plan(found, ["a"], only=True).steps == ("a",)


def test_own_outputs_and_alternatives_do_not_form_a_cycle() -> None:
    assert find_cycle(project("a: x -> x", "b: y -> z", "c: z -> y", "d: -> y")) is None


# -- size -------------------------------------------------------------------------------------------------------------

MANY = 5000


def test_a_chain_of_thousands_is_planned_without_recursion() -> None:
    found = project(*(f"c{i}: o/{i - 1} -> o/{i}" for i in range(MANY, 0, -1)))
    plan = make_plan(found, [f"c{MANY}"])
    assert plan.steps == tuple(f"c{i}" for i in range(1, MANY + 1))
    assert all(len(waits) <= 1 for waits in plan.waits_for.values())
    assert find_cycle(found) is None


def test_a_fan_of_thousands_is_planned() -> None:
    steps = [f"c{i}: source -> o/{i}" for i in range(MANY)]
    for dep in ("o", "o/*", " ".join(f"o/{i}" for i in range(MANY))):
        found = project(*steps, f"gather: {dep} -> all")
        plan = make_plan(found, ["gather"])
        assert len(plan.steps) == MANY + 1 and plan.steps[-1] == "gather"
        assert len(plan.waits_for["gather"]) == MANY
        assert find_cycle(found) is None


def test_a_cycle_of_thousands_is_found_without_recursion() -> None:
    found = project(*(f"c{i}: o/{(i - 1) % MANY} -> o/{i}" for i in range(MANY)))
    with pytest.raises(Cycle) as caught:
        make_plan(found, ["c0"])
    assert len(caught.value.path) == MANY + 1
    assert find_cycle(found) is not None


# -- any project ------------------------------------------------------------------------------------------------------

PATHS = ["x", "y", "z", "d", "d/x", "d/y", "d/e", "d/e/f"]
GLOBS = ["d/*", "*", "d/**", "d/e*", "[xy]"]
NAMES = "abcdefg"


@st.composite
def commands(draw: st.DrawFn, name: str) -> Command:
    deps = draw(st.lists(st.sampled_from([*PATHS, *PATHS, *GLOBS]), max_size=3, unique=True))
    outputs: list[str] = []
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=2)):
        if not any(overlap(path, other) for other in outputs):
            outputs.append(path)
    cut = draw(st.integers(0, len(outputs)))
    return Command(name, deps=tuple(deps), outputs=tuple(outputs[:cut]), outputs_no_cache=tuple(outputs[cut:]))


@st.composite
def projects(draw: st.DrawFn) -> tuple[ProjectModel, list[str]]:
    """A project and targets in it: a workflow, or some commands."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    made = [draw(commands(name)) for name in names]
    listed = draw(st.lists(st.sampled_from(names), min_size=1, max_size=8))
    found = project(*made, workflows={"all": listed})
    return found, draw(st.sampled_from([["all"], listed]))


def planned(found: ProjectModel, targets: Sequence[str], choose: random.Random) -> Plan | Cycle:
    """The plan, its choices answered at random."""
    chosen: dict[Choice, str] = {}
    while True:
        try:
            plan = make_plan(found, targets, chosen=chosen)
        except Cycle as cycle:
            return cycle
        if not plan.choices:
            return plan
        for choice in plan.choices:
            assert choice not in chosen
            chosen[choice] = choose.choice([SOURCE, *choice.producers])


def reads(command: Command, output: str) -> bool:
    return any(overlap(dep_base(dep), output) and (not is_glob(dep) or may_match(dep, output)) for dep in command.deps)


def makes_for(maker: Command, consumer: Command) -> bool:
    return any(reads(consumer, output) for output in maker.all_outputs)


def conflict(one: Command, other: Command) -> bool:
    """Whether the two may not change places: what one writes, the other reads or writes."""
    both_write = any(overlap(a, b) for a in one.all_outputs for b in other.all_outputs)
    return both_write or makes_for(one, other) or makes_for(other, one)


def pairs(plan: Plan) -> Iterator[tuple[Step, Step]]:
    for index, later in enumerate(plan.steps):
        for earlier in plan.steps[:index]:
            yield earlier, later


@given(projects(), st.randoms(use_true_random=False))
def test_whatever_conflicts_is_connected_in_the_right_direction(
    case: tuple[ProjectModel, list[str]], r: random.Random
) -> None:
    found, targets = case
    plan = planned(found, targets, r)
    if isinstance(plan, Cycle):
        return
    rank: dict[str, int] = {step: rank for rank, step in enumerate(plan.steps)}
    assert all(rank[before] < rank[step] for step, waits in plan.waits_for.items() for before in waits)
    for earlier, later in pairs(plan):
        if conflict(plan.command(earlier), plan.command(later)):
            assert is_before(plan, earlier, later)


@given(projects(), st.randoms(use_true_random=False))
def test_nothing_waits_without_a_reason(case: tuple[ProjectModel, list[str]], r: random.Random) -> None:
    found, targets = case
    plan = planned(found, targets, r)
    if isinstance(plan, Cycle):
        return
    barriers = {step for step in plan.steps if not plan.command(step).all_outputs} if targets == ["all"] else set()
    for step in plan.steps:
        command = plan.command(step)
        assert set(plan.producers[step]) <= set(plan.needs[step]) <= set(plan.waits_for[step])
        assert len(set(plan.waits_for[step])) == len(plan.waits_for[step])
        for before in plan.producers[step]:
            assert makes_for(plan.command(before), command)
        for before in set(plan.needs[step]) - set(plan.producers[step]):
            assert before in barriers or step in barriers
        for before in set(plan.waits_for[step]) - set(plan.needs[step]):
            other = plan.command(before)
            assert any(overlap(dep_base(dep), output) for dep in other.deps for output in command.all_outputs) or any(
                overlap(a, b) for a in other.all_outputs for b in command.all_outputs
            )


@given(projects(), st.randoms(use_true_random=False))
def test_barriers_part_what_is_before_from_what_is_after(
    case: tuple[ProjectModel, list[str]], r: random.Random
) -> None:
    found, _ = case
    plan = planned(found, ["all"], r)
    if isinstance(plan, Cycle):
        return
    listed = set(found.steps_of("all"))
    for earlier, later in pairs(plan):
        if any(step.command in listed and not plan.command(step).all_outputs for step in (earlier, later)):
            assert is_before(plan, earlier, later)


@given(projects(), st.randoms(use_true_random=False))
def test_every_sole_producer_is_planned_and_no_unrelated_command(
    case: tuple[ProjectModel, list[str]], r: random.Random
) -> None:
    found, targets = case
    plan = planned(found, targets, r)
    asked = set(found.steps_of("all"))  # both kinds of targets list the same commands
    if isinstance(plan, Cycle):
        steps = plan.path
        assert steps[0] == steps[-1]
        for consumer, maker in pairwise(steps):
            assert makes_for(found.commands[maker], found.commands[consumer])
        return
    assert len(set(plan.steps)) == len(plan.steps)
    for rank, step in enumerate(plan.steps):
        command = plan.command(step)
        for dep in command.deps:
            reader = Command(step.command, deps=(dep,))
            makers = {other.name for other in found.commands.values() if makes_for(other, reader)}
            if len(makers) == 1 and makers != {step.command}:
                assert makers <= {earlier.command for earlier in plan.steps[:rank]}
        if step.command not in asked:
            assert any(makes_for(command, plan.command(later)) for later in plan.steps[rank + 1 :])


@given(projects(), st.randoms(use_true_random=False))
def test_listed_steps_change_places_only_for_what_one_of_them_needs(
    case: tuple[ProjectModel, list[str]], r: random.Random
) -> None:
    found, targets = case
    plan = planned(found, targets, r)
    if isinstance(plan, Cycle):
        return
    listed = list(dict.fromkeys(found.steps_of("all")))
    rank: dict[str, int] = {step: rank for rank, step in enumerate(plan.steps)}
    flow: nx.DiGraph[str] = nx.DiGraph(
        [(a, b) for a in plan.steps for b in plan.steps if makes_for(plan.command(a), plan.command(b))]
    )
    flow.add_nodes_from(plan.steps)
    for index, later in enumerate(listed):
        for earlier in listed[:index]:
            if rank[later] < rank[earlier]:
                assert any(nx.has_path(flow, later, one) for one in listed[: listed.index(earlier) + 1])


@given(projects(), st.randoms(use_true_random=False))
def test_a_workflow_runs_a_step_as_often_as_it_lists_it(case: tuple[ProjectModel, list[str]], r: random.Random) -> None:
    found, _ = case
    plan = planned(found, ["all"], r)
    if not isinstance(plan, Cycle):
        listed = found.steps_of("all")
        times = {name: [step.command for step in plan.steps].count(name) for name in listed}
        assert times == {name: listed.count(name) for name in listed}


def results(plan: Plan, order: Iterable[Step]) -> dict[str, object]:
    """Return for each path, after all steps ran in `order`, the step that wrote it and what that step had read.

    A write replaces everything inside the path. A step that reads something in or around the path reads it.
    """
    disk: dict[str, object] = dict.fromkeys(("x", "y", "z", "d/x", "d/y", "d/e/f"), "source")
    for step in order:
        command = plan.command(step)
        read = sorted((path, str(what)) for path, what in disk.items() if reads(command, path))
        for output in command.all_outputs:
            disk = {path: what for path, what in disk.items() if not inside(path, output)}
            disk[output] = (step, hash(tuple(read)))
    return disk


@given(projects(), st.randoms(use_true_random=False))
def test_results_are_the_same_in_whatever_order_the_plan_allows(
    case: tuple[ProjectModel, list[str]], r: random.Random
) -> None:
    found, targets = case
    plan = planned(found, targets, r)
    if isinstance(plan, Cycle):
        return
    waiting = {step: set(waits) for step, waits in plan.waits_for.items()}
    order: list[Step] = []
    while waiting:
        step = r.choice(sorted(step for step in plan.steps if waiting.get(step) == set()))
        del waiting[step]
        order.append(step)
        for waits in waiting.values():
            waits.discard(step)
    assert results(plan, order) == results(plan, plan.steps)
