"""Why a step must run: each reason, and the words in which it is given."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given

from plan.fingerprints import BASE, CHANGES, fingerprints
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.reasons import Reason, ReasonKind, reasons_to_run
from weaselish.plan.record import Record, RecordedOutput

COMMAND = Command(
    "train",
    script=BASE.script,
    deps=("data", "config"),
    outputs=("model", "plots"),
    outputs_no_cache=("log", "metrics"),
)
RECORD = Record(
    run=1,
    command="train",
    fingerprint=BASE,
    outputs=(RecordedOutput("model", "m"), RecordedOutput("plots", "p.dir")),
    outputs_no_cache=(RecordedOutput("log", "l"), RecordedOutput("metrics", ABSENT)),
)
DISK = {"model": "m", "plots": "p.dir", "log": "l"}


def reasons(
    command: Command = COMMAND,
    now: Fingerprint = BASE,
    last: Record | None = RECORD,
    disk: Mapping[str, str] = DISK,
) -> list[str]:
    return [str(reason) for reason in reasons_to_run(command, now, last, disk.get)]


EDITS = [
    ("train --lr 0.1 --seed 1", "train --lr 0.2 --seed 1", "`--lr 0.1` → `--lr 0.2`"),
    ("train data", "fit data", "`train` → `fit`"),
    ("train data", "train data fast", "`data` → `data fast`"),
    ("train data fast", "train data", "`data fast` → `data`"),
    ("train a a", "train a", "`a a` → `a`"),
    ("train a", "train a a", "`a` → `a a`"),
    ("train  data", "train data", "blanks"),
    (f"train {'x' * 34}", f"train {'y' * 35}", f"`train {'x' * 34}` → `train {'y' * 33}…`"),
]


@pytest.mark.parametrize(("then", "now", "edit"), EDITS)
def test_a_changed_line_shows_the_words_that_differ(then: str, now: str, edit: str) -> None:
    last = RECORD._replace(fingerprint=BASE._replace(script=("first", then, "last")))
    assert reasons(now=BASE._replace(script=("first", now, "last")), last=last) == [f"script changed: line 2 ({edit})"]


@pytest.mark.parametrize(("then", "now", "what"), [(("a",), ("a", "b"), "added"), (("a", "b"), ("a",), "removed")])
def test_a_line_at_the_end_is_added_or_removed(then: tuple[str, ...], now: tuple[str, ...], what: str) -> None:
    last = RECORD._replace(fingerprint=BASE._replace(script=then))
    assert reasons(now=BASE._replace(script=now), last=last) == [f"script changed: line 2 ({what})"]


def test_what_is_as_recorded_is_up_to_date() -> None:
    assert reasons() == []


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_key_is_a_reason(change: str) -> None:
    assert reasons(now=CHANGES[change]) != []


@given(fingerprints, fingerprints)
def test_inputs_are_a_reason_exactly_if_the_key_is_another(then: Fingerprint, now: Fingerprint) -> None:
    found = reasons_to_run(COMMAND, now, RECORD._replace(fingerprint=then), DISK.get)
    assert bool(found) == (then.key != now.key)


NAMED: dict[str, tuple[dict[str, object], list[str]]] = {
    "script": ({"script": ("python train.py --lr 2", "echo done")}, ["script changed: line 1"]),
    "a line added": ({"script": (*BASE.script, "ls")}, ["script changed: line 3"]),
    "a line removed": ({"script": BASE.script[:1]}, ["script changed: line 2"]),
    "arguments": ({"args": ()}, ["script changed: arguments"]),
    "shell and workdir": ({"shell": "bash", "workdir": "w"}, ["script changed: shell", "script changed: workdir"]),
    "deps": (
        {"deps": (("data", "d2.dir"), ("new", "n"))},
        ["dep changed: data", "dep added: new", "dep removed: config"],
    ),
    "a dep that is missing": ({"deps": (("data", None), ("config", "c1"))}, ["dep changed: data (missing)"]),
    "a glob that matches nothing any more": (
        {"deps": (("d*", None), ("config", "c1"))},
        ["dep added: d* (nothing matches)", "dep removed: data"],
    ),
    "env": (
        {"env": (("A", "e9"), ("B", "e"), ("env.HOME", "e2"))},
        ["env changed: A", "env changed: B (added)", "env changed: env.X (removed)"],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_reason_names_what_changed(name: str) -> None:
    changes, expected = NAMED[name]
    found = reasons(now=BASE._replace(**changes))  # type: ignore[arg-type]
    assert [told[: len(start)] for told, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize("path", ["model", "plots", "log"])
def test_every_recorded_output_must_exist_with_its_recorded_digest(path: str) -> None:
    assert reasons(disk={**DISK, path: "x"}) == [f"output changed: {path}"]
    assert reasons(disk={key: digest for key, digest in DISK.items() if key != path}) == [f"output missing: {path}"]


def test_an_absent_output_that_appeared_is_a_change() -> None:
    assert reasons(disk={**DISK, "metrics": "x"}) == ["output changed: metrics"]


def test_another_list_of_outputs_is_a_reason() -> None:
    command = COMMAND._replace(outputs=("model", "new"))
    assert reasons(command, disk={**DISK, "new": "n"}) == ["outputs list changed: new, plots"]


def test_what_may_be_absent_no_longer_is_missing() -> None:
    command = COMMAND._replace(outputs=("model", "plots", "metrics"), outputs_no_cache=("log",))
    assert reasons(command) == ["output missing: metrics"]


def test_what_never_ran_has_one_reason() -> None:
    assert reasons(last=None, disk={}) == ["never ran"]


def test_no_skip_is_a_reason_of_its_own() -> None:
    assert reasons(COMMAND._replace(no_skip=True)) == ["no_skip"]
    assert reasons(COMMAND._replace(no_skip=True), last=None) == ["no_skip", "never ran"]


def test_a_command_without_outputs_always_runs() -> None:
    assert reasons(Command("train"), last=None) == ["always runs (no outputs declared)"]


def test_a_reason_reads_as_one_line() -> None:
    assert str(Reason(ReasonKind.DEP_CHANGED, "data", "new a.txt")) == "dep changed: data (new a.txt)"
    assert str(Reason(ReasonKind.FORCED)) == "forced"
