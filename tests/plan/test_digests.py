"""Manifests of directories, and what happened between two of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.plan.digests import (
    ManifestEntry,
    differences,
    digest_bytes,
    is_tree,
    manifest,
    read_manifest,
    tree_digest,
)

ENTRIES = [
    ManifestEntry(b"b", "f", "1"),
    ManifestEntry(b"a b\n", "l", "2"),
    ManifestEntry(b"\xff/\xc3\xbc", "f", "3"),
    ManifestEntry(b"a", "d", "-"),
]

names = st.binary(min_size=1, max_size=4).filter(lambda name: b"\0" not in name)
entries = st.dictionaries(names, st.tuples(st.sampled_from("fld"), st.sampled_from(["1", "2", "-"])), max_size=6).map(
    lambda found: [ManifestEntry(path, kind, digest) for path, (kind, digest) in found.items()]  # type: ignore[arg-type]
)


def test_a_manifest_is_sorted_by_the_bytes_of_the_paths() -> None:
    assert manifest(ENTRIES) == b"d - a\0l 2 a b\n\0f 1 b\0f 3 \xff/\xc3\xbc\0"
    assert tree_digest(ENTRIES, "md5") == digest_bytes(manifest(ENTRIES), "md5") + ".dir"
    assert is_tree(tree_digest(ENTRIES, "md5")) and not is_tree(digest_bytes(b"", "md5"))


@given(entries)
def test_a_manifest_reads_back_as_what_it_was_made_of(found: list[ManifestEntry]) -> None:
    assert read_manifest(manifest(found)) == sorted(found)


@given(entries, entries)
def test_two_manifests_are_equal_only_if_their_entries_are(
    one: list[ManifestEntry], other: list[ManifestEntry]
) -> None:
    assert (manifest(one) == manifest(other)) == (sorted(one) == sorted(other))


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ("a=1 b=2", "a=1 b=3", "changed b"),
        ("a=1", "a=1 b=2", "new b"),
        ("a=1 b=2", "a=1", "gone b"),
        ("a=1", "b=1", "a renamed to b"),
        ("a=1 b=1", "c=1 d=1", "a renamed to c, b renamed to d"),
        ("a=1 b=1", "c=1", "a renamed to c, gone b"),
        ("a=1 b=2 c=3", "a=2 c=4 d=2 e=5 f=6", "changed a, changed c, b renamed to d and 2 more"),
        ("a=1", "a=1", ""),
    ],
)
def test_the_differences_of_two_manifests_are_described(then: str, now: str, told: str) -> None:
    def read(text: str) -> list[ManifestEntry]:
        return [
            ManifestEntry(name.encode(), "f", digest)
            for name, _, digest in (item.partition("=") for item in text.split())
        ]

    assert differences(read(then), read(now)) == told


@given(entries, entries)
def test_each_difference_is_listed_once(then: list[ManifestEntry], now: list[ManifestEntry]) -> None:
    found = Counter(line.split()[0] if "renamed to" not in line else "renamed" for line in _lines(then, now))
    old, new = {entry.path: entry[1:] for entry in then}, {entry.path: entry[1:] for entry in now}
    changed = sum(1 for path in old.keys() & new.keys() if old[path] != new[path])
    gone, added = (
        Counter(old[path] for path in old.keys() - new.keys()),
        Counter(new[path] for path in new.keys() - old.keys()),
    )
    renamed = (gone & added).total()
    assert (found["changed"], found["renamed"]) == (changed, renamed)
    assert (found["gone"], found["new"]) == (gone.total() - renamed, added.total() - renamed)


def _lines(then: list[ManifestEntry], now: list[ManifestEntry]) -> list[str]:
    """Return the listed differences. Paths are replaced by ones without commas and blanks."""

    def plain(found: list[ManifestEntry]) -> list[ManifestEntry]:
        return [ManifestEntry(entry.path.hex().encode(), entry.kind, entry.digest) for entry in found]

    told = differences(plain(then), plain(now), most=1000)
    return told.split(", ") if told else []


def test_ten_thousand_new_names_are_described_at_once() -> None:
    then = [ManifestEntry(b"a%d" % i, "f", str(i)) for i in range(10_000)]
    now = [ManifestEntry(b"b%d" % i, "f", str(-i - 1)) for i in range(10_000)]
    assert differences(then, now).endswith("and 19997 more")
