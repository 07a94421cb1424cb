"""No mutant of any file makes `proj` crash, hang, or end with a code other than 0, 1 and 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.world import run

MUTANTS = 60  # per part; `make soak` tries thousands


@pytest.mark.parametrize("part", range(4))
def test_mutants_of_every_file_are_refused_or_read(tmp_path: Path, part: int) -> None:
    seeds = range(part * 1_000_000, part * 1_000_000 + MUTANTS)
    faults = run(tmp_path, seeds, 3, lambda count, found: None)
    assert not faults, "\n\n".join(f"{fault.mutant}\n`proj {' '.join(fault.words)}`\n{fault.what}" for fault in faults)
