"""`proj graph`: the steps and what they wait for, as a text tree, for Graphviz or for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import show
from weaselish.cli.opening import open_project, show_note
from weaselish.cli.subcommand import NAMES, Call, Option, Subcommand
from weaselish.errors import in_short
from weaselish.terminal import printable

if TYPE_CHECKING:
    from weaselish.engine.status import Graph, StepStatus


def graph(call: Call, *, dot: bool, mermaid: bool) -> int:
    """Print the graph of the targets, or of all commands."""
    from weaselish.plan.export import as_dot, as_mermaid

    names, directory = names_and_directory(call.words)
    drawn = open_project(call, directory).graph(*names, on_event=show_note, cancel=call.cancel)
    stale = [step.step for step in drawn.steps if step.reasons]
    if dot:
        lines = as_dot(drawn.plan, stale=stale)
    elif mermaid:
        lines = as_mermaid(drawn.plan, stale=stale)
    else:
        lines = _as_tree(drawn)
    show("\n".join(map(printable, lines)))
    return 0


def _as_tree(drawn: Graph) -> Iterator[str]:
    """Yield the lines of a tree of steps, with the reasons of those that would run."""
    from weaselish.engine.status import Status
    from weaselish.plan.export import as_text

    yield from as_text(drawn.plan, {step.step: printable(_label(step)) for step in drawn.steps})
    yield ""
    has_unrecorded = any(step.status is Status.UNRECORDED for step in drawn.steps)
    yield "· up to date   ○ would run" + ("   ◇ unrecorded" if has_unrecorded else "")


def _label(step: StepStatus) -> str:
    from weaselish.engine.status import Status

    if step.status is Status.UNRECORDED:
        return f"◇ {step.step}"
    return f"○ {step.step}  {in_short(step.reasons)}" if step.reasons else f"· {step.step}"


SUBCOMMANDS = (
    Subcommand(
        "graph",
        graph,
        "Show which step depends on which, and which are up to date.",
        (
            Option("dot", ("--dot",), "Print it for Graphviz."),
            Option("mermaid", ("--mermaid",), "Print it for Mermaid."),
        ),
        arguments=NAMES,
        examples=("proj graph", "proj graph train --dot | dot -Tsvg > graph.svg"),
    ),
)
