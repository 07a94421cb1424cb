"""`proj artifact list`: the artifacts of project.yml, and the versions on their remotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.artifact import PREFIX, VERSION, words_of
from weaselish.cli.console import done, failed, hint, say, show_table
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Option, Subcommand, Takes, Values
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


def set_alias(call: Call, *, prefix: str | None, as_json: bool) -> int:
    """Let an alias stand for a version."""
    (name, wanted, alias), directory = words_of(call, "name of the artifact", "version", "alias")
    project = open_project(call, directory)
    alias = alias.removeprefix("@")
    version = project.artifacts.alias(name, wanted, alias, prefix=prefix or "", cancel=call.cancel)
    done(f"{version.names.full}: @{alias} is {version.number}")
    _print_if(as_json, {"name": name, "alias": alias, "version": version.number})
    return 0


def yank(call: Call, *, reason: str | None, prefix: str | None, as_json: bool) -> int:
    """Withdraw a version."""
    (name, wanted), directory = words_of(call, "name of the artifact", "version")
    project = open_project(call, directory)
    version = project.artifacts.yank(name, wanted, reason=reason or "", prefix=prefix or "", cancel=call.cancel)
    done(
        f"{version.label} was withdrawn"
        + (" before" if version.is_yanked else ": only its exact number or an alias selects it")
    )
    _print_if(as_json, {"name": name, "version": version.number, "was_yanked": version.is_yanked})
    return 0


def update(call: Call, *, force: bool, as_json: bool) -> int:
    """Move the pins of imported artifacts; return the exit code."""
    from weaselish.cli.progress import TransferReporter

    names, directory = names_and_directory(call.words)
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        outcomes = project.artifacts.update(*names, force=force, on_event=reporter, cancel=call.cancel)
    for artifact, updated, error in outcomes:
        if updated is not None:
            change = f"{updated.old} → {updated.new}" if updated.old else updated.new
            done(f"{artifact.name}: {f'already {updated.new}' if updated.old == updated.new else change}")
        elif error is not None:
            failed(f"{artifact.name}: {error.message}")
            hint(error.hint)
    if as_json:
        from weaselish.cli.artifact_json import print_outcomes

        print_outcomes(outcomes)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _print_if(as_json: bool, facts: Mapping[str, object]) -> None:
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(dict(facts))


SUBCOMMANDS = (
    Subcommand(
        "artifact list",
        list_artifacts,
        "List artifacts, or the versions of one on its remote.\n\n"
        "It includes files that other tools stored under such names, as unattested versions.",
        (PREFIX, JSON),
        arguments=(NAME._replace(is_required=False), DIRECTORY),
        examples=("proj artifact list", "proj artifact list model"),
    ),
    Subcommand(
        "artifact alias",
        set_alias,
        "Point an alias at a version: `@champion`.",
        (PREFIX, JSON),
        arguments=(NAME, VERSION, Argument("ALIAS", "The alias, such as `champion`.", is_required=True), DIRECTORY),
        examples=("proj artifact alias model 1.4.0 champion",),
    ),
    Subcommand(
        "artifact yank",
        yank,
        "Withdraw a version.\n\nOnly its exact number or an alias selects it from then on. Nothing is deleted.",
        (Option("reason", ("--reason",), "The reason, for its users.", Takes.TEXT, "TEXT"), PREFIX, JSON),
        arguments=(NAME, VERSION._replace(help="The exact version."), DIRECTORY),
        examples=('proj artifact yank model 1.4.0 --reason "trained on test data"',),
    ),
    Subcommand(
        "artifact update",
        update,
        "Resolve the ranges of imported artifacts anew; pin them.",
        (Option("force", ("--force", "-f"), "Also replace content that exists only locally."), JSON),
        arguments=(NAME._replace(is_required=False, is_repeated=True), DIRECTORY),
        examples=("proj artifact update", "proj artifact update tokenizer"),
    ),
)
