"""The likely causes of a missing path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weaselish.cancel import Cancel
from weaselish.files.missing import missing_cause

from .samples import write


def cause(root: Path, path: str) -> str | None:
    return missing_cause(root, path, Cancel())


@contextmanager
def as_another_user(*, directory: Path) -> Iterator[None]:
    """Do without the permissions of root, and without those on a directory."""
    directory.chmod(0o000)
    is_root = os.geteuid() == 0
    if is_root:
        for parent in list(directory.parents)[:-2]:
            parent.chmod(parent.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        directory.chmod(0o755)


@pytest.mark.parametrize("path", ["d/secret/raw.csv", "d/secret", "d/secret/deep/raw.csv"])
def test_an_unreadable_directory_on_the_way(root: Path, path: str) -> None:
    write(root / "d/secret/raw.csv")
    with as_another_user(directory=root / "d/secret"):
        found = cause(root, path)
    assert found == (None if path == "d/secret" else "the directory `d/secret` cannot be read: Permission denied")


def test_an_unreadable_directory_below_a_glob(root: Path) -> None:
    write(root / "d/secret/raw.csv")
    with as_another_user(directory=root / "d/secret"):
        assert cause(root, "d/**/*.csv") == "the directory `d/secret` cannot be read"
        assert cause(root, "d/secret/*.csv") == "the directory `d/secret` cannot be read"


@pytest.mark.parametrize(
    ("existing", "path", "expected"),
    [
        ("data/raw.csv", "data\\raw.csv", "`data/raw.csv` exists: write `/` between names"),
        ("data/Raw.csv", "data/raw.csv", "`data/Raw.csv` exists: upper and lower case differ"),
        ("Data/raw.csv", "data/raw.csv", "`Data` exists: upper and lower case differ"),
        ("data/e\u0301.csv", "data/é.csv", "another Unicode normal form"),
        ("data", "data/raw.csv", "`data` is a file, not a directory"),
        ("data/x/raw.csv", "data/raw.csv", None),
        ("data/x", "nowhere/raw.csv", None),
        ("data/x", "data/*.csv", None),
        ("Data/x.csv", "data/*.csv", "`Data` exists: upper and lower case differ"),
    ],
)
def test_a_similar_path_that_exists(root: Path, existing: str, path: str, expected: str | None) -> None:
    write(root / existing)
    found = cause(root, path)
    assert found == expected or (expected is not None and found is not None and expected in found)


@pytest.mark.parametrize("path", ["link", "link/raw.csv"])
def test_a_link_that_leads_nowhere(root: Path, path: str) -> None:
    (root / "link").symlink_to("/unmounted/disk")
    assert cause(root, path) == "`link` is a link to `/unmounted/disk`, which does not exist or cannot be read"


def test_a_path_outside_the_project(root: Path) -> None:
    write(root / "../Shared/x")
    assert cause(root, "../shared/x") == "`../Shared` exists: upper and lower case differ"
    assert cause(root, str(root.parent / "shared/x")) == f"`{root.parent}/Shared` exists: upper and lower case differ"
