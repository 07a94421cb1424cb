"""Pins of imported artifacts in project.lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaselish.model.project import ProjectModel
from weaselish.records.lockfile import read_lock, write_lock
from weaselish.records.pins import Pin, SourcePin, read_pins, read_source_pins
from weaselish.records.records import Records

MODEL = Pin("^1.2", "1.3.0", "a" * 32, "b" * 64, "releases")
OTHER = MODEL._replace(version="1.4.0", digest="c" * 64 + ".dir")


def test_pins_survive_being_written_and_read(tmp_path: Path) -> None:
    write_lock(tmp_path, {}, (), pins={"model": MODEL, "a b": OTHER}, cache=None)
    assert read_lock(tmp_path).pins == {"model": MODEL, "a b": OTHER}


def test_a_pin_stays_when_others_are_pinned(tmp_path: Path) -> None:
    records = Records(tmp_path, ProjectModel())
    records.pin({"model": MODEL})
    records.pin({"other": OTHER})
    records.close()
    assert Records(tmp_path, ProjectModel()).pins == {"model": MODEL, "other": OTHER}


def test_of_two_sides_of_a_conflict_the_first_holds(tmp_path: Path) -> None:
    sides = []
    for pins in ({"model": MODEL}, {"model": OTHER, "other": OTHER}):
        write_lock(tmp_path, {}, (), pins=pins, cache=None)
        sides.append((tmp_path / "project.lock").read_text())
    (tmp_path / "project.lock").write_text(f"<<<<<<< ours\n{sides[0]}=======\n{sides[1]}>>>>>>> theirs\n")
    assert read_lock(tmp_path).pins == {"model": MODEL, "other": OTHER}


@pytest.mark.parametrize(
    "section",
    [
        None,
        [],
        "text",
        {"model": None},
        {"model": {}},
        {"model": {**MODEL._asdict(), "sha256": "../x"}},
        {"model": {**MODEL._asdict(), "digest": 1}},
        {"model": {**MODEL._asdict(), "version": None}},
    ],
)
def test_what_is_not_a_pin_is_skipped(section: object) -> None:
    assert read_pins(section) == {}


COMMIT = SourcePin("https://example.org/r.git branch main", commit="d" * 40)
CONTENT = SourcePin("s3://b/k", digest="a" * 32 + ".dir")


def test_pins_of_sources_stay_beside_those_of_artifacts(tmp_path: Path) -> None:
    records = Records(tmp_path, ProjectModel())
    records.pin({"model": MODEL})
    records.pin(sources={"src": COMMIT})
    records.pin(sources={"data": CONTENT})
    records.close()
    kept = Records(tmp_path, ProjectModel())
    assert (kept.pins, kept.sources) == ({"model": MODEL}, {"src": COMMIT, "data": CONTENT})


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {"source": "x"},
        {"source": "x", "commit": "main"},
        {"source": "x", "digest": 1},
        {"source": "x", "commit": "d" * 40, "digest": "a" * 32},
    ],
)
def test_what_is_not_a_pin_of_a_source_is_skipped(fields: object) -> None:
    assert read_source_pins({"src": fields, "data": CONTENT.document}) == {"data": CONTENT}
