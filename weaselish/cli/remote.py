"""`proj remote list` and `proj remote test`."""

from __future__ import annotations

from weaselish.cli.console import say, show, show_table, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, REMOTE_HELP, Call, Subcommand
from weaselish.errors import UsageError
from weaselish.model.project import Remote


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
    del fields["is_user_cache"]
    return fields


def test_remote(call: Call) -> int:
    """List, write, read back and delete a small object, each with its time; stop at the first failure."""
    if not call.words:
        raise UsageError("the name of the remote is missing", hint="`proj remote list` shows the remotes")
    project = open_project(call, call.words[1] if len(call.words) > 1 else None)
    probe = project.probe(call.words[0], cancel=call.cancel)
    show(f"{probe.remote.name}: {probe.remote.url}")
    if probe.credentials is not None:
        show(f"  credentials: {probe.credentials}")
    for step in probe.steps:
        show(f"  {step.name}: {'failed' if step.error else f'ok, {1000 * step.seconds:.0f} ms'}")
        if step.error:
            raise step.error
    if probe.remote.read_only:
        warn("the remote is read-only in project.yml: writing was not tested")
    return 0


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
        test_remote,
        "Test a remote: credentials, list, write, read and delete.\n\nEach operation is shown with its time.",
        arguments=(REMOTE._replace(help=f"{REMOTE_HELP}.", is_required=True), DIRECTORY),
        examples=("proj remote test default",),
    ),
)
