"""What a drawing has boxes for: single steps, and the steps of one matrix together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from weaselish.engine.picture import DrawnStep, Picture
from weaselish.engine.status import Status
from weaselish.named_tuple import NamedTuple

_WORST_FIRST = (
    Status.FAILED,
    Status.INTERRUPTED,
    Status.UNKNOWN,
    Status.UNCHECKED,
    Status.OUT_OF_DATE,
    Status.NEVER_RAN,
    Status.UNRECORDED,
    Status.ALWAYS_RUNS,
    Status.UP_TO_DATE,
)


class Node(NamedTuple):
    """One box. A step of a matrix is shown by what its name adds to that of the command."""

    name: str
    steps: tuple[DrawnStep, ...]

    @property
    def is_group(self) -> bool:
        return len(self.steps) > 1

    @property
    def counts(self) -> tuple[tuple[Status, int], ...]:
        """How many steps have each status, the worst first."""
        found = Counter(step.status for step in self.steps)
        return tuple((status, found[status]) for status in _WORST_FIRST if found[status])


class Nodes(NamedTuple):
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]  # names of nodes
    node_of: dict[str, str]  # step -> name of its node


def nodes_of(picture: Picture) -> Nodes:
    """Return the boxes of a picture. A matrix whose steps depend on each other, in a detour or not, gets no box."""
    groups = _without_cycles(picture)
    members: dict[str, list[DrawnStep]] = {}
    for step in picture.steps:
        group = step.group if step.group in groups else None
        members.setdefault(_node_name(step, group), []).append(step)
    node_of = {str(step.step): name for name, steps in members.items() for step in steps}
    edges = dict.fromkeys((node_of[source], node_of[target]) for source, target in picture.edges)
    nodes = tuple(Node(_shown_name(steps), tuple(steps)) for steps in members.values())
    names = dict(zip(members, (node.name for node in nodes), strict=True))
    return Nodes(
        nodes,
        tuple((names[source], names[target]) for source, target in edges),
        {step: names[name] for step, name in node_of.items()},
    )


def count_statuses(steps: Sequence[DrawnStep]) -> tuple[tuple[Status, int], ...]:
    """Return how many steps have each status, the worst first."""
    return Node("", tuple(steps)).counts


def short_name(step: DrawnStep) -> str:
    """Return what the name of a step of a matrix adds to the command's."""
    return step.step.removeprefix(f"{step.group}@") if step.group else step.step


def _node_name(step: DrawnStep, group: str | None) -> str:
    return f"group {group}" if group is not None else f"step {step.step}"


def _shown_name(steps: Sequence[DrawnStep]) -> str:
    return f"{steps[0].group} ×{len(steps)}" if len(steps) > 1 else steps[0].step


def _without_cycles(picture: Picture) -> set[str]:
    """Return the groups that can be one box each without a cycle between boxes."""
    import networkx as nx

    group_of = {step.step: step.group for step in picture.steps}
    box_of = {step.step: _node_name(step, step.group) for step in picture.steps}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(box_of.values())
    graph.add_edges_from((box_of[source], box_of[target]) for source, target in picture.edges)
    cyclic = {box for part in nx.strongly_connected_components(graph) if len(part) > 1 for box in part}
    cyclic |= {box for box in graph if graph.has_edge(box, box)}
    return set(_groups(group for step, group in group_of.items() if box_of[step] not in cyclic))


def _groups(found: Iterator[str | None]) -> Iterator[str]:
    return (group for group in found if group is not None)
