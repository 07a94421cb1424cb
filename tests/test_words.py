"""Our texts use plain words. CONTRIBUTING.md has the glossary; tests/words.py has the rules."""

from __future__ import annotations

from pathlib import Path

import pytest
import words

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("module", words.modules(ROOT / "weaselish"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_uses_plain_words(module: Path) -> None:
    assert not list(map(str, words.in_python(module.read_text("utf-8"))))


@pytest.mark.parametrize("module", words.modules(ROOT / "tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_module_uses_plain_words(module: Path) -> None:
    if module.name != "words.py":
        assert not list(map(str, words.in_python(module.read_text("utf-8"), is_test=True)))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    assert not list(map(str, words.in_markdown(page.read_text("utf-8"))))


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ('"""What is no whole record is passed over."""', "is no whole"),
        ("# whoever asks gets it", "whoever"),
        ('def f():\n    """The step that runs."""', "The step that runs."),
        ('raise ValueError("the maker is gone")', "maker"),
        ('"""' + "word " * 40 + '."""', "word word"),
    ],
)
def test_the_rules_find_what_they_forbid(source: str, finding: str) -> None:
    assert any(finding in one.text for one in words.in_python(source))
