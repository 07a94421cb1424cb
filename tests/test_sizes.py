"""Modules and functions stay small enough to read."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "weaselish"
MODULES = sorted(PACKAGE.rglob("*.py"))


def function_lengths() -> dict[str, int]:
    """Return the lines of every function, by `file:line name`."""
    return {
        f"{module.relative_to(PACKAGE)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def test_no_module_has_more_than_300_lines() -> None:
    lengths = {str(module.relative_to(PACKAGE)): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_no_function_has_more_than_60_lines() -> None:
    assert not {name: length for name, length in function_lengths().items() if length > 60}


def test_half_of_all_functions_have_at_most_7_lines() -> None:
    assert statistics.median(function_lengths().values()) <= 7
