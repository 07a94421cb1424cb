"""`proj remote list` and `proj remote test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.console import say, show, show_error, show_table, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, REMOTE_HELP, Call, Subcommand
from weaselish.errors import ProjError, UsageError
from weaselish.model.project import Remote

if TYPE_CHECKING:
    from weaselish.api.sharing import Probe


def list_remotes(call: Call, *, as_json: bool) -> int:
    """Show the remotes of project.yml, without secrets in their URLs."""
    remotes = open_project(call, call.directory).remotes
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(remote) for remote in remotes])
    elif remotes:
        rows = [(remote.name, remote.url, "read-only" if remote.read_only else "") for remote in remotes]
        show_table(rows, ("remote", "url", ""))
    else:
        say("project.yml defines no remotes")
    return 0


def _as_json(remote: Remote) -> dict[str, object]:
    """Return a remote as project.yml can have it."""
    fields: dict[str, object] = remote._asdict()
    del fields["is_user_cache"], fields["is_users"]
    fields["auth"] = remote.auth and {
        key: str(value) for key, value in remote.auth._asdict().items() if value is not None
    }
    return fields


def test_remotes(call: Call) -> int:
    """List, write, read back and delete a small object on each remote; go on with the next one after a failure."""
    project = open_project(call, call.words[1] if len(call.words) > 1 else None)
    names = call.words[:1] or [remote.name for remote in project.remotes]
    if not names:
        raise UsageError("project.yml defines no remotes", hint="add one: `remotes: {default: ../shared}`")
    errors = [error for name in names if (error := _test(project.probe(name, cancel=call.cancel))) is not None]
    return max((error.exit_code for error in errors), default=0)


def _test(probe: Probe) -> ProjError | None:
    """Show each operation with its time, up to the first that fails; return its error, after showing it."""
    show(f"{probe.remote.name}: {probe.remote.url}")
    if probe.credentials is not None:
        show(f"  credentials: {probe.credentials}")
    for step in probe.steps:
        show(f"  {step.name}: {'failed' if step.error else f'ok, {1000 * step.seconds:.0f} ms'}")
        if step.error:
            show_error(step.error)
            return step.error
    if probe.remote.read_only:
        warn("the remote is read-only in project.yml: writing was not tested")
    return None


SUBCOMMANDS = (
    Subcommand(
        "remote list",
        list_remotes,
        "List the remotes that project.yml defines.",
        (JSON,),
        examples=("proj remote list",),
    ),
    Subcommand(
        "remote test",
        test_remotes,
        "Test remotes: credentials, list, write, read and delete.\n\nEach operation is shown with its time.",
        arguments=(REMOTE._replace(help=f"{REMOTE_HELP}; by default all remotes of project.yml."), DIRECTORY),
        examples=("proj remote test", "proj remote test default"),
    ),
)
