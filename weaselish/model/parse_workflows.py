"""Read the workflows of project.yml."""

from __future__ import annotations

from weaselish.errors import near_match
from weaselish.model.parse_values import Values
from weaselish.model.paths import is_glob
from weaselish.model.project import ProjectModel
from weaselish.model.workflows import MOST_STEPS, contained_first, count_steps


def read_workflows(values: Values, project: ProjectModel) -> dict[str, tuple[str, ...]]:
    """Read the workflows of the project by name: their steps as listed."""
    commands = project.written
    workflows = {
        name: tuple(values.texts(("workflows", name), steps))
        for name, steps in values.mapping("workflows").items()
        if steps is not None
    }
    for name, steps in workflows.items():
        _check_name(values, name)
        _check_steps(values, name, steps, [*commands, *(other for other in workflows if other != name)], project)
    named_apart = {name: steps for name, steps in workflows.items() if name not in commands}
    for circle in contained_first(named_apart, named_apart)[1]:
        message = f"workflow `{circle[0]}` contains itself: {' → '.join(circle)}"
        values.problem(("workflows", circle[0]), message, "remove one of these steps", key=True)
    for name, count in count_steps(workflows, project.named).items():
        if count > MOST_STEPS:
            message = f"workflow `{name}` has more than {MOST_STEPS:,} steps"
            values.problem(("workflows", name), message, "split it, or name fewer workflows in it", key=True)
    return workflows


def _check_name(values: Values, name: str) -> None:
    if name in values.locations.commands:
        line, column = values.locations.of((*values.locations.commands[name], "name"))
        message = f"a workflow and a command are both named `{name}`"
        hint = f"rename one of them; the command is in line {line}, column {column}"
        values.problem(("workflows", name), message, hint, key=True)


def _check_steps(values: Values, name: str, steps: tuple[str, ...], names: list[str], project: ProjectModel) -> None:
    valid = {*names, name}
    faulty = values.faulty_commands
    for index, step in enumerate(steps):
        if step not in valid and not project.named(step) and step.partition("@")[0] not in faulty:
            close = near_match(step, [*names, *project.commands] if "@" in step else names)
            hint = f"did you mean `{close}`?" if close else None
            what = f"no command matches `{step}`" if is_glob(step) else f"no command or workflow named `{step}`"
            message = f"workflow `{name}`: {what}"
            values.problem(("workflows", name, index), message, hint)
