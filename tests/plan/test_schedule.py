"""Which steps may start, and what a failure blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.schedule import Schedule


def plan_of(waits: Mapping[str, tuple[str, ...]], needs: Mapping[str, tuple[str, ...]] | None = None) -> Plan:
    """A plan with these edges, in this order; without `needs`, every step needs what it waits for."""
    project = ProjectModel(commands={step: Command(step) for step in waits})
    return Plan(project, tuple(waits), tuple(waits), waits, dict.fromkeys(waits, ()), needs or waits, {})


def started(schedule: Schedule) -> list[str]:
    """All that may start now, started."""
    return list(_started(schedule))


def _started(schedule: Schedule) -> Iterator[str]:
    while (step := schedule.start()) is not None:
        yield step


def test_steps_start_in_the_plans_order_as_far_as_their_waits_allow() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": (), "d": ("a", "c")}))
    assert started(schedule) == ["a", "c"]
    schedule.finish("a")
    assert started(schedule) == ["b"]
    schedule.finish("c")
    assert started(schedule) == ["d"]
    assert schedule.running == {"b", "d"}


def test_one_at_a_time_is_the_plans_order() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": (), "d": ("a", "c")}))
    order = []
    while (step := schedule.start()) is not None:
        order.append(step)
        schedule.finish(step)
    assert order == ["a", "b", "c", "d"]


def test_a_failure_blocks_what_needs_it_however_far() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": ("b",), "other": (), "more": ("other",)}))
    assert started(schedule) == ["a", "other"]
    schedule.fail("a")
    schedule.finish("other")
    assert started(schedule) == ["more"]
    assert schedule.blocked == ("b", "c")


def test_what_only_had_to_come_after_a_failure_may_start() -> None:
    waits = {"make1": (), "use1": ("make1",), "make2": ("make1", "use1"), "use2": ("make2",)}
    needs = {"make1": (), "use1": ("make1",), "make2": (), "use2": ("make2",)}
    schedule = Schedule(plan_of(waits, needs))
    assert started(schedule) == ["make1"]
    schedule.fail("make1")
    assert started(schedule) == ["make2"]
    schedule.finish("make2")
    assert started(schedule) == ["use2"]
    assert schedule.blocked == ("use1",)


def test_holders_of_one_mutex_take_turns_and_others_pass_them() -> None:
    schedule = Schedule(plan_of(dict.fromkeys("abcd", ())), mutex={"a": ("gpu",), "b": ("gpu", "disk"), "c": ("disk",)})
    assert started(schedule) == ["a", "c", "d"]
    schedule.finish("c")
    assert started(schedule) == []
    schedule.fail("a")
    assert started(schedule) == ["b"]


def test_a_step_that_does_not_run_cannot_end() -> None:
    schedule = Schedule(plan_of({"a": ()}))
    with pytest.raises(KeyError):
        schedule.finish("a")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = [f"s{i}" for i in range(draw(st.integers(1, 9)))]
    waits, needs = {}, {}
    for index, name in enumerate(names):
        waits[name] = tuple(draw(st.lists(st.sampled_from(names[:index]), unique=True))) if index else ()
        needs[name] = tuple(before for before in waits[name] if draw(st.booleans()))
    return plan_of(waits, needs)


mutexes = st.dictionaries(
    st.sampled_from([f"s{i}" for i in range(9)]),
    st.lists(st.sampled_from(["gpu", "disk"]), min_size=1, unique=True).map(tuple),
    max_size=5,
)


@given(plans(), mutexes, st.sets(st.sampled_from([f"s{i}" for i in range(9)])), st.integers(1, 4), st.randoms())
def test_any_course_of_a_run(
    plan: Plan, mutex: dict[str, tuple[str, ...]], failing: set[str], jobs: int, choose: random.Random
) -> None:
    """Each step at most once, never before what it waits for has ended, never with a rival; only what needs a failure
    is blocked, and all else runs."""
    schedule = Schedule(plan, mutex=mutex)
    begun: list[str] = []
    ended: set[str] = set()
    running: list[str] = []
    while True:
        while len(running) < jobs and (step := schedule.start()) is not None:
            assert step not in begun
            for before in plan.waits_for[step]:
                assert before in ended or before in schedule.blocked
            for other in running:
                assert not set(mutex.get(step, ())) & set(mutex.get(other, ()))
            begun.append(step)
            running.append(step)
        assert schedule.running == set(running)
        if not running:
            break
        step = running.pop(choose.randrange(len(running)))
        (schedule.fail if step in failing else schedule.finish)(step)
        ended.add(step)
    needs = nx.DiGraph([(before, step) for step, names in plan.needs.items() for before in names])
    needs.add_nodes_from(plan.steps)
    blocked = {step for failed in failing & ended for step in nx.descendants(needs, failed)}
    assert set(schedule.blocked) == blocked
    assert set(begun) == set(plan.steps) - blocked


MANY = 5000


def test_thousands_of_steps_are_scheduled_and_blocked_without_recursion() -> None:
    chain = ProjectModel(
        commands={f"c{i}": Command(f"c{i}", deps=(f"o/{i - 1}",), outputs=(f"o/{i}",)) for i in range(1, MANY + 1)}
    )
    schedule = Schedule(make_plan(chain, [f"c{MANY}"]))
    assert started(schedule) == ["c1"]
    schedule.finish("c1")
    assert started(schedule) == ["c2"]
    schedule.fail("c2")
    assert len(schedule.blocked) == MANY - 2
    assert started(schedule) == []


def test_thousands_of_steps_may_start_at_once() -> None:
    fan = {f"c{i}": () for i in range(MANY)}
    schedule = Schedule(plan_of({**fan, "gather": tuple(fan)}))
    assert started(schedule) == list(fan)
    for step in fan:
        schedule.finish(step)
    assert started(schedule) == ["gather"]
