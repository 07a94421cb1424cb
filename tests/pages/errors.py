"""Writes docs/errors.md: what each error means and how to mend it, from the docstrings, with real output of each."""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness import ProjectDir

from pages.blocks import ROOT
from pages.dashboard_errors import ANSWERED, Answered
from pages.error_cases import CASES, Case
from pages.markdown import anchor, generated, table
from pages.message_cases import MESSAGES
from weaselish.errors import ProjError

_ABOUT = """\
`proj` prints an error as one message, with its place in project.yml if it has one. A line `hint:` says how to mend it.
With `--json`, the error is a document: `{"error": {"message": …, "hint": …, "exit_code": …}}`. From Python it is an
exception, a subclass of `weaselish.errors.ProjError` with `message`, `hint` and `exit_code`.

Each entry shows what `proj` printed when the error was provoked for this page."""
_ABOUT_MESSAGES = """\
These belong to no class of their own. Search this page for the part of the message that does not change."""
_ABOUT_OTHERS = """\
These depend on a disk, a cluster or the timing, and cannot be provoked here. The repository has tests of each."""
_SECTIONS = {  # title -> the part of the package that defines the classes
    "The command line, the project and general errors": ("errors", "plan"),
    "Files and locks": ("files", "locks"),
    "Remotes": ("stores", "archive", "connections"),
    "Assets and artifacts": ("sources", "engine"),
    "Executors": ("executors",),
    "The dashboard": ("serve",),
}


class Explained(NamedTuple):
    """The docstring of an error's class. Without a cure, `proj` itself catches the error."""

    name: str
    module: str
    exit_code: int
    meaning: str
    cure: str


def classes() -> list[type[ProjError]]:
    """Return every public class of an error, in the order of modules and of definition."""
    order: list[tuple[str, str]] = []
    for file in sorted((ROOT / "weaselish").rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if defined := re.findall(r"^class (\w+)\(", file.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(module)
            order += [(module, name) for name in defined]
    found = {(one.__module__, one.__name__): one for one in _below(ProjError)}
    return [found[place] for place in order if place in found and not place[1].startswith("_")]


def _below(parent: type[ProjError]) -> Iterator[type[ProjError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def explained(error: type[ProjError]) -> Explained:
    """Return what the docstring of a class says, each paragraph in one line."""
    meaning, _, cure = " ".join((error.__doc__ or "").split()).partition(" Cure: ")
    return Explained(error.__name__, error.__module__.split(".")[1], error.exit_code, meaning, cure)


def errors() -> str:
    """Return the page about errors."""
    every = [explained(error) for error in classes()]
    shown = provoked()
    parts = [generated("the docstrings of the classes"), "# Errors", _ABOUT, "## Common messages", _ABOUT_MESSAGES]
    for message in MESSAGES:
        parts += [f"### {message.title}", message.cause, f"*Cure*: {message.cure}", _provoked(message.case).text]
    for title, modules in _SECTIONS.items():
        parts.append(f"## {title}")
        for one in every:
            if one.module in modules and one.name in shown:
                parts += [f"### {one.name}", f"{one.meaning} Exit code {one.exit_code}.", f"*Cure*: {one.cure}"]
                parts.append(shown[one.name].text)
    rows = [(f"`{one.name}`", _sentences(one), str(one.exit_code)) for one in every if one.name not in shown]
    parts += ["## Rare ones", _ABOUT_OTHERS, table(("error", "what it means", "exit code"), rows)]
    return "\n\n".join(parts) + "\n"


def by_exit_code(code: int) -> Iterator[str]:
    """Yield links to the errors with an exit code."""
    shown = {case.error for case in (*CASES, *ANSWERED)}
    for one in map(explained, classes()):
        if one.exit_code == code:
            yield f"[{one.name}](errors.md#{anchor(one.name if one.name in shown else 'Rare ones')})"


def _sentences(one: Explained) -> str:
    return f"{one.meaning} *Cure*: {one.cure}" if one.cure else one.meaning


class Provoked(NamedTuple):
    """What an error shows, as Markdown, and the names of the classes that were raised."""

    text: str
    raised: frozenset[str]


@cache
def provoked() -> dict[str, Provoked]:
    """Provoke each error that can be; return what it shows, by class."""
    return {case.error: _provoked(case) for case in (*CASES, *ANSWERED)}


def _provoked(case: Case | Answered) -> Provoked:
    with _noting() as raised:
        if isinstance(case, Answered):
            text = f"For example {case.request}:\n\n```text\n{case.run()}\n```"
        else:
            with tempfile.TemporaryDirectory() as scratch:
                output = case.run(ProjectDir(Path(scratch) / "demo", Path(scratch) / "scratch"))
            words = " ".join(f"'{word}'" if "*" in word else word for word in case.command.split())
            text = f"```text\n$ proj {words}\n{output}```"
    return Provoked(text, frozenset(raised))


@contextmanager
def _noting() -> Iterator[set[str]]:
    """Note the class of each error that the block creates, also of those that are caught."""
    raised: set[str] = set()
    initialize = ProjError.__init__

    def noting(self: ProjError, message: str, *, hint: str | None = None) -> None:
        raised.add(type(self).__name__)
        initialize(self, message, hint=hint)

    ProjError.__init__ = noting  # type: ignore[method-assign]
    try:
        yield raised
    finally:
        ProjError.__init__ = initialize  # type: ignore[method-assign]
