"""`proj run`."""

from __future__ import annotations

import os

from weaselish.cli.arguments import jobs_at_once, names_and_directory
from weaselish.cli.opening import open_project, show_notices
from weaselish.cli.run_options import OPTIONS, Settings, check_args, output_mode
from weaselish.cli.running import Form, View, run_targets
from weaselish.cli.subcommand import NAMES, Call, Subcommand
from weaselish.errors import UnknownName, UsageError


def run(
    call: Call,
    *,
    dry: bool,
    force: bool,
    force_all: bool,
    only: bool,
    from_step: str | None,
    until_step: str | None,
    jobs: str | None,
    keep_going: bool,
    yes: bool,
    wait: bool,
    output: str | None,
    as_json: bool,
    json_lines: bool,
    show_help: bool,
) -> int:
    """Run `proj run`; return its exit code. Without a name, list the project."""
    if as_json and json_lines:
        raise UsageError("`--json` and `--json-lines` exclude each other", hint="leave one of them out")
    names, directory = names_and_directory(call.words)
    if not names:
        from weaselish.cli.list import list_project

        return list_project(call.extras, directory)
    project = open_project(call, directory, notices=False)
    if show_help:
        from weaselish.cli.list import show_names

        show_notices(project.model)
        return show_names(project, names)
    check_args(project.model, names, call.extras)
    settings = Settings(
        jobs_at_once(jobs, os.environ),
        only,
        from_step,
        until_step,
        force,
        force_all,
        keep_going,
        wait,
        call.extras.args,
    )
    try:
        if dry:
            from weaselish.cli.dry_run import dry_run

            return dry_run(call, project, names, settings, as_json=as_json)
        mode = output_mode(output or ("quiet" if call.is_quiet else None))
        form = Form.JSON if as_json else Form.JSON_LINES if json_lines else Form.TEXT
        return run_targets(call, project, names, settings, View(form, mode, yes))
    except UnknownName:
        show_notices(project.model)  # an error in project.yml may be why the name is unknown
        raise


SUBCOMMANDS = (
    Subcommand(
        "run",
        run,
        "Run commands or workflows that are out of date.\n\n"
        "Whatever they depend on runs first, if it is out of date. "
        "What follows `--` is appended to the last script line of the one command named. "
        "`--vars.NAME VALUE` overrides a variable.",
        OPTIONS,
        arguments=NAMES,
        examples=("proj run all -j 4", "proj run train --vars.epochs 9", "proj run train -- --resume"),
    ),
)
