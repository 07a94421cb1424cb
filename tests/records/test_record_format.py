"""Run records as documents, and documents that are not run records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.metrics import MAX_EXACT
from weaselish.plan.record import MAX_COUNT, NO_REPOSITORY, GitCommit, Host, Origin, Provenance, Record, RecordedOutput
from weaselish.records.record_format import BadRecord, from_document, to_document

RECORD = Record(
    run=1_700_000_000_000_000,
    command="train",
    fingerprint=Fingerprint(
        script=("python train.py",),
        args=("--n", "5"),
        deps=(("data", "d.dir"), ("absent", None)),
        env=(("A", "e"), ("env.X", None)),
        shell="bash",
        workdir="sub",
    ),
    outputs=(RecordedOutput("model", "m", 12, 1),),
    outputs_no_cache=(RecordedOutput("log", "absent"),),
    algorithm="blake3",
    origin=Origin.PULLED,
    dep_sizes={"data": 7},
    weasel={"data": "w"},
    provenance=Provenance(
        "local", "proj 0.1.0", Host("vm", cpus=2), NO_REPOSITORY, "2026-11-26T17:59:33Z", 1.5, ("never ran",)
    ),
)


def through_json(record: Record) -> Record:
    return from_document(json.loads(json.dumps(to_document(record))))


def test_a_record_survives_being_written_and_read() -> None:
    assert through_json(RECORD) == RECORD


texts = st.text(max_size=5)
pairs = st.dictionaries(texts, st.one_of(st.none(), texts), max_size=3).map(lambda found: tuple(found.items()))
counts = st.one_of(st.none(), st.integers(0, MAX_COUNT - 1))
values = st.one_of(
    st.booleans(), st.integers(1 - MAX_EXACT, MAX_EXACT - 1), st.floats(allow_nan=False, allow_infinity=False)
)
metrics = st.dictionaries(texts, st.dictionaries(texts, st.one_of(values, texts), max_size=3), max_size=2)
outputs = st.builds(RecordedOutput, texts, texts, counts, counts)
optional = st.one_of(st.none(), texts)
provenances = st.builds(
    Provenance,
    executor=optional,
    tool=optional,
    host=st.one_of(st.none(), st.builds(Host, optional, optional, optional, counts)),
    git=st.one_of(st.none(), st.builds(GitCommit, texts, st.booleans())),
    started=optional,
    seconds=st.one_of(st.none(), st.floats(0, 1e9)),
    reasons=st.one_of(st.none(), st.lists(texts, max_size=2).map(tuple)),
    image=optional,
).filter(lambda one: one != Provenance())
records = st.builds(
    Record,
    run=st.integers(1, MAX_COUNT - 1),
    command=texts,
    fingerprint=st.builds(
        Fingerprint,
        script=st.lists(texts, max_size=3).map(tuple),
        args=st.lists(texts, max_size=3).map(tuple),
        deps=pairs,
        env=pairs,
        shell=st.one_of(st.just(False), texts),
        workdir=texts,
        environment=st.dictionaries(texts, texts, max_size=2).map(lambda found: tuple(sorted(found.items()))),
    ),
    outputs=st.lists(outputs, max_size=2).map(tuple),
    outputs_no_cache=st.lists(outputs, max_size=2).map(tuple),
    algorithm=st.sampled_from(["md5", "blake3"]),
    origin=st.sampled_from([origin for origin in Origin if origin is not Origin.OTHER]),
    weasel=st.dictionaries(texts, texts, max_size=2),
    provenance=st.one_of(st.none(), provenances),
    metrics=metrics,
    extra=st.dictionaries(st.sampled_from(["cluster", "more"]), st.integers(0, 9), max_size=2),
)


@given(records)
def test_any_record_survives_being_written_and_read(record: Record) -> None:
    record = record._replace(dep_sizes={path: len(path) for path, _ in record.fingerprint.deps[:1]})
    assert through_json(record) == record
    assert to_document(record)["key"] == record.fingerprint.key


@pytest.mark.parametrize(
    "facts", [{"digest": "sha256:…"}, {"origin": "simulated"}, {"cluster": {"nodes": [1, 2.5, None, True]}}]
)
def test_a_fact_that_only_a_later_version_knows_is_kept(facts: dict[str, object]) -> None:
    document = {**to_document(RECORD), **facts}
    assert to_document(from_document(document)) == document


@pytest.mark.parametrize("value", [[[[[[[[[[[1]]]]]]]]]], {"a": "\ud800"}, 1 << 60, float("nan")])
def test_a_fact_that_could_not_be_written_again_is_dropped(value: object) -> None:
    assert from_document({**to_document(RECORD), "cluster": value}) == RECORD


@pytest.mark.parametrize(
    "facts",
    [{"seconds": value} for value in ("1", True, -1, float("inf"), float("nan"), 1 << 70)]
    + [
        {"host": []},
        {"host": {"cpus": "2"}},
        {"git": 7},
        {"git": {"commit": 1}},
        {"reasons": [1]},
        {"started": 5},
        {"image": 5},
    ],
    ids=str,
)
def test_a_fact_of_the_wrong_type_counts_as_unknown(facts: dict[str, object]) -> None:
    record = from_document({**to_document(RECORD), **facts})
    assert record.provenance is not None and RECORD.provenance is not None
    (name,) = facts
    value = getattr(record.provenance, name)
    assert value is None or value == Host()
    assert record._replace(provenance=None) == RECORD._replace(provenance=None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (7, {}),
        ([["m.json", {"a": 1}]], {}),
        ({"m.json": [1], "n.json": {"a": 1}}, {"n.json": {"a": 1}}),
        (
            {"m.json": {"a": 1, "b": None, "c": [1], "d": {"e": 1}, "f": 1 << 60, "g": float("nan"), "h": True}},
            {"m.json": {"a": 1, "h": True}},
        ),
        (
            {"m.json": {"a": "x" * 201, "x" * 201: 1, "b": "\ud800", "\ud800": 1, "c": "x" * 200}},
            {"m.json": {"c": "x" * 200}},
        ),
        (
            {"m.json": {str(number): number for number in range(2000)}},
            {"m.json": {str(number): number for number in range(1000)}},
        ),
    ],
    ids=["number", "list", "list of values", "types", "texts", "too many"],
)
def test_of_foreign_metrics_only_values_of_the_right_type_and_size_are_kept(value: object, kept: object) -> None:
    record = from_document({**to_document(RECORD), "metrics": value})
    assert record.metrics == kept
    assert record._replace(metrics={}) == RECORD


def test_a_record_outside_a_repository_says_so() -> None:
    assert to_document(RECORD)["git"] is None
    assert "git" not in to_document(RECORD._replace(provenance=None))


# -- what is not a record ---------------------------------------------------------------------------------------------

anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "x", "1", "run", "md5", "\ud800"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@given(anything)
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(BadRecord):
        from_document(data)


@given(st.sampled_from(sorted(to_document(RECORD))), anything)
def test_a_document_with_one_part_replaced_is_a_record_or_refused(key: str, value: Any) -> None:
    try:
        record = from_document({**to_document(RECORD), key: value})
    except BadRecord:
        return
    assert isinstance(record.run, int) and isinstance(record.command, str)
    assert all(isinstance(text, str) for text in (*record.fingerprint.script, *record.fingerprint.args))
    assert all(isinstance(path, str) for path, _ in (*record.fingerprint.deps, *record.fingerprint.env))


@pytest.mark.parametrize("key", ["format", "run", "command", "script", "deps", "env", "outputs", "algorithm", "origin"])
def test_a_document_without_one_of_its_parts_is_refused(key: str) -> None:
    document = to_document(RECORD)
    del document[key]
    with pytest.raises(BadRecord):
        from_document(document)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("format", "1"),
        ("run", float("inf")),
        ("run", float("nan")),
        ("run", None),
        ("run", True),
        ("run", 0),
        ("run", -5),
        ("run", 1.5),
        ("run", MAX_COUNT),
        ("format", True),
        ("outputs", [{"path": "a", "digest": "x", "size": -1, "files": 1}]),
        ("outputs", [{"path": "a", "digest": "x", "size": 1, "files": MAX_COUNT}]),
        ("script", "python"),
        ("script", [1]),
        ("deps", {"a": "b"}),
        ("deps", [["a", "b"]]),
        ("deps", [{"path": 1, "digest": "x"}]),
        ("deps", [{"path": "a", "digest": "x", "size": float("inf")}]),
        ("env", [["a"]]),
        ("env", [["a", 1]]),
        ("shell", True),
        ("shell", None),
        ("outputs", [{"path": "a", "digest": None, "size": 1, "files": 1}]),
        ("outputs", [{"path": "a", "digest": "x", "size": "many", "files": 1}]),
        ("weasel", []),
        ("weasel", {"a": None}),
    ],
)
def test_a_document_with_a_part_of_the_wrong_type_or_size_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadRecord):
        from_document({**to_document(RECORD), key: value})
