"""Read the workflows of project.yml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weaselish.errors import near_match
from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Command


def read_workflows(values: Values, commands: Mapping[str, Command]) -> dict[str, tuple[str, ...]]:
    """The workflows by name: their steps as listed."""
    workflows: dict[str, tuple[str, ...]] = {}
    for name, steps in values.mapping("workflows").items():
        if steps is None:
            continue
        if name in commands:
            values.problem(("workflows", name), f"a workflow and a command are both named `{name}`", key=True)
        workflows[name] = tuple(values.texts(("workflows", name), steps))
    for name, names in workflows.items():
        _check_steps(values, name, names, commands, workflows)
    for circle in _circles({name: names for name, names in workflows.items() if name not in commands}):
        message = f"workflow `{circle[0]}` contains itself: {' → '.join(circle)}"
        values.problem(("workflows", circle[0]), message, key=True)
    return workflows


def _check_steps(
    values: Values,
    name: str,
    steps: tuple[str, ...],
    commands: Mapping[str, Command],
    workflows: Mapping[str, tuple[str, ...]],
) -> None:
    seen = set()
    for index, step in enumerate(steps):
        at: Path = ("workflows", name, index)
        if step not in commands and step not in workflows:
            close = near_match(step, [*commands, *workflows])
            hint = f"did you mean `{close}`?" if close else None
            values.problem(at, f"workflow `{name}`: no command or workflow named `{step}`", hint)
        elif step in seen:
            values.warn(at, f"workflow `{name}` lists `{step}` more than once; it runs once, at its first place")
        seen.add(step)


def _circles(workflows: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Each way in which a workflow contains itself, once."""
    reported: set[str] = set()
    for start in workflows:
        path: list[str] = []

        def visit(name: str, path: list[str] = path) -> list[str] | None:
            if name in path:
                return [*path[path.index(name) :], name]
            path.append(name)
            for step in workflows[name]:
                if step in workflows and (circle := visit(step)):
                    return circle
            path.pop()
            return None

        if start not in reported and (circle := visit(start)) and not reported.intersection(circle):
            reported.update(circle)
            yield circle
