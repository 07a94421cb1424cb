"""A plan as a Mermaid diagram: what `proj graph --mermaid` prints and `proj document` puts into a README."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from weaselish.plan.graph import Plan


def edges(plan: Plan) -> Iterator[tuple[str, str]]:
    """(maker, step): which step makes a dep of which. Mere order is not shown."""
    for step in plan.steps:
        for maker in plan.producers[step]:
            yield maker, step


def as_mermaid(plan: Plan, *, stale: Collection[str] = ()) -> Iterator[str]:
    """The lines of the diagram, `stale` steps dashed.

    Steps are numbered: their names may hold what Mermaid would read.
    """
    numbers = {step: f"s{number}" for number, step in enumerate(plan.steps)}
    yield "flowchart LR"
    for step in plan.steps:
        yield f'  {numbers[step]}["{_escaped(step)}"]{":::stale" if step in stale else ""}'
    for maker, step in edges(plan):
        yield f"  {numbers[maker]} --> {numbers[step]}"
    if stale:
        yield "  classDef stale stroke-dasharray: 4"


def _escaped(name: str) -> str:
    text = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("`", "&#96;")  # three of them would end the block of code that holds the diagram
