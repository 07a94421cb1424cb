"""docs/architecture.md and CONTRIBUTING.md name files that exist, and every layer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_layers import LEVELS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", PAGE[PAGE.index("## Where is") :], re.MULTILINE)
NAMED = re.findall(r"`([a-z_]+(?:/[a-z0-9_]+)*(?:\.py|/))`", PAGE)


def test_the_table_has_many_answers() -> None:
    assert len(ROWS) >= 30


@pytest.mark.parametrize(("question", "path"), ROWS, ids=[question for question, _ in ROWS])
def test_every_answer_is_a_file(question: str, path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", sorted(set(NAMED)))
def test_every_file_named_in_the_text_exists(path: str) -> None:
    assert any((base / path).exists() for base in (ROOT / "weaselish", ROOT, ROOT / "weaselish" / "engine"))


@pytest.mark.parametrize("layer", sorted(LEVELS.keys() - {"__main__"}))
def test_every_layer_is_described(layer: str) -> None:
    assert f"`{layer}`" in PAGE or f"`{layer}.py`" in PAGE


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for path in re.findall(r"`((?:tests|docs|weaselish)/[a-zA-Z0-9_./-]+)`", text):
        assert (ROOT / path).exists(), path
