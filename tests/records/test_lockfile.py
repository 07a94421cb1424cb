"""project.lock: entries and the records that they are views of, conflicts, damage, and what other tools wrote."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import srsly
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.errors import BrokenState
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import MAX_COUNT, Origin, Record, RecordedOutput
from weaselish.records.lock_entry import LockEntry, entry_digest, entry_of
from weaselish.records.lockfile import FILE, keep_beside, modified, read_lock, write_lock

PREPARE = Record(
    run=1700000000000000,
    command="prepare",
    fingerprint=Fingerprint(
        script=("python prepare.py",),
        args=(),
        deps=(("raw.csv", "0" * 32), ("scripts", "1" * 32 + ".dir")),
        env=(),
        shell=False,
        workdir=".",
    ),
    outputs=(RecordedOutput("corpus", "2" * 32 + ".dir"),),
)
TRAIN = Record(
    run=1700000000000001,
    command="train",
    fingerprint=Fingerprint(
        script=("python train.py --n 5", "echo '# done'"),
        args=("--fast", "a b"),
        deps=(("corpus", "2" * 32 + ".dir"), ("later", None)),
        env=(("A", "3" * 32), ("env.X", None)),
        shell="bash",
        workdir="sub",
    ),
    outputs=(RecordedOutput("model", "4" * 32),),
    outputs_no_cache=(RecordedOutput("log", "5" * 32), RecordedOutput("maybe", ABSENT)),
    origin=Origin.PULLED,
)
TEXT = """\
prepare:
  cmd: proj run prepare
  script:
  - python prepare.py
  deps:
  - path: raw.csv
    md5: '00000000000000000000000000000000'
  - path: scripts
    md5: 11111111111111111111111111111111.dir
  outs:
  - path: corpus
    md5: 22222222222222222222222222222222.dir
train:
  cmd: proj run train
  script:
  - python train.py --n 5
  - echo '# done' --fast 'a b'
  deps:
  - path: corpus
    md5: 22222222222222222222222222222222.dir
  - path: later
    md5: null
  outs:
  - path: model
    md5: '44444444444444444444444444444444'
  - path: log
    md5: '55555555555555555555555555555555'
  - path: maybe
    md5: null
.proj:
  format: 1
  commands:
    prepare:
      entry: ENTRY
      run: 1700000000000000
      key: KEY
    train:
      entry: ENTRY
      run: 1700000000000001
      key: KEY
      origin: pulled
      args:
      - --fast
      - a b
      env:
        A: '33333333333333333333333333333333'
        env.X: null
      shell: bash
      workdir: sub
      outputs_no_cache:
      - log
      - maybe
