"""The events of a run: when they happened, which run they belong to, and how they read as JSON."""

from __future__ import annotations

import json
import typing
from pathlib import Path

from weaselish.engine import events
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.graph import make_plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.sequence import Step

PLAN = make_plan(ProjectModel(commands={"a": Command("a", outputs=("x",))}), ["a"])
A = {"step": "a", "command": "a"}
EXAMPLES: list[tuple[events.Event, dict[str, object]]] = [
    (events.RunStarted(PLAN, 2), {"event": "run started", "plan": {"targets": ["a"], "steps": ["a"]}, "jobs": 2}),
    (events.Note("careful", "do this"), {"event": "note", "message": "careful", "hint": "do this"}),
    (events.StepUpToDate(Step("a"), 7), {"event": "step up to date", **A, "run": 7}),
    (
        events.StepWaiting("a", "`a` of process 3"),
        {"event": "step waiting", "step": "a", "holder": "`a` of process 3"},
    ),
    (
        events.StepStarted(Step("a"), (Reason(ReasonKind.DEP_CHANGED, "x"),), 2, Path("/p/log"), 7),
        {
            "event": "step started",
            **A,
            "reasons": ["dep changed: x"],
            "attempt": 2,
            "log": "/p/log",
            "run": 7,
        },
    ),
    (
        events.StepOutput(Step("a"), b"caf\xe9\n", 7),
        {"event": "step output", **A, "data": "caf\ufffd\n", "run": 7},
    ),
    (events.StepDone(Step("a"), 1.5, run=7), {"event": "step done", **A, "seconds": 1.5, "run": 7}),
    (
        events.StepFailed(Step("a"), 1.5, 3, "`a` failed", run=7),
        {"event": "step failed", **A, "seconds": 1.5, "exit_code": 3, "message": "`a` failed", "run": 7},
    ),
    (events.StepUnrecorded(Step("a")), {"event": "step unrecorded", **A}),
    (events.StepAvailable(Step("a"), "local"), {"event": "step available", **A, "source": "local"}),
    (
        events.StepRestored(Step("a"), 5, "local", 1.5, 7),
        {"event": "step restored", **A, "size": 5, "source": "local", "saved": 1.5, "run": 7},
    ),
    (events.StepBlocked(Step("a")), {"event": "step blocked", **A}),
    (
        events.RunFinished((events.StepResult(Step("a"), events.StepState.UP_TO_DATE),), 0, 0.5),
        {
            "event": "run finished",
            "results": [{**A, "state": "up to date", "seconds": 0.0, "exit_code": 0}],
            "exit_code": 0,
            "seconds": 0.5,
        },
    ),
    (
        events.TransferStarted("push", 2, 10),
        {"event": "transfer started", "verb": "push", "objects": 2, "size": 10},
    ),
    (events.Preparing("checking assets"), {"event": "preparing", "activity": "checking assets"}),
    (
        events.Preparing("hashing `x`", 1, 2, events.Unit.BYTES),
        {"event": "preparing", "activity": "hashing `x`", "done": 1, "total": 2, "unit": "bytes"},
    ),
    (events.Transferred("k", 5), {"event": "transferred", "key": "k", "size": 5}),
    (events.CommandPushed("a", ("k",), 5), {"event": "command pushed", "command": "a", "keys": ["k"], "size": 5}),
    (events.CommandPulled("a", ("x",), 5), {"event": "command pulled", "command": "a", "outputs": ["x"], "size": 5}),
]


def test_every_event_reads_as_json() -> None:
    for event, expected in EXAMPLES:
        assert json.loads(json.dumps(event.to_json())) == {**expected, "at": 0.0}


def test_every_kind_of_event_has_an_example() -> None:
    assert {type(event) for event, _ in EXAMPLES} == set(typing.get_args(events.Event))


def test_a_repeated_step_names_its_command() -> None:
    assert events.StepBlocked(Step("a", "a (2)")).to_json() == {
        "event": "step blocked",
        "step": "a (2)",
        "command": "a",
        "at": 0.0,
    }


def test_the_serial_reporter_notes_when_each_event_happened() -> None:
    times = iter((5.0, 6.5))
    seen: list[events.Event] = []
    report = SerialReporter(seen.append, clock=lambda: next(times))
    report(events.StepBlocked(Step("a")))
    report(events.Note("late"))
    assert [event.at for event in seen] == [5.0, 6.5]
