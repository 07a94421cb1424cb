"""`proj graph`: the steps and what they wait for, as a text tree, for Graphviz or for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import show
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import NAMES_HELP, Call, Option, Subcommand
from weaselish.errors import in_short
from weaselish.terminal import printable

if TYPE_CHECKING:
    from weaselish.engine.run.planning import Preview
    from weaselish.plan.graph import Plan


def graph(call: Call, *, dot: bool, mermaid: bool) -> int:
    """Print the graph of the targets, or of all commands."""
    from weaselish.engine.run.planning import plan_for, preview
    from weaselish.plan.export import as_dot, as_mermaid

    names, directory = names_and_directory(call.words)
    workspace = open_workspace(call, directory)
    plan = plan_for(workspace, names or list(workspace.project.commands), lenient=True)
    previews = preview(workspace, plan)
    workspace.save()
    stale = [item.step for item in previews if not item.is_up_to_date]
    if dot:
        lines = as_dot(plan, stale=stale)
    elif mermaid:
        lines = as_mermaid(plan, stale=stale)
    else:
        lines = as_tree(plan, previews)
    show("\n".join(map(printable, lines)))
    return 0


def as_tree(plan: Plan, previews: Sequence[Preview]) -> Iterator[str]:
    """Yield the lines of a tree of steps, with the reasons of those that would run."""
    from weaselish.plan.export import as_text

    yield from as_text(plan, {item.step: printable(_label(item)) for item in previews})
    yield ""
    yield "· up to date   ○ would run"


def _label(item: Preview) -> str:
    return f"· {item.step}" if item.is_up_to_date else f"○ {item.step}  {in_short(item.reasons)}"


SUBCOMMANDS = (
    Subcommand(
        "graph",
        graph,
        "Show which step depends on which, and which are up to date.",
        (
            Option("dot", ("--dot",), "Print it for Graphviz."),
            Option("mermaid", ("--mermaid",), "Print it for Mermaid."),
        ),
        usage="[NAME]... [DIR]",
        words_help=NAMES_HELP,
        most_words=None,
        examples=("proj graph", "proj graph train --dot | dot -Tsvg > graph.svg"),
    ),
)
