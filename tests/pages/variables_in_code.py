"""Finds names of environment variables in the source of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pages.blocks import ROOT

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_WORD = re.compile(r"[A-Z][A-Z0-9]+")


def names_in_code() -> set[str]:
    """Return the texts that look like `PROJ_JOBS`, and what is read from something called `environ`."""
    found: set[str] = set()
    for file in (ROOT / "weaselish").rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
                found.add(node.value)
            found.update(_read(node))
    return found


def _read(node: ast.AST) -> Iterator[str]:
    """Yield the name in `environ["X"]`, `environ.get("X")` or `"X" in environ`."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if _is_environ(value):
            yield name
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop"), args=[ast.Constant(value=str(name)), *_]):
            if _is_environ(value) and _WORD.fullmatch(name):
                yield name
        case ast.Compare(left=ast.Constant(value=str(name)), comparators=[value]) if _is_environ(value):
            yield name


def _is_environ(node: ast.expr) -> bool:
    return ast.unparse(node).endswith("environ")