"""


def write(root: Path, records: Iterable[Record], *, cache: Path | None = None, compat: bool = False) -> str:
    entries = {record.command: entry_of(record, None, compat=compat) for record in records}
    write_lock(root, entries, list(entries), cache=cache)
    return (root / FILE).read_text("utf-8")


def read(root: Path, *, cache: Path | None = None) -> dict[str, tuple[Record | None, ...]]:
    lock = read_lock(root, cache=cache)
    assert lock.problem is None
    return {name: tuple(entry.record() for entry in entries) for name, entries in lock.entries.items()}


def as_locked(record: Record) -> Record:
    """What of a record the lock keeps."""
    return record._replace(
        outputs=tuple(RecordedOutput(made.path, made.digest) for made in record.outputs),
        outputs_no_cache=tuple(RecordedOutput(made.path, made.digest) for made in record.outputs_no_cache),
        dep_sizes={},
    )


# -- what is written --------------------------------------------------------------------------------------------------


def test_the_file_is_what_weasel_writes_and_our_blocks_in_one_last_mapping(tmp_path: Path) -> None:
    text = write(tmp_path, [PREPARE, TRAIN])
    for record in (PREPARE, TRAIN):
        block = entry_of(record, None, compat=False).block
        assert block is not None
        text = text.replace(block["entry"], "ENTRY").replace(block["key"], "KEY")
    assert text == TEXT
    assert os.listdir(tmp_path) == [FILE]


def test_records_survive_being_written_and_read(tmp_path: Path) -> None:
    write(tmp_path, [PREPARE, TRAIN])
    assert read(tmp_path) == {"prepare": (PREPARE,), "train": (TRAIN,)}


def test_entries_stand_in_the_order_of_the_project_and_unknown_ones_last(tmp_path: Path) -> None:
    entries = {name: entry_of(PREPARE._replace(command=name), None, compat=False) for name in ("old", "c", "a", "b")}
    write_lock(tmp_path, entries, ["a", "never ran", "b", "c"], cache=None)
    assert list(read_lock(tmp_path).entries) == ["a", "b", "c", "old"]


def test_digests_of_another_algorithm_say_so(tmp_path: Path) -> None:
    record = PREPARE._replace(algorithm="blake3")
    assert "blake3: 2222" in write(tmp_path, [record])
    assert read(tmp_path) == {"prepare": (record,)}


def test_under_compat_an_entry_is_what_weasel_would_write(tmp_path: Path) -> None:
    command = Command("prepare", outputs=("corpus",), written=(("corpus", "corpus/"), ("scripts", "./scripts")))
    record = PREPARE._replace(weasel={"corpus": "c" * 32, "scripts": "d" * 32})
    entry = entry_of(record, command, compat=True)
    assert entry.data == {
        "cmd": "python -m weasel run prepare",
        "script": ["python prepare.py"],
        "deps": [{"path": "raw.csv", "md5": "0" * 32}, {"path": "./scripts", "md5": "d" * 32}],
        "outs": [{"path": "corpus/", "md5": "c" * 32}],
    }
    write_lock(tmp_path, {"prepare": entry}, ["prepare"], cache=None)
    assert read(tmp_path) == {"prepare": (record,)}


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
digests = st.sampled_from(["a" * 32, "b" * 32 + ".dir", "c" * 32])
pairs = st.dictionaries(texts, st.one_of(st.none(), digests), max_size=3).map(lambda found: tuple(found.items()))


@st.composite
def records(draw: st.DrawFn) -> Record:
    made = draw(st.lists(texts, max_size=4, unique=True))
    cut = draw(st.integers(0, len(made)))
    script = draw(st.lists(texts, max_size=3))
    return Record(
        run=draw(st.integers(1, MAX_COUNT - 1)),
        command=draw(texts.filter(lambda name: name != ".proj")),
        fingerprint=Fingerprint(
            script=tuple(script),
            args=tuple(draw(st.lists(texts, max_size=2))) if script else (),
            deps=draw(pairs),
            env=draw(pairs),
            shell=draw(st.one_of(st.just(False), texts)),
            workdir=draw(texts),
        ),
        outputs=tuple(RecordedOutput(path, draw(digests)) for path in made[:cut]),
        outputs_no_cache=tuple(RecordedOutput(path, draw(st.one_of(st.just(ABSENT), digests))) for path in made[cut:]),
        algorithm=draw(st.sampled_from(["md5", "blake3"])) if made else "md5",
        origin=draw(st.sampled_from([origin for origin in Origin if origin is not Origin.OTHER])),
    )


@settings(max_examples=50)
@given(st.lists(records(), max_size=3, unique_by=lambda record: record.command))
def test_any_records_survive_being_written_and_read_by_any_reader(
    tmp_path_factory: pytest.TempPathFactory, found: list[Record]
) -> None:
    root = tmp_path_factory.mktemp("lock")
    text = write(root, found)
    assert read(root) == {record.command: (record,) for record in found}
    assert yaml.safe_load(text) == srsly.yaml_loads(text) or not found


# -- blocks and their entries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("echo '# done' --fast 'a b'", "echo '# done'"),
        ("path: model", "path: other"),
        ("md5: '44444444444444444444444444444444'", "md5: '44444444444444444444444444444440'"),
        ("cmd: proj run train", "cmd: python -m weasel run train"),
        ("path: later", "path: later\n    size: 3"),
    ],
)
def test_a_block_counts_only_while_its_entry_is_unchanged(tmp_path: Path, old: str, new: str) -> None:
    text = write(tmp_path, [PREPARE, TRAIN])
    assert old in text
    (tmp_path / FILE).write_text(text.replace(old, new))
    assert read(tmp_path) == {"prepare": (PREPARE,), "train": (None,)}
    assert read_lock(tmp_path).entries["train"][0].is_mixed is ("weasel" not in new)


def test_the_order_of_keys_and_the_layout_of_an_entry_do_not_matter(tmp_path: Path) -> None:
    data = yaml.safe_load(write(tmp_path, [PREPARE, TRAIN]))
    data["train"] = dict(reversed(data["train"].items()))
    (tmp_path / FILE).write_text(yaml.safe_dump(data, default_flow_style=True, sort_keys=True, width=40))
    assert read(tmp_path) == {"prepare": (PREPARE,), "train": (TRAIN,)}


def test_a_block_without_its_entry_counts_for_nothing(tmp_path: Path) -> None:
    text = write(tmp_path, [PREPARE, TRAIN])
    (tmp_path / FILE).write_text(text[text.index("train:\n  cmd") :])
    assert read(tmp_path) == {"train": (TRAIN,)}


def test_what_weasel_wrote_is_an_entry_without_a_record(tmp_path: Path) -> None:
    text = """
    train:
      cmd: python -m weasel run train
      script:
        - python scripts/train.py --lr 0.1 --output training/model-best --verbose --epochs 10 --data
          corpus/train.json
      deps:
        - path: corpus/train.json
          md5: 99914b932bd37a50b983c5e7c90ae93b
      outs:
        - path: logs/train.log
          md5: null
      spacy_version: 3.0
    """
    (tmp_path / FILE).write_text(dedent(text))
    (entry,) = read_lock(tmp_path).entries["train"]
    assert entry.record() is None
    assert entry.data["script"][0].endswith("--epochs 10 --data corpus/train.json")
    assert entry.data["outs"] == [{"path": "logs/train.log", "md5": None}]
    write_lock(tmp_path, {"train": entry}, ["train"], cache=None)
    assert yaml.safe_load((tmp_path / FILE).read_text()) == yaml.safe_load(text), "what is not ours stays as it is"


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@given(st.sampled_from(["cmd", "script", "deps", "outs"]), anything)
def test_an_entry_of_any_shape_is_a_record_or_none(key: str, value: Any) -> None:
    entry = entry_of(TRAIN, None, compat=False)
    assert entry.block is not None
    data = {**entry.data, key: value}
    LockEntry("train", data, {**entry.block, "entry": entry_digest(data)}).record()


@given(
    st.sampled_from(["run", "origin", "args", "env", "shell", "workdir", "outputs_no_cache", "deps", "outs"]), anything
)
def test_a_block_of_any_shape_is_a_record_or_none(key: str, value: Any) -> None:
    entry = entry_of(TRAIN, None, compat=False)
    assert entry.block is not None
    LockEntry("train", entry.data, {**entry.block, key: value}).record()


# -- a lock that cannot be used ---------------------------------------------------------------------------------------


def test_no_lock_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path).entries == {}
    assert modified(tmp_path) is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "train: 5\nother: [1]\n.proj: broken\n"])
def test_values_that_are_not_entries_are_skipped(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    lock = read_lock(tmp_path)
    assert (lock.entries, lock.problem) == ({}, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"train:\n  cmd: a: b\n", "project.lock:2:9: this is not YAML: mapping values are not allowed"),
        (b"- a\n", "project.lock:1:1: a lock file is a mapping of commands"),
        (b"\xff\xff", "project.lock:1:1: this is not YAML in UTF-8"),
        (b"a: {}\na: {}\n", "project.lock:2:1: the key `a` occurs a second time"),
    ],
)
def test_a_broken_lock_says_where_and_counts_as_empty(tmp_path: Path, text: bytes, problem: str) -> None:
    (tmp_path / FILE).write_bytes(text)
    lock = read_lock(tmp_path)
    assert lock.entries == {}
    assert (lock.problem or "").startswith(problem)


def test_a_lock_cut_anywhere_is_read_or_counts_as_empty(tmp_path: Path) -> None:
    whole, records = write(tmp_path, [PREPARE, TRAIN]), {"prepare": PREPARE, "train": TRAIN}
    for end in range(0, len(whole), 7):
        (tmp_path / FILE).write_text(whole[:end])
        for name, entries in read_lock(tmp_path).entries.items():
            for entry in entries:
                record = entry.record()
                if record is not None:  # a block may be cut: what it ties to the entry is whole
                    assert record.fingerprint.deps == records[name].fingerprint.deps
                    assert set(record.all_outputs) == set(records[name].all_outputs)


def test_a_lock_that_cannot_be_used_is_kept_beside(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / FILE).write_text(f"broken {number}")
        assert keep_beside(tmp_path) == tmp_path / f"project.lock.broken-{number}"
    assert (tmp_path / "project.lock.broken-1").read_text() == "broken 1"


def test_a_lock_of_a_later_format_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(write(tmp_path, [PREPARE]).replace("format: 1", "format: 2"))
    with pytest.raises(BrokenState) as caught:
        read_lock(tmp_path)
    assert caught.value.message == "project.lock was written by a newer proj (format 2)"


# -- merges -----------------------------------------------------------------------------------------------------------


def merged(root: Path, base: list[Record], ours: list[Record], theirs: list[Record], *options: str) -> bool:
    """Merge two branches as git would; whether that went without a conflict."""
    for name, side in (("ours", ours), ("base", base), ("theirs", theirs)):
        (root / name).write_text(write(root, side))
    words = ["git", "merge-file", "-p", *options, "ours", "base", "theirs"]
    done = subprocess.run(words, cwd=root, capture_output=True, check=False)
    (root / FILE).write_bytes(done.stdout)
    return done.returncode == 0


def again(record: Record, run: int, digest: str) -> Record:
    """The record of a later run with other bytes as result."""
    return record._replace(run=run, outputs=(RecordedOutput(record.outputs[0].path, digest * 32),))


THREE = [again(PREPARE, 1, "0")._replace(command=name) for name in ("a", "b", "c")]


def test_changes_of_different_commands_merge_in_git(tmp_path: Path) -> None:
    ours, theirs = again(THREE[0], 2, "a"), again(THREE[2], 3, "c")
    assert merged(tmp_path, THREE, [ours, *THREE[1:]], [*THREE[:2], theirs])
    assert read(tmp_path) == {"a": (ours,), "b": (THREE[1],), "c": (theirs,)}


@pytest.mark.parametrize("options", [(), ("--diff3",), ("--zdiff3",)])
def test_conflict_markers_leave_the_entries_of_both_sides(tmp_path: Path, options: tuple[str, ...]) -> None:
    ours, theirs = again(THREE[1], 2, "a"), again(THREE[1], 3, "c")
    assert not merged(tmp_path, THREE, [THREE[0], ours, THREE[2]], [THREE[0], theirs, THREE[2]], *options)
    assert "<<<<<<<" in (tmp_path / FILE).read_text()
    assert read_lock(tmp_path).conflicted
    assert read(tmp_path) == {"a": (THREE[0],), "b": (ours, theirs), "c": (THREE[2],)}


def test_two_locks_that_began_apart_are_both_kept(tmp_path: Path) -> None:
    assert not merged(tmp_path, [], [PREPARE], [TRAIN])
    assert read(tmp_path) == {"prepare": (PREPARE,), "train": (TRAIN,)}


def test_crlf_in_a_conflict_does_not_matter(tmp_path: Path) -> None:
    ours, theirs = again(THREE[1], 2, "a"), again(THREE[1], 3, "c")
    merged(tmp_path, THREE, [ours], [theirs])
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes().replace(b"\n", b"\r\n"))
    assert read(tmp_path)["b"] == (ours, theirs)


def test_markers_inside_a_script_do_not_make_a_conflict(tmp_path: Path) -> None:
    record = PREPARE._replace(
        fingerprint=PREPARE.fingerprint._replace(script=("cat\n<<<<<<< a\n=======\n>>>>>>> b\n",))
    )
    write(tmp_path, [record])
    assert read(tmp_path) == {"prepare": (record,)}
    assert not read_lock(tmp_path).conflicted


# -- the cache --------------------------------------------------------------------------------------------------------


def test_what_the_cache_knows_is_what_stands_in_the_file(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    with_cache = write(tmp_path, [PREPARE, TRAIN], cache=cache)
    assert read(tmp_path, cache=cache) == read(tmp_path) == {"prepare": (PREPARE,), "train": (TRAIN,)}
    assert write(tmp_path, [PREPARE, TRAIN], cache=cache) == with_cache == write(tmp_path, [PREPARE, TRAIN])


def test_a_lock_that_changed_is_read_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    write(tmp_path, [PREPARE, TRAIN], cache=cache)
    write(tmp_path, [TRAIN])
    assert read(tmp_path, cache=cache) == {"train": (TRAIN,)}


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"digest": "DIGEST"}', '{"digest": "DIGEST", "sides": [1]}', "\0"])
def test_a_broken_cache_is_thrown_away(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    write(tmp_path, [PREPARE], cache=cache)
    digest = read_lock(tmp_path).digest or ""
    for kept in cache.iterdir():
        kept.write_text(damage.replace("DIGEST", digest))
    assert read(tmp_path, cache=cache) == {"prepare": (PREPARE,)}
    assert write(tmp_path, [PREPARE, TRAIN], cache=cache) == write(tmp_path, [PREPARE, TRAIN])


def test_a_replaced_lock_differs_from_the_one_that_was_read(tmp_path: Path) -> None:
    write(tmp_path, [PREPARE])
    before = modified(tmp_path)
    write(tmp_path, [PREPARE])
    assert modified(tmp_path) != before


def test_the_digest_that_ties_a_block_to_its_entry_is_of_its_data() -> None:
    assert entry_digest({"b": 1, "a": ["ä"]}) == entry_digest({"a": ["ä"], "b": 1})
    assert entry_digest({"a": ["ä", None]}) != entry_digest({"a": ["ä"]})
