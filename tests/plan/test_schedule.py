"""Which steps may start, and what a failure blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.errors import UsageError
from weaselish.model.executors import Queue
from weaselish.model.project import Command, ProjectModel
from weaselish.model.resources import Resources
from weaselish.model.roles import Role
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.schedule import Schedule, pools_of
from weaselish.plan.sequence import Step


def plan_of(waits: Mapping[str, tuple[str, ...]], needs: Mapping[str, tuple[str, ...]] | None = None) -> Plan:
    """Return a plan with these edges, in this order. Without `needs`, every step needs what it waits for."""
    project = ProjectModel(commands={step: Command(step) for step in waits})
    steps = {name: Step(name) for name in waits}

    def links(names: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Step, ...]]:
        return {steps[name]: tuple(steps[before] for before in befores) for name, befores in names.items()}

    producers: dict[str, tuple[Step, ...]] = dict.fromkeys(steps.values(), ())
    return Plan(project, tuple(waits), tuple(steps.values()), links(waits), producers, links(needs or waits), {})


def started(schedule: Schedule) -> list[str]:
    """Start all steps that may start now, and return them."""
    return list(_started(schedule))


def _started(schedule: Schedule) -> Iterator[str]:
    while (step := schedule.start()) is not None:
        yield step


def test_steps_start_in_the_order_of_the_plan_once_they_need_not_wait() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": (), "d": ("a", "c")}))
    assert started(schedule) == ["a", "c"]
    schedule.finish("a")
    assert started(schedule) == ["b"]
    schedule.finish("c")
    assert started(schedule) == ["d"]
    assert schedule.running == {"b", "d"}


def test_one_at_a_time_steps_keep_the_order_of_the_plan() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": (), "d": ("a", "c")}))
    order = []
    while (step := schedule.start()) is not None:
        order.append(step)
        schedule.finish(step)
    assert order == ["a", "b", "c", "d"]


def test_a_failure_blocks_all_consumers_downstream() -> None:
    schedule = Schedule(plan_of({"a": (), "b": ("a",), "c": ("b",), "other": (), "more": ("other",)}))
    assert started(schedule) == ["a", "other"]
    schedule.fail("a")
    schedule.finish("other")
    assert started(schedule) == ["more"]
    assert schedule.blocked == ("b", "c")


def test_a_step_that_only_comes_after_a_failed_step_may_start() -> None:
    waits = {"make1": (), "use1": ("make1",), "make2": ("make1", "use1"), "use2": ("make2",)}
    needs = {"make1": (), "use1": ("make1",), "make2": (), "use2": ("make2",)}
    schedule = Schedule(plan_of(waits, needs))
    assert started(schedule) == ["make1"]
    schedule.fail("make1")
    assert started(schedule) == ["make2"]
    schedule.finish("make2")
    assert started(schedule) == ["use2"]
    assert schedule.blocked == ("use1",)


def test_steps_share_a_pool_as_far_as_it_reaches_and_later_ones_overtake() -> None:
    needs = {"a": {"gpu": 2}, "b": {"gpu": 2, "disk": 1}, "c": {"disk": 1}, "d": {"gpu": 1}}
    schedule = Schedule(plan_of(dict.fromkeys("abcde", ())), needs=needs, capacities={"gpu": 3, "disk": 1})
    assert started(schedule) == ["a", "c", "d", "e"]
    schedule.finish("c")
    assert started(schedule) == []
    schedule.fail("a")
    assert started(schedule) == ["b"]


def test_steps_of_one_mutex_take_turns() -> None:
    commands = {
        "a": Command("a", mutex=("gpu",)),
        "b": Command("b", mutex=("gpu", "disk")),
        "c": Command("c", mutex=("disk",)),
    }
    plan = make_plan(ProjectModel(commands=commands), list(commands))
    needs, capacities = pools_of(plan, jobs=4)
    schedule = Schedule(plan, needs=needs, capacities=capacities)
    assert started(schedule) == ["a", "c"]
    schedule.finish("a")
    assert started(schedule) == []
    schedule.finish("c")
    assert started(schedule) == ["b"]


def test_an_interactive_step_runs_alone() -> None:
    commands = {"a": Command("a"), "b": Command("b", interactive=True), "c": Command("c"), "d": Command("d")}
    plan = make_plan(ProjectModel(commands=commands), list(commands))
    needs, capacities = pools_of(plan, jobs=2)
    schedule = Schedule(plan, needs=needs, capacities=capacities)
    assert started(schedule) == ["a", "c"]
    schedule.finish("a")
    assert started(schedule) == ["d"]
    schedule.finish("c")
    assert started(schedule) == []
    schedule.finish("d")
    assert started(schedule) == ["b"]


@pytest.mark.parametrize("capacities", [{"gpu": 1}, {}])
def test_a_need_above_the_capacity_is_an_error_before_anything_starts(capacities: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="`b` needs 2 of `gpu`"):
        Schedule(plan_of({"a": (), "b": ("a",)}), needs={"b": {"gpu": 2}}, capacities=capacities)


def test_a_step_that_is_not_running_cannot_end() -> None:
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


CAPACITIES = {"gpu": 2, "disk": 1}
pool_needs = st.dictionaries(
    st.sampled_from([f"s{i}" for i in range(9)]),
    st.fixed_dictionaries({}, optional={"gpu": st.integers(0, 2), "disk": st.integers(0, 1)}),
    max_size=6,
)


@given(plans(), pool_needs, st.sets(st.sampled_from([f"s{i}" for i in range(9)])), st.integers(1, 4), st.randoms())
def test_any_course_of_a_run(
    plan: Plan, pool_needs: dict[str, dict[str, int]], failing: set[str], jobs: int, choose: random.Random
) -> None:
    """Each step starts at most once and after the steps it waits for. No pool is oversubscribed, and of the steps that
    may start the first does. Only consumers of a failure are blocked, and all other steps run."""
    schedule = Schedule(plan, needs=pool_needs, capacities=CAPACITIES)
    begun: list[str] = []
    ended: set[str] = set()
    running: list[str] = []

    def may_start(step: str) -> bool:
        is_new = step not in {*begun, *schedule.blocked}
        return is_new and all(has_ended(before) for before in plan.waits_for[step]) and fits(step)

    def has_ended(step: str) -> bool:
        return step in ended or (step in schedule.blocked and all(map(has_ended, plan.waits_for[step])))

    def fits(step: str) -> bool:
        used = [pool_needs.get(other, {}) for other in (*running, step)]
        return all(sum(needs.get(pool, 0) for needs in used) <= most for pool, most in CAPACITIES.items())

    while True:
        while len(running) < jobs:
            first = next(filter(may_start, plan.steps), None)
            assert schedule.start() == first
            if first is None:
                break
            begun.append(first)
            running.append(first)
        assert schedule.running == set(running)
        if not running:
            break
        step = running.pop(choose.randrange(len(running)))
        (schedule.fail if step in failing else schedule.finish)(step)
        ended.add(step)
    needs: nx.DiGraph[str] = nx.DiGraph([(before, step) for step, names in plan.needs.items() for before in names])
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


def test_thousands_of_steps_take_turns() -> None:
    steps = {f"c{i}": () for i in range(MANY)}
    schedule = Schedule(plan_of(steps), needs={step: {"gpu": 1} for step in steps}, capacities={"gpu": 1})
    for step in steps:
        assert started(schedule) == [step]
        schedule.finish(step)


def test_a_queue_bounds_its_own_steps_and_takes_no_job_of_this_machine() -> None:
    commands = {name: Command(name, resources=Resources(cpus=4)) for name in "abcdef"}
    plan = make_plan(ProjectModel(commands=commands), list(commands))
    queues = dict.fromkeys(plan.steps[:3], Queue("hpc", 2))
    needs, capacities = pools_of(plan, jobs=2, machine=Resources(cpus=4), queues=queues)
    schedule = Schedule(plan, needs=needs, capacities=capacities)
    assert started(schedule) == ["a", "b", "d"]
    schedule.finish("a")
    assert started(schedule) == ["c"]
    schedule.finish("d")
    assert started(schedule) == ["e"]


def test_an_interactive_step_does_not_share_the_terminal_with_steps_in_a_queue() -> None:
    commands = {"a": Command("a"), "b": Command("b", interactive=True), "c": Command("c")}
    plan = make_plan(ProjectModel(commands=commands), list(commands))
    queues = dict.fromkeys((plan.steps[0], plan.steps[2]), Queue("hpc", 100))
    needs, capacities = pools_of(plan, jobs=2, queues=queues)
    schedule = Schedule(plan, needs=needs, capacities=capacities)
    assert started(schedule) == ["a", "c"]
    schedule.finish("a")
    assert started(schedule) == []
    schedule.finish("c")
    assert started(schedule) == ["b"]


MACHINE = Resources(cpus=2.0, memory=8 << 30, gpus=2)
AMOUNTS = st.builds(
    Resources,
    cpus=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0]),
    memory=st.sampled_from([0, 1 << 20, 3 << 30, 8 << 30, 9 << 30]),
    gpus=st.integers(0, 3),
)
ROLES = st.lists(st.builds(Role, name=st.just("role"), replicas=st.integers(1, 3), resources=AMOUNTS), max_size=2)


@settings(max_examples=30)
@given(requested=st.lists(st.tuples(AMOUNTS, ROLES), min_size=1, max_size=12), data=st.data())
def test_steps_that_run_at_a_time_never_request_more_than_the_machine_has(
    requested: list[tuple[Resources, list[Role]]], data: st.DataObject
) -> None:
    commands = {
        f"s{n}": Command(f"s{n}", resources=alone, roles=tuple(roles)) for n, (alone, roles) in enumerate(requested)
    }
    plan = make_plan(ProjectModel(commands=commands), list(commands))
    needs, capacities = pools_of(plan, jobs=4, machine=MACHINE)
    schedule = Schedule(plan, needs=needs, capacities=capacities)
    ended: set[str] = set()
    while len(ended) < len(commands):
        started(schedule)
        running = [commands[step].requested for step in schedule.running]
        assert running, "a step waits for ever"
        for amounts, most in zip(zip(*running, strict=True), MACHINE[:3], strict=False):
            assert sum(min(amount, most) for amount in amounts) <= most + 1e-6  # an excessive request gets all
        step = data.draw(st.sampled_from(sorted(schedule.running)))
        (schedule.finish if data.draw(st.booleans()) else schedule.fail)(step)
        ended.add(step)
