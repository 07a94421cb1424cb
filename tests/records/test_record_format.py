"""The run record as a document, and documents that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import Record, RecordedOutput
from weaselish.records.record_format import BadDocument, from_document, to_document

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
    origin="pulled",
    dep_sizes={"data": 7},
    weasel={"data": "w"},
    facts={"host": {"cpus": 2}, "seconds": 1.5, "git": None},
)


def through_json(record: Record) -> Record:
    return from_document(json.loads(json.dumps(to_document(record))))


def test_a_record_survives_being_written_and_read() -> None:
    assert through_json(RECORD) == RECORD


texts = st.text(max_size=5)
pairs = st.dictionaries(texts, st.one_of(st.none(), texts), max_size=3).map(lambda found: tuple(found.items()))
made = st.builds(
    RecordedOutput, texts, texts, st.one_of(st.none(), st.integers(0)), st.one_of(st.none(), st.integers(0))
)
records = st.builds(
    Record,
    run=st.integers(0, 2**60),
    command=texts,
    fingerprint=st.builds(
        Fingerprint,
        script=st.lists(texts, max_size=3).map(tuple),
        args=st.lists(texts, max_size=3).map(tuple),
        deps=pairs,
        env=pairs,
        shell=st.one_of(st.just(False), texts),
        workdir=texts,
    ),
    outputs=st.lists(made, max_size=2).map(tuple),
    outputs_no_cache=st.lists(made, max_size=2).map(tuple),
    algorithm=st.sampled_from(["md5", "blake3"]),
    origin=st.sampled_from(["run", "weasel", "accepted", "pulled"]),
    weasel=st.dictionaries(texts, texts, max_size=2),
    facts=st.dictionaries(st.sampled_from(["host", "git", "more"]), st.integers(), max_size=2),
)


@given(records)
def test_any_record_survives_being_written_and_read(record: Record) -> None:
    record = record._replace(dep_sizes={path: len(path) for path, _ in record.fingerprint.deps[:1]})
    assert through_json(record) == record
    assert to_document(record)["key"] == record.fingerprint.key


def test_what_a_later_version_adds_is_kept() -> None:
    document = {**to_document(RECORD), "image": "sha256:…"}
    assert to_document(from_document(document)) == document


# -- what is no record ------------------------------------------------------------------------------------------------

anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "x", "1", "run", "md5", "\ud800"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@given(anything)
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(BadDocument):
        from_document(data)


@given(st.sampled_from(sorted(to_document(RECORD))), anything)
def test_a_document_with_one_part_replaced_is_a_record_or_refused(key: str, value: Any) -> None:
    try:
        record = from_document({**to_document(RECORD), key: value})
    except BadDocument:
        return
    assert isinstance(record.run, int) and isinstance(record.command, str)
    assert all(isinstance(text, str) for text in (*record.fingerprint.script, *record.fingerprint.args))
    assert all(isinstance(path, str) for path, _ in (*record.fingerprint.deps, *record.fingerprint.env))


@pytest.mark.parametrize("key", ["format", "run", "command", "script", "deps", "env", "outputs", "algorithm", "origin"])
def test_a_document_without_one_of_its_parts_is_refused(key: str) -> None:
    document = to_document(RECORD)
    del document[key]
    with pytest.raises(BadDocument):
        from_document(document)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("format", "1"),
        ("run", float("inf")),
        ("run", float("nan")),
        ("run", None),
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
def test_a_document_with_a_part_of_the_wrong_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadDocument):
        from_document({**to_document(RECORD), key: value})
