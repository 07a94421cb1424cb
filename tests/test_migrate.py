"""docs/migrate.md names each of Weasel's defects once, in order."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parent.parent / "docs" / "migrate.md").read_text("utf-8")


def test_every_defect_has_its_line() -> None:
    listed = re.findall(r"^\| (D\d\d\w?) \|", TEXT, re.MULTILINE)
    assert listed == sorted({*(f"D{number:02}" for number in range(1, 61)), "D03b", "D06b", "D17b"})


def test_every_row_of_a_table_is_whole() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block
