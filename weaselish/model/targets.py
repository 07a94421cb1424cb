"""Which commands a target names: a command, all steps of a matrix, a workflow, or a glob over the commands' names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from weaselish.errors import NoMatch, UnknownName, listed
from weaselish.model.paths import is_glob, may_match, name_pattern, normalise, overlap
from weaselish.model.project import ProjectModel


def commands_of(project: ProjectModel, target: str) -> tuple[str, ...]:
    """Return the commands that a target names, a workflow's in listed order, others in that of the file.

    If a command and a workflow have one name, which is a fault of project.yml, it is the command. Raises UnknownName.
    """
    if target in project.workflows and target not in project.commands and target not in project.matrices:
        return project.steps_of(target)
    commands = project.named(target)
    if not commands:
        raise unknown(project, target)
    return commands


def listed_commands(project: ProjectModel, targets: Iterable[str]) -> tuple[str, ...]:
    """Return the commands that `targets` name, in order.

    What one workflow repeats is repeated. What several targets name is not. Raises UnknownName.
    """
    listed: list[str] = []
    before = Counter[str]()
    for target in targets:
        here = Counter[str]()
        for name in commands_of(project, target):
            here[name] += 1
            if here[name] > before[name]:
                listed.append(name)
        for name, count in here.items():
            before[name] = max(before[name], count)
    return tuple(listed)


def named_commands(project: ProjectModel, names: Iterable[str]) -> tuple[str, ...]:
    """Return the commands that `names` stand for, each once. A workflow is not such a name. Raises UnknownName."""
    named: dict[str, None] = {}
    for name in names:
        commands = project.named(name)
        if not commands:
            raise unknown(project, name, workflows=False)
        named.update(dict.fromkeys(commands))
    return tuple(named)


def unknown(project: ProjectModel, name: str, *, workflows: bool = True) -> UnknownName:
    """Return the error for a target that names nothing."""
    written = [*(project.workflows if workflows else ()), *project.written]
    defined = list(dict.fromkeys([*written, *project.commands])) if "@" in name else written
    if is_glob(name):
        return NoMatch(name, defined)
    return UnknownName("command or workflow" if workflows else "command", name, defined, hint=_path_hint(project, name))


def _path_hint(project: ProjectModel, name: str) -> str | None:
    """Return which commands write or read a path that was given in place of a command; None for other names."""
    path = normalise(name)
    writers = [key for key, one in project.commands.items() if any(overlap(path, it) for it in one.all_outputs)]
    if writers:
        return f"a path: {listed(writers)} {'writes' if len(writers) == 1 else 'write'} it; name a command"
    if "/" not in path and "." not in path:
        return None
    readers = [key for key, one in project.commands.items() if any(_reads(it, path) for it in one.deps)]
    if readers:
        return f"a path: {listed(readers)} {'reads' if len(readers) == 1 else 'read'} it; name a command"
    return None


def _reads(dep: str, path: str) -> bool:
    return may_match(dep, path) if is_glob(dep) else overlap(dep, path)


def recorded_commands(project: ProjectModel, target: str, recorded: Iterable[str]) -> tuple[str, ...]:
    """Return the commands that a target names, and those of `recorded` that project.yml no longer has.

    The latter include steps of a matrix whose combination is gone. Raises UnknownName.
    """
    is_match = name_pattern(target).fullmatch if is_glob(target) else target.__eq__
    prefix = f"{target}@" if target in project.matrices else None
    gone = [
        name
        for name in recorded
        if name not in project.commands and (is_match(name) or (prefix is not None and name.startswith(prefix)))
    ]
    try:
        return (*commands_of(project, target), *gone)
    except UnknownName:
        if gone:
            return tuple(gone)
        raise
