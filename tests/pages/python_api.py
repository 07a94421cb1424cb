"""Writes docs/python.md: what `weaselish` offers to Python, from signatures and docstrings."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pages.markdown import generated, table
from weaselish import Project, UserRemotes, project_assets, project_run
from weaselish.api.artifacts import Artifacts
from weaselish.api.snapshots import Snapshots

_ABOUT = """\
Everything that the command line can do, Python can do: in notebooks, scripts and tests.

```python
from weaselish import Project

project = Project.load("demo", overrides={"vars.epochs": "5"})
result = project.run("all", jobs=4)
print(result.exit_code, [(step.step, step.state.value) for step in result.results])
```

A project that cannot be used raises a subclass of `weaselish.errors.ProjError`: see [Errors](errors.md). `Project.load`
raises it at once, `Project("demo")` when a method needs project.yml. A script that fails raises nothing: the result
says so. `on_event` receives the [events](events.md). `cancel` is a `weaselish.cancel.Cancel`, whose `request()` ends
the work from another thread."""
_PARTS: tuple[tuple[str, type[Any], str], ...] = (  # title, class, how an instance is had
    ("Project", Project, "`from weaselish import Project`"),
    ("Artifacts", Artifacts, "`project.artifacts`"),
    ("Snapshots", Snapshots, "`project.snapshots`"),
    ("UserRemotes", UserRemotes, "`from weaselish import UserRemotes`"),
)
_FUNCTIONS = (project_run, project_assets)


def python_api() -> str:
    """Return the page about the interface for Python."""
    parts = [generated("the docstrings in `weaselish/api/`"), "# Python", _ABOUT]
    results: dict[str, type[Any]] = {}
    for title, owner, had in _PARTS:
        parts += [f"## {title}", f"{had}. {_text(owner)}"]
        if owner is Project:
            parts += [
                f"```text\n{_signature(title, owner.__init__).removesuffix(' -> None')}\n```",
                _text(owner.__init__),
            ]
        for kind in _groups(owner):
            if kind is not owner and any(_members(kind)):
                parts.append(_text(kind))
            for name, member in _members(kind):
                parts += [f"### {title}.{name}", *_member(name, member)]
                results |= dict(_results(kind, member))
    parts += ["## Functions for projects of Weasel", "`from weaselish import project_run, project_assets`."]
    for function in _FUNCTIONS:
        parts += [f"### {function.__name__}", *_member(function.__name__, function)]
    parts += ["## Results", "The types of results, with their fields. They are immutable."]
    for kind in tuple(results.values()):
        results = {**dict(_enums(kind)), **results}
    for name in sorted(results):
        parts += _result(name, results[name])
    return "\n\n".join(part for part in parts if part) + "\n"


def _groups(owner: type[Any]) -> list[type[Any]]:
    """Return the class and its bases, each a group of methods."""
    return [kind for kind in owner.__mro__ if kind.__module__.startswith("weaselish.api")]


def _members(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class defines itself."""
    for name, member in vars(kind).items():
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property)):
            yield name, member


def _member(name: str, member: Any) -> Iterator[str]:
    if isinstance(member, property):
        returns = _function(member).__annotations__.get("return", "")
        yield f"```text\n{name}: {returns}\n```"
    else:
        yield f"```text\n{_signature(name, _function(member))}\n```"
    yield _text(_function(member))


def _function(member: Any) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(member, "fget", None) or getattr(member, "__func__", member)
    return function


class _Bare(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _signature(name: str, function: Callable[..., Any]) -> str:
    """Return the signature, in one line if it is short, else with one parameter per line."""
    signature = inspect.signature(function)
    shown = [
        one.replace(annotation=_Bare(one.annotation), default=_default(one.default))
        for one in signature.parameters.values()
        if one.name not in ("self", "cls")
    ]
    returns = _Bare(signature.return_annotation)
    text = f"{name}{signature.replace(parameters=shown, return_annotation=returns)}"
    if len(text) <= 90:
        return text
    lines = [str(one) for one in shown]
    named = [number for number, one in enumerate(shown) if one.kind is one.KEYWORD_ONLY]
    if named and not any(one.kind is one.VAR_POSITIONAL for one in shown):
        lines.insert(named[0], "*")
    return "\n".join([f"{name}(", *(f"    {line}," for line in lines), f") -> {returns}"])


def _default(value: Any) -> Any:
    """Return a default in the form to show: a function by its name."""
    if inspect.isfunction(value):
        return _Bare("…" if value.__name__ == "<lambda>" else value.__name__)
    return value


def _text(documented: Any) -> str:
    """Return a docstring as paragraphs, each in one line."""
    paragraphs = inspect.cleandoc(documented.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@cache
def _imported(module: str) -> dict[str, str]:
    """Return the modules of the names that a module imports, also those that only type checkers import."""
    source = inspect.getsource(importlib.import_module(module))
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.name: str(node.module) for node in imports for name in node.names}


def _results(kind: type[Any], member: Any) -> Iterator[tuple[str, type[Any]]]:
    """Yield the types of the package that a method returns, by name."""
    for name, found in _types_in(kind.__module__, str(_function(member).__annotations__.get("return", ""))):
        if not issubclass(found, _owners()):
            yield name, found


def _enums(kind: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """Yield the enums of the package that are types of a result's fields, by name."""
    fields = inspect.get_annotations(kind).values()
    for name, found in _types_in(kind.__module__, " ".join(map(_annotation, fields))):
        if issubclass(found, enum.Enum):
            yield name, found


def _annotation(text: Any) -> str:
    return str(getattr(text, "__forward_arg__", text))


def _types_in(module: str, annotation: str) -> Iterator[tuple[str, type[Any]]]:
    """Yield the types of the package that an annotation in a module names, by name."""
    for name in re.findall(r"\b[A-Z]\w+", annotation):
        origin = _imported(module).get(name, module)
        found = getattr(importlib.import_module(origin), name, None)
        if origin.startswith("weaselish") and inspect.isclass(found):
            yield name, found


def _owners() -> tuple[type[Any], ...]:
    return tuple(owner for _, owner, _ in _PARTS)


def _result(name: str, kind: type[Any]) -> Iterator[str]:
    yield f"### {name}"
    if kind.__doc__ and not kind.__doc__.startswith(f"{name}("):
        yield _text(kind)
    if issubclass(kind, enum.Enum):
        yield "One of " + ", ".join(f"`{one.name}` ({one.value})" for one in kind) + "."
    annotations = {field: text for field, text in inspect.get_annotations(kind).items() if not field.startswith("_")}
    rows = [(f"`{field}`", f"`{_annotation(text)}`") for field, text in annotations.items()]
    if rows:
        yield table(("field", "type"), rows)
