"""`proj graph`: the steps and what they wait for, as a text tree, for Graphviz or for Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weaselish.engine.run.planning import Preview, plan_for, preview
from weaselish.errors import in_short
from weaselish.plan.graph import Plan
from weaselish.plan.mermaid import as_mermaid, edges
from weaselish.workspace import Workspace


def show_graph(workspace: Workspace, targets: Sequence[str], *, form: str) -> int:
    """`form`: text, dot or mermaid."""
    plan = plan_for(workspace, targets or list(workspace.project.commands), lenient=True)
    states = {item.step: item for item in preview(workspace, plan)}
    workspace.save()
    lines = {"text": as_text, "dot": as_dot, "mermaid": _as_mermaid}[form](plan, states)
    print("\n".join(lines))
    return 0


def as_text(plan: Plan, states: dict[str, Preview]) -> Iterator[str]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    for step in plan.steps:
        mark = "·" if states[step].is_up_to_date else "○"
        why = "" if states[step].is_up_to_date else f"  {in_short(states[step].reasons)}"
        graph.add_node(step, label=f"{mark} {step}{why}")
    graph.add_edges_from(edges(plan))
    yield from nx.generate_network_text(graph, with_labels=True)
    yield ""
    yield "· up to date   ○ would run"


def as_dot(plan: Plan, states: dict[str, Preview]) -> Iterator[str]:
    yield "digraph project {"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for step in plan.steps:
        style = "solid" if states[step].is_up_to_date else "dashed"
        yield f'  {_quoted(step)} [style="rounded,{style}"];'
    for maker, step in edges(plan):
        yield f"  {_quoted(maker)} -> {_quoted(step)};"
    yield "}"


def _as_mermaid(plan: Plan, states: dict[str, Preview]) -> Iterator[str]:
    return as_mermaid(plan, stale=[step for step in plan.steps if not states[step].is_up_to_date])


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
