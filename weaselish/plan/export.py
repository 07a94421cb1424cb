"""A plan for Graphviz and Mermaid; and its critical path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from weaselish.plan.edges import StepLinks
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Step

_MOMENT = 1e-9  # seconds, so that of chains that take equally long the longer one counts


class Drawable(Protocol):
    """A plan, or one with the steps of each matrix as one."""

    @property
    def steps(self) -> tuple[Step, ...]: ...

    @property
    def producers(self) -> StepLinks: ...


def critical_path(plan: Plan, seconds: Mapping[str, float]) -> tuple[Step, ...]:
    """Return the chain of waiting steps that takes longest: no number of jobs makes the run shorter than it.

    `seconds` is how long each step takes; a step without an entry takes no time.
    """
    import networkx as nx

    graph: nx.DiGraph[Step] = nx.DiGraph()
    start = Step("")
    for step in plan.steps:
        for before in plan.waits_for[step] or (start,):
            graph.add_edge(before, step, weight=seconds.get(step, 0.0) + _MOMENT)
    return tuple(nx.dag_longest_path(graph)[1:])


def as_dot(plan: Drawable, *, stale: Collection[str]) -> Iterator[str]:
    """Yield the lines of a Graphviz file, `stale` steps dashed."""
    yield "digraph project {"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for step in plan.steps:
        yield f'  {_dot_name(step)} [style="rounded,{"dashed" if step in stale else "solid"}"];'
    for producer, step in produces(plan):
        yield f"  {_dot_name(producer)} -> {_dot_name(step)};"
    yield "}"


def as_mermaid(plan: Drawable, *, stale: Collection[str] = ()) -> Iterator[str]:
    """Yield the lines of a Mermaid diagram, `stale` steps dashed.

    Nodes are numbered, because a name may contain Mermaid's own syntax.
    """
    numbers = {step: f"s{number}" for number, step in enumerate(plan.steps)}
    yield "flowchart LR"
    for step in plan.steps:
        yield f'  {numbers[step]}["{_mermaid_text(step)}"]{":::stale" if step in stale else ""}'
    for producer, step in produces(plan):
        yield f"  {numbers[producer]} --> {numbers[step]}"
    if stale:
        yield "  classDef stale stroke-dasharray: 4"


def produces(plan: Drawable) -> Iterator[tuple[Step, Step]]:
    """Yield (producer, consumer) in the consumers' order. Mere order is not in it."""
    for step in plan.steps:
        for producer in plan.producers[step]:
            yield producer, step


def _dot_name(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid_text(name: str) -> str:
    text = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("`", "&#96;")  # three of them would end the block of code around the diagram
