"""`proj graph`: the steps and what they wait for, as a text tree, for Graphviz or for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    from weaselish.plan.mermaid import as_mermaid

    names, directory = names_and_directory(call.words)
    workspace = open_workspace(call, directory)
    plan = plan_for(workspace, names or list(workspace.project.commands), lenient=True)
    states = {item.step: item for item in preview(workspace, plan)}
    workspace.save()
    if dot:
        lines = as_dot(plan, states)
    elif mermaid:
        lines = iter(as_mermaid(plan, stale=[step for step in plan.steps if not states[step].is_up_to_date]))
    else:
        lines = as_text(plan, states)
    show("\n".join(map(printable, lines)))
    return 0


def as_text(plan: Plan, states: Mapping[str, Preview]) -> Iterator[str]:
    """Yield the lines of a tree of steps, with the reasons of those that would run."""
    import networkx as nx

    from weaselish.plan.mermaid import edges

    drawn: nx.DiGraph[str] = nx.DiGraph()
    for step in plan.steps:
        mark = "·" if states[step].is_up_to_date else "○"
        why = "" if states[step].is_up_to_date else f"  {in_short(states[step].reasons)}"
        drawn.add_node(step, label=printable(f"{mark} {step}{why}"))
    drawn.add_edges_from(edges(plan))
    yield from nx.generate_network_text(drawn, with_labels=True)
    yield ""
    yield "· up to date   ○ would run"


def as_dot(plan: Plan, states: Mapping[str, Preview]) -> Iterator[str]:
    """Yield the lines of a graph for Graphviz."""
    from weaselish.plan.mermaid import edges

    yield "digraph project {"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for step in plan.steps:
        style = "solid" if states[step].is_up_to_date else "dashed"
        yield f'  {_quoted(step)} [style="rounded,{style}"];'
    for producer, step in edges(plan):
        yield f"  {_quoted(producer)} -> {_quoted(step)};"
    yield "}"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
