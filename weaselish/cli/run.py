"""`proj run`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from weaselish.cli.arguments import jobs_at_once, names_and_directory
from weaselish.cli.changes import with_changes
from weaselish.cli.opening import open_project, show_notices
from weaselish.cli.run_options import OPTIONS, Settings, cache_name, check_args, output_mode, watch_mode
from weaselish.cli.running import Form, View, run_targets
from weaselish.cli.subcommand import NAMES, Call, Subcommand
from weaselish.errors import UnknownName, UsageError


def run(
    call: Call,
    *,
    dry: bool,
    watch: str | None,
    notify: str | None,
    jobs: str | None,
    yes: bool,
    output: str | None,
    cache: str | None,
    no_cache: bool,
    as_json: bool,
    json_lines: bool,
    show_help: bool,
    changes: tuple[str, ...],
    **options: Any,
) -> int:
    """Run `proj run`; return its exit code. Without a name, list the project. `options`: fields of Settings."""
    if as_json and json_lines:
        raise UsageError("`--json` and `--json-lines` exclude each other", hint="leave one of them out")
    names, directory = names_and_directory(call.words)
    if not names:
        from weaselish.cli.list import list_project

        return list_project(call.extras, directory)
    call = with_changes(call, names, changes)
    settings = Settings(
        jobs=jobs_at_once(jobs, os.environ),
        args=call.extras.args,
        cache=cache_name(cache, off=no_cache),
        **options,
    )
    form = Form.JSON if as_json else Form.JSON_LINES if json_lines else Form.TEXT
    view = View(form, output_mode(output or ("quiet" if call.is_quiet else None)), yes, notify=notify)
    if watch and not show_help:
        return _watch(call, names, directory, settings, view, watch, dry=dry)
    project = open_project(call, directory, notices=False)
    if show_help:
        from weaselish.cli.list import show_names

        show_notices(project.model)
        return show_names(project, names)
    check_args(project.model, names, call.extras)
    try:
        if dry:
            from weaselish.cli.dry_run import dry_run

            return dry_run(call, project, names, settings, as_json=as_json)
        return run_targets(call, project, names, settings, view)
    except UnknownName:
        show_notices(project.model)  # an error in project.yml may be why the name is unknown
        raise


def _watch(
    call: Call, names: Sequence[str], directory: str | None, settings: Settings, view: View, mode: str, *, dry: bool
) -> int:
    if dry or view.form is Form.JSON:
        hint = None if dry else "`--json-lines` prints each event of each run"
        raise UsageError(f"`--watch` and `{'--dry' if dry else '--json'}` exclude each other", hint=hint)
    from weaselish.cli.watching import watch_targets

    return watch_targets(call, names, directory, settings, view, watch_mode(mode))


SUBCOMMANDS = (
    Subcommand(
        "run",
        run,
        "Run commands or workflows that are out of date.\n\n"
        "Whatever they depend on runs first, if it is out of date. "
        "It appends what follows `--` to the last script line of the command that you name. "
        "`--vars.NAME VALUE` overrides a variable.",
        OPTIONS,
        arguments=NAMES,
        examples=(
            "proj run all -j 4",
            "proj run train --vars.epochs 9",
            "proj run train -- --resume",
            "proj run test --watch",
        ),
    ),
)
