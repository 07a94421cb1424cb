"""Imports point down only, the middle siblings never meet, and the pure layers do no I/O."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "weaselish"

LEVELS = {
    "named_tuple": -3,
    "resolved_secrets": -2,
    "terminal": -1,
    "durations": -1,
    "sizes": -1,
    "output_lines": 0,
    "errors": 0,
    "limits": 0,
    "cancel": 1,
    "model": 2,
    "plan": 3,
    "files": 4,
    "interpreter": 4,
    "locks": 5,
    "archive": 5,
    "connections": 6,
    "records": 6,
    "sources": 6,
    "compat": 5,
    "load": 7,
    "workspace": 8,
    "stores": 8,
    "executors": 8,
    "engine": 9,
    "graphs": 10,
    "api": 11,
    "serve": 12,
    "cli": 13,
    "__main__": 14,
}
PURE = ("model", "plan")
NO_IO = {"os", "io", "pathlib", "time", "subprocess", "threading", "yaml", "typer", "tempfile", "shutil", "socket"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(module: Path) -> list[str]:
    """Every module that is imported anywhere in the file, `from x import y` as `x.y`."""
    found = []
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_module_imports_only_from_layers_below(module: Path) -> None:
    layer = layer_of(module)
    if layer == "__init__":
        return
    for name in imports(module):
        if not name.startswith("weaselish."):
            continue
        other = name.split(".")[1]
        if other in (layer, "__version__"):
            continue
        assert LEVELS[other] < LEVELS[layer], f"{module.name} imports {name}"
        if layer == "engine" and other in ("stores", "executors"):
            assert name.split(".")[2] in ("base", "stop"), f"the engine sees {other} only through base, not {name}"


@pytest.mark.parametrize(
    "module", [module for module in MODULES if layer_of(module) in PURE], ids=lambda m: str(m.relative_to(PACKAGE))
)
def test_a_pure_layer_does_no_io(module: Path) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & NO_IO


def test_every_module_belongs_to_a_layer() -> None:
    assert {layer_of(module) for module in MODULES} - {"__init__"} <= LEVELS.keys()
