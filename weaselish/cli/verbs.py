"""What the most frequent verbs do, whoever parsed their options: `app.py` with typer, or `quick.py` without."""

from __future__ import annotations

import os
from collections.abc import Sequence

from weaselish.cli.arguments import Extras, jobs_at_once, names_and_directory
from weaselish.cli.quick import TRANSFERS
from weaselish.workspace import Workspace


def run(
    extras: Extras,
    words: Sequence[str],
    *,
    dry: bool = False,
    force: bool = False,
    only: bool = False,
    jobs: str | None = None,
    keep_going: bool = False,
    yes: bool = False,
    wait: bool = True,
    output: str | None = None,
    as_json: bool = False,
    show_help: bool = False,
) -> int:
    """`proj run`; its exit code. Without a name: what there is to run."""
    from weaselish.cli.run import check_args, run_targets, stdin_for
    from weaselish.engine.run.run import RunOptions

    names, directory = names_and_directory(words)
    workspace = Workspace.open(directory, extras.overrides)
    if show_help and names:
        return _help_for(workspace, names)
    if not names:
        return show(workspace)
    check_args(workspace, names, extras)
    at_once = jobs_at_once(jobs, os.environ)
    options = RunOptions(at_once, only, force, keep_going, wait, extras.args, stdin_for(at_once))
    if dry:
        from weaselish.cli.dry_run import dry_run

        return dry_run(workspace, names, options, as_json=as_json)
    return run_targets(workspace, names, options, yes=yes, output=output, as_json=as_json)


def status(
    extras: Extras, words: Sequence[str], *, check: bool = False, remote: str | None = None, as_json: bool = False
) -> int:
    """`proj status`; its exit code."""
    from weaselish.cli.status import show_status

    names, directory = names_and_directory(words)
    workspace = Workspace.open(directory, extras.overrides)
    return show_status(workspace, names, check=check, remote=remote, as_json=as_json)


def push(
    extras: Extras,
    words: Sequence[str],
    *,
    commands: Sequence[str] = (),
    dry: bool = False,
    verify: bool = False,
    repair: bool = False,
    jobs: int = TRANSFERS,
    as_json: bool = False,
) -> int:
    """`proj push [REMOTE] [DIR]`; its exit code."""
    from weaselish.cli.push import run_push
    from weaselish.cli.remotes import find_remote
    from weaselish.engine.remote.push import PushOptions

    remote, directory = _remote_and_directory(words)
    workspace = Workspace.open(directory, extras.overrides)
    options = PushOptions(tuple(commands), dry, verify, repair, jobs)
    return run_push(workspace, find_remote(workspace, remote), options, as_json=as_json)


def pull(
    extras: Extras,
    words: Sequence[str],
    *,
    commands: Sequence[str] = (),
    dry: bool = False,
    force: bool = False,
    jobs: int = TRANSFERS,
    as_json: bool = False,
) -> int:
    """`proj pull [REMOTE] [DIR]`; its exit code."""
    from weaselish.cli.pull import run_pull
    from weaselish.cli.remotes import find_remote
    from weaselish.engine.remote.pull import PullOptions

    remote, directory = _remote_and_directory(words)
    workspace = Workspace.open(directory, extras.overrides)
    options = PullOptions(tuple(commands), dry, force, jobs)
    return run_pull(workspace, find_remote(workspace, remote), options, as_json=as_json)


def _remote_and_directory(words: Sequence[str]) -> tuple[str, str | None]:
    return words[0] if words else "default", words[1] if len(words) > 1 else None


def show(workspace: Workspace) -> int:
    from weaselish.cli.list import show_project

    return show_project(workspace)


def _help_for(workspace: Workspace, names: Sequence[str]) -> int:
    from weaselish.cli.list import show_command
    from weaselish.plan.graph import make_plan

    make_plan(workspace.project, names, only=True)  # says so if there is no such name
    return show_command(workspace, names[0])
