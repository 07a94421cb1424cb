"""Order workflows by containment, and list their steps, in bounded time whatever they contain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

MOST_STEPS = 50_000  # of one workflow, with those of the workflows in it

Workflows = Mapping[str, tuple[str, ...]]
Named = Callable[[str], tuple[str, ...]]  # a step that is not a workflow -> the commands that it stands for


def steps_of(workflows: Workflows, name: str, named: Named) -> tuple[str, ...]:
    """Return the commands of a workflow in listed order, those of workflows in it at their position.

    A workflow inside itself is left out. The list ends after MOST_STEPS + 1 steps.
    """
    order, _ = contained_first(workflows, [name])
    steps: dict[str, list[str]] = {}
    for workflow in order:
        listed: list[str] = []
        for step in workflows[workflow]:
            listed.extend(steps.get(step, ()) if step in workflows else named(step))
            del listed[MOST_STEPS + 1 :]
        steps[workflow] = listed
    return tuple(steps[name])


def count_steps(workflows: Workflows, named: Named) -> dict[str, int]:
    """Return the number of steps of each workflow."""
    counts: dict[str, int] = {}
    for workflow in contained_first(workflows, workflows)[0]:
        counts[workflow] = sum(
            counts.get(step, 0) if step in workflows else len(named(step)) for step in workflows[workflow]
        )
    return counts


def contained_first(workflows: Workflows, names: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    """Return `names` and the workflows in them, each after those that it contains; and the circles among them.

    A circle is a path from a workflow to itself. Without recursion: chains may be thousands of workflows long.
    """

    def contained(name: str) -> Iterator[str]:
        return iter([step for step in workflows[name] if step in workflows])

    order: dict[str, None] = {}
    circles: list[list[str]] = []
    for start in names:
        open_workflows = {start: contained(start)} if start not in order else {}
        while open_workflows:
            name, steps = next(reversed(open_workflows.items()))
            step = next(steps, None)
            if step is None:
                del open_workflows[name]
                order[name] = None
            elif step in open_workflows:
                path = list(open_workflows)
                circles.append([*path[path.index(step) :], step])
            elif step not in order:
                open_workflows[step] = contained(step)
    return list(order), circles
