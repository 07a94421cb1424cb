"""`proj assets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import done, failed, hint, left, say, show_problem, warn
from weaselish.cli.opening import open_project, show_notices
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Option, Subcommand, Values, transfers
from weaselish.errors import ProjError

if TYPE_CHECKING:
    from weaselish.engine.assets.check import AssetResult
    from weaselish.errors import Problem
    from weaselish.model.project import ProjectModel

_SHOWN_PIN = 10  # characters


def assets(
    call: Call,
    *,
    extra: bool,
    sparse: bool,
    force: bool,
    update: bool,
    jobs: int,
    only_status: bool,
    as_json: bool,
) -> int:
    """Fetch assets, showing progress and one line per asset; return the exit code of the first that failed."""
    if only_status:
        return _show_states(call, as_json=as_json)
    from weaselish.cli.progress import TransferReporter
    from weaselish.engine.assets.check import AssetState

    dests, directory = _dests_and_directory(call)
    project = open_project(call, directory, notices=False)
    model = project.model
    problems = _problems(model, dests)
    others = [problem for problem in model.faults if problem not in problems]
    show_notices(model._replace(faults=tuple(others)), all_warnings=False)
    with TransferReporter() as reporter:
        results = project.assets(
            *dests,
            extra=extra,
            sparse=sparse,
            force=force,
            update=update,
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    for result in results:
        _show(result)
    if results:
        say(_counts(results))
    elif not problems:
        _show_none(extras=len(model.assets))
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(result) for result in results])
    for problem in problems:
        show_problem(problem)
    failures = (result.exit_code for result in results if result.state is AssetState.FAILED)
    return 2 if problems else next(failures, 0)


def _show_states(call: Call, *, as_json: bool) -> int:
    """List the assets with their pins, and say how to put in place what is not. Fetch nothing."""
    from weaselish.cli.console import show_table

    directory = call.words[0] if call.words else None
    states = open_project(call, directory, notices=not as_json).asset_states(cancel=call.cancel)
    if as_json:
        from dataclasses import asdict

        from weaselish.cli.json_output import print_json

        print_json([asdict(state) for state in states])
        return 0
    if not states:
        warn("project.yml has no assets")
        return 0
    rows = [(one.name or one.dest, one.state, (one.pin or "")[:_SHOWN_PIN], one.source) for one in states]
    show_table(rows, ("asset", "state", "pinned", "from"))
    for one in states:
        if one.hint:
            hint(f"{one.name or one.dest}: {one.hint}")
    return 0


def _problems(project: ProjectModel, names: Sequence[str]) -> tuple[Problem, ...]:
    """Return the errors in project.yml that are confined to a selected asset. A named one stops the subcommand."""
    if names:
        return tuple(problem for name in names for problem in project.faults_in("assets", name))
    return tuple(problem for problem in project.faults if problem.confined_to and problem.confined_to[0] == "assets")


def _dests_and_directory(call: Call) -> tuple[list[str], str | None]:
    """Split `[DEST]... [DIR]`: the last word is a directory only if it has a project.yml, and is not an asset here."""
    import os

    from weaselish.load import FILE

    words = call.words
    if words and os.path.isfile(os.path.join(words[-1], FILE)) and not _is_asset_here(call, words[-1]):
        return list(words[:-1]), words[-1]
    return list(words), None


def _is_asset_here(call: Call, word: str) -> bool:
    """Return whether the project of the current directory has an asset of this name, fetched from another project."""
    try:
        assets = open_project(call, None, notices=False).model.assets
    except ProjError:
        return False
    return any(word in (asset.name, asset.dest) for asset in assets)


def _show_none(*, extras: int) -> None:
    """Say why no asset was selected: project.yml has none, or only extra ones."""
    if extras:
        warn("all assets of project.yml are marked `extra`", "`--extra` includes them")
    else:
        warn("project.yml has no assets")


def _as_json(result: AssetResult) -> dict[str, object]:
    """Return the result of one asset; the name only of a source."""
    from dataclasses import asdict

    fields = asdict(result)
    del fields["exit_code"]
    return {key: value for key, value in fields.items() if key != "name" or value is not None}


def _show(result: AssetResult) -> None:
    from weaselish.cli.units import shown_size
    from weaselish.engine.assets.check import AssetState

    match result.state:
        case AssetState.FETCHED:
            done(f"{result.dest}: fetched, {shown_size(result.size or 0)}")
        case AssetState.LINKED:
            done(f"{result.dest}: {result.message}")
        case AssetState.HERE:
            done(f"{result.dest}: already present{f' ({result.message})' if result.message else ''}")
        case AssetState.LEFT:
            left(f"{result.dest}: {result.message}")
        case AssetState.FAILED:
            failed(f"{result.dest}: {result.message}")
    hint(result.hint)


def _counts(results: Sequence[AssetResult]) -> str:
    from weaselish.engine.assets.check import AssetState

    names = {
        AssetState.FETCHED: "fetched",
        AssetState.LINKED: "linked",
        AssetState.HERE: "already present",
        AssetState.LEFT: "left",
        AssetState.FAILED: "failed",
    }
    counts = {name: sum(one.state is state for one in results) for state, name in names.items()}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


SUBCOMMANDS = (
    Subcommand(
        "assets",
        assets,
        "Fetch the assets of project.yml, or those named.\n\nExisting ones stay as they are.",
        (
            Option("extra", ("--extra", "-e"), "Include assets that are marked `extra`."),
            Option("sparse", ("--sparse", "-S"), "Fetch only the needed files of git repositories."),
            Option("force", ("--force", "-F"), "Also fetch assets that exist."),
            Option("update", ("--update",), "Ask git repositories for newer commits, and fetch and pin those."),
            Option("only_status", ("--status",), "Show the assets with their pins, and fetch nothing."),
            transfers("Assets"),
            JSON,
        ),
        arguments=(Argument("DEST", "An asset, by its `dest` or name.", Values.ASSETS, is_repeated=True), DIRECTORY),
        examples=("proj assets", "proj assets data/train.csv --force", "proj assets --update", "proj assets --status"),
    ),
)
