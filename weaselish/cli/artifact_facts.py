"""`proj artifact list`: the artifacts of project.yml, and the versions on their remotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.artifact import PREFIX
from weaselish.cli.console import say, show_table
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Subcommand, Values
from weaselish.cli.units import shown_size
from weaselish.plan.run_ids import short_ids

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.artifacts.listing import Listed

NAME = Argument("NAME", "An artifact of project.yml.", Values.ARTIFACTS, is_required=True)


def list_artifacts(call: Call, *, prefix: str | None, as_json: bool) -> int:
    """Show the artifacts of project.yml, or the versions of one."""
    names, directory = names_and_directory(call.words)
    project = open_project(call, directory)
    if names:
        return _list_versions(call, project, names[0], prefix or "", as_json=as_json)
    declared = project.artifacts.declared
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([artifact._asdict() for artifact in declared])
    elif declared:
        rows = [(one.name, one.path, one.remote, one.range or "", one.description) for one in declared]
        show_table(rows, ("artifact", "path", "remote", "imports", ""))
    else:
        say("project.yml has no artifacts")
    return 0


def _list_versions(call: Call, project: Project, name: str, prefix: str, *, as_json: bool) -> int:
    versions = project.artifacts.list(name, prefix=prefix, cancel=call.cancel)
    if as_json:
        from weaselish.cli.artifact_json import listed
        from weaselish.cli.json_output import print_json

        print_json([listed(one) for one in versions])
    elif versions:
        runs = short_ids(one.manifest.record.run for one in versions if one.manifest and one.manifest.record)
        show_table([_row(one, runs) for one in versions], ("version", "size", "pushed", "from", ""))
    else:
        say(f"no version of `{name}` is on the remote")
    return 0


def _row(one: Listed, runs: Mapping[int, str]) -> tuple[str, ...]:
    manifest = one.manifest
    size = "" if one.size is None else shown_size(one.size)
    source = f"run {runs[manifest.record.run]}" if manifest and manifest.record else "unattested"
    notes = [f"@{alias}" for alias in one.aliases]
    if one.yanked is not None:
        notes.append("withdrawn" + (f": {one.yanked}" if one.yanked else ""))
    if one.problem:
        notes.append(one.problem)
    pushed = manifest.pushed.replace("T", " ").rstrip("Z")[:16] if manifest else ""
    return one.version or "(singular)", size, pushed, source, ", ".join(notes)


SUBCOMMANDS = (
    Subcommand(
        "artifact list",
        list_artifacts,
        "List the artifacts of project.yml, or the versions of one on its remote.\n\n"
        "Files that other tools stored under the same naming count, as unattested.",
        (PREFIX, JSON),
        arguments=(NAME._replace(is_required=False), DIRECTORY),
        examples=("proj artifact list", "proj artifact list model"),
    ),
)
