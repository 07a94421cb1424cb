"""Missing deps: which commands need them, where project.yml says so, and what could provide them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.errors import MissingDep, Problem, ProjError
from weaselish.model.paths import inside, overlap
from weaselish.model.project import Asset, Command
from weaselish.plan.graph import Plan
from weaselish.plan.producers import reads
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.model.locations import Location, Locations

_MOST_NAMES = 1000  # of a directory that are compared with a missing name
_CLOSE = 0.8  # how similar a path must be to be suggested, up to 1


def check_sources(workspace: Workspace, plan: Plan, *, may_be_absent: Callable[[Command, str], bool]) -> None:
    """Raise MissingDep for all deps that do not exist and that no step of the plan produces.

    What a step needs of the outputs of a left-out step must exist, too. `may_be_absent`: whether a step can do without
    a dep, because it may turn out that it need not run.
    """
    consumers: dict[str, list[str]] = {}
    for step in plan.steps:
        if step.command not in plan.unrecorded:
            for dep in plan.sources[step]:
                command = plan.command(step)
                if not (workspace.exists(dep) or is_own_output(command, dep) or may_be_absent(command, dep)):
                    consumers.setdefault(dep, []).append(step.command)
    for choice in plan.choices:
        consumers.setdefault(choice.dep, []).append(choice.consumer)
    for step in plan.left_out:
        for output in plan.command(step).outputs:
            if not workspace.exists(output):
                for name in _readers_of(plan, output):
                    consumers.setdefault(output, []).append(name)
    if consumers:
        raise _missing_dep(workspace, consumers)


def _readers_of(plan: Plan, output: str) -> Iterator[str]:
    """Yield the commands that need an output as a part of a dep of which the plan produces another part."""
    for step in plan.steps:
        command = plan.command(step)
        produced = [path for producer in plan.producers[step] for path in plan.command(producer).all_outputs]
        is_part = any(reads(dep, output) and dep not in plan.sources[step] for dep in command.deps)
        if is_part and step.command not in plan.unrecorded and not any(inside(output, path) for path in produced):
            yield command.name


def check_deps(workspace: Workspace, command: Command, missing: Iterable[str]) -> None:
    """Raise MissingDep for the deps in `missing` that the command does not produce itself."""
    consumers = {dep: [command.name] for dep in missing if not is_own_output(command, dep)}
    if consumers:
        raise _missing_dep(workspace, consumers)


def _missing_dep(workspace: Workspace, consumers: Mapping[str, Sequence[str]]) -> MissingDep:
    from weaselish.model.locations import Locations

    locations = Locations()
    with suppress(ProjError):
        locations = workspace.locations
    return MissingDep(missing_dep_problems(workspace, locations, consumers))


def is_own_output(command: Command, dep: str) -> bool:
    return any(overlap(output, dep) for output in command.all_outputs)


def missing_dep_problems(
    workspace: Workspace, locations: Locations, consumers: Mapping[str, Sequence[str]]
) -> list[Problem]:
    """Return a problem per missing dep, at the line of its first consumer. `consumers`: dep -> commands."""
    return [
        _problem({name: _location(workspace, locations, name, dep) for name in names}, dep, provider_of(workspace, dep))
        for dep, names in consumers.items()
    ]


def _problem(consumers: Mapping[str, Location], dep: str, hint: str) -> Problem:
    """Return the problem of one missing dep. `consumers`: command -> line and column."""
    first = next(iter(consumers.values()))
    if len(consumers) == 1:
        return Problem(*first, f"`{next(iter(consumers))}` needs `{dep}`, which does not exist", hint)
    names = ", ".join(f"`{name}`" + (f" (line {line})" if line else "") for name, (line, _) in consumers.items())
    return Problem(*first, f"{names} need `{dep}`, which does not exist", hint)


def _location(workspace: Workspace, locations: Locations, command: str, dep: str) -> Location:
    """Return the line and column of a dep, (0, 0) if they are unknown."""
    deps = workspace.project.commands[command].deps
    return locations.of_command(command, ("deps", deps.index(dep)) if dep in deps else ())


def provider_of(workspace: Workspace, dep: str) -> str:
    """Return what could provide a missing dep, as a hint: an asset, a command, a remote, or a correction."""
    project = workspace.project
    asset = next((one for one in project.assets if reads(dep, one.dest) or reads(dep, one.place)), None)
    producers = workspace.producers.of(dep)
    artifact = next((one for one in project.artifacts.values() if one.is_imported and reads(dep, one.path)), None)
    if artifact is not None:
        return f"`proj run` fetches it: artifact `{artifact.name}`, {artifact.range}"
    if asset is not None:
        return _asset_hint(workspace, asset)
    if producers:
        from weaselish.plan.folding import short_names

        hint = "produced by " + " or ".join(f"`proj run {name}`" for name in short_names(project, producers))
        return hint + (", or download it with `proj pull`" if project.remotes else "")
    return workspace.missing_cause(dep) or _correction(workspace, dep) or "no command or asset provides it"


def _asset_hint(workspace: Workspace, asset: Asset) -> str:
    if asset.url or asset.git:
        return "it is an asset: `proj assets` fetches it"
    if asset.mount is not None:
        from weaselish.engine.assets.mounts import mount_hint

        if workspace.exists(asset.place) and not workspace.exists(asset.dest):
            return f"it is the source `{asset.name}`: `proj assets {asset.name}` links it"
        return f"it is in the source `{asset.name}`: {mount_hint(workspace, asset)}"
    return "it is a private asset: put it at that path"


def _correction(workspace: Workspace, dep: str) -> str | None:
    """Return which declared path, or file beside the missing one, was probably meant."""
    from difflib import get_close_matches

    declared = [path for command in workspace.project.commands.values() for path in command.all_outputs]
    declared += [asset.dest for asset in workspace.project.assets]
    with_slashes = dep.replace("\\", "/")
    if with_slashes in declared:
        return f"did you mean `{with_slashes}`? Write `/` between names"
    similar = {path.lower(): path for path in (*declared, *_neighbours(workspace.root, with_slashes))}
    close = get_close_matches(dep.lower(), list(similar), n=1, cutoff=_CLOSE)
    return f"did you mean `{similar[close[0]]}`?" if close else None


def _neighbours(root: Path, path: str) -> list[str]:
    """Return the paths in the directory of a missing path."""
    directory = os.path.dirname(path)
    try:
        names = sorted(os.listdir(root / directory))
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names[:_MOST_NAMES]]
