"""Amounts as project.yml and Kubernetes write them."""

from __future__ import annotations

import pytest

from weaselish.model.resources import read_bytes, read_cpus, shown_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1024, 1024),
        ("8GiB", 8 << 30),
        ("8Gi", 8 << 30),
        ("62Mi", 62 << 20),
        ("1.5 GiB", 3 << 29),
        ("500MB", 500_000_000),
        ("500M", 500_000_000),
        ("8gib", 8 << 30),
        ("2k", 2000),
        ("0", 0),
        ("GiB", None),
        ("8 GiBs", None),
        ("-1", None),
        ("1e9", None),
        ("", None),
        ("٣", None),
    ],
)
def test_bytes(text: object, size: int | None) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "cpus"), [(4, 4.0), ("0.5", 0.5), ("100m", 0.1), ("4000m", 4.0), ("4 GiB", None), ("x", None), ("", None)]
)
def test_cpus(text: object, cpus: float | None) -> None:
    assert read_cpus(text) == cpus


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1 << 30, "1 GiB"), (3 << 29, "1.5 GiB"), (50_000_000, "47.7 MiB")]
)
def test_bytes_are_shown_in_a_readable_unit(size: int, text: str) -> None:
    assert shown_bytes(size) == text
