"""What is wrong or doubtful about a project that loads: cycles, alternatives, undeclared deps."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.errors import Problem, ProjError, in_file_order, listed
from weaselish.load import FILE, places_of
from weaselish.model.locations import Places
from weaselish.model.paths import dep_base, inside, is_outside, normalise, overlap
from weaselish.model.project import Command
from weaselish.model.script import split_words
from weaselish.plan.graph import find_cycle, make_plan
from weaselish.plan.producers import alternatives
from weaselish.workspace import Workspace


def findings(workspace: Workspace) -> list[Problem]:
    """Warnings of the loader, and what only the graph and the disk can tell, in the order of the file."""
    places = places_of(workspace.root)
    found = [
        *workspace.project.warnings,
        *_cycles(workspace, places),
        *_alternatives(workspace, places),
        *_undeclared(workspace, places),
        *_without_script(workspace, places),
    ]
    return list(in_file_order(found))


def place_of(workspace: Workspace, command: str) -> str | None:
    """Where a command stands, `project.yml:12:5`; None if there is no file that says so."""
    try:
        line, column = places_of(workspace.root).of(("commands", list(workspace.project.commands).index(command)))
    except (OSError, ProjError):
        return None
    return f"{FILE}:{line}:{column}"


def _cycles(workspace: Workspace, places: Places) -> Iterator[Problem]:
    project = workspace.project
    cycle = find_cycle(project)
    if cycle is not None:
        yield _at(places, workspace, cycle.path[0], cycle.message, cycle.hint)
        return
    for workflow in project.workflows:
        try:
            make_plan(project, [workflow])
        except ProjError as error:
            place = places.of_key(("workflows", workflow))
            yield Problem(*place, f"workflow `{workflow}`: {error.message}", error.hint)


def _alternatives(workspace: Workspace, places: Places) -> Iterator[Problem]:
    for path, names in alternatives(workspace.project):
        message = f"`{path}` is made by {listed(names)}: in one plan they are never all up to date"
        yield _at(places, workspace, names[1], message, None, is_warning=True)


def _undeclared(workspace: Workspace, places: Places) -> Iterator[Problem]:
    """Files of the project that a script line names and that are not among the deps."""
    for name, command in workspace.project.commands.items():
        for path in dict.fromkeys(_named_files(workspace, command)):
            known = any(inside(path, dep_base(dep)) for dep in command.deps)
            if not known and not any(overlap(path, made) for made in command.all_outputs):
                message = f"`{name}` runs with `{path}`, which is not among its deps: changing it is no reason to run"
                yield _at(places, workspace, name, message, f"add `{path}` to deps", is_warning=True)


def _named_files(workspace: Workspace, command: Command) -> Iterator[str]:
    for line in command.script:
        try:
            words = split_words(line)
        except ValueError:
            continue
        for word in words:
            path = normalise(f"{command.workdir}/{word}")
            if not word.startswith(("-", "/")) and not is_outside(path) and (workspace.root / path).is_file():
                yield path


def _without_script(workspace: Workspace, places: Places) -> Iterator[Problem]:
    for name, command in workspace.project.commands.items():
        if not command.script:
            yield _at(
                places, workspace, name, f"`{name}` has no script: running it does nothing", None, is_warning=True
            )


def _at(
    places: Places, workspace: Workspace, command: str, message: str, hint: str | None, *, is_warning: bool = False
) -> Problem:
    index = list(workspace.project.commands).index(command)
    return Problem(*places.of(("commands", index)), message, hint, is_warning)
