"""`proj remote list`, `show` and `test`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show, show_error, show_table, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, REMOTE, REMOTE_HELP, Call, Option, Subcommand
from weaselish.errors import ProjError, UsageError
from weaselish.model.project import Remote

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.api.sharing import Probe
    from weaselish.api.user_remotes import UserRemotes

_GLOBAL = Option("only_users", ("--global",), "Only your own remotes, not those of a project.")
_PROJECT, _USER = "project.yml", "config.yml"  # where a remote comes from


def list_remotes(call: Call, *, as_json: bool, only_users: bool) -> int:
    """Show the remotes of project.yml and the user's, without secrets in their URLs."""
    from weaselish.api.user_remotes import UserRemotes

    project = None if only_users else _project(call, call.directory)
    remotes = [*(project.remotes if project else ()), *UserRemotes().remotes]
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([_as_json(remote) for remote in remotes])
    elif remotes:
        show_table([_row(remote, remotes) for remote in remotes], ("remote", "url", "from", ""))
    else:
        say("you have no remotes" if project is None else "neither project.yml nor your configuration defines remotes")
    return 0


def _project(call: Call, directory: str | None) -> Project | None:
    """Return the project in `directory` or around the current one. None if there is none, and none was named."""
    from weaselish.load import find_root

    if directory is None:
        try:
            find_root()
        except UsageError:
            return None
    return open_project(call, directory)


def _row(remote: Remote, remotes: Sequence[Remote]) -> tuple[str, str, str, str]:
    notes = ["read-only"] if remote.read_only else []
    if remote.is_users and any(other.name == remote.name and not other.is_users for other in remotes):
        notes.append("hidden by project.yml")
    return remote.name, remote.url, _source(remote), ", ".join(notes)


def _source(remote: Remote) -> str:
    return _USER if remote.is_users else _PROJECT


def _as_json(remote: Remote) -> dict[str, object]:
    """Return a remote as project.yml can have it, and the file that defines it."""
    fields: dict[str, object] = remote._asdict()
    del fields["is_user_cache"], fields["is_users"]
    fields["auth"] = remote.auth and {
        key: str(value) for key, value in remote.auth._asdict().items() if value is not None
    }
    return {**fields, "from": _source(remote)}


def show_remote(call: Call, *, as_json: bool, only_users: bool) -> int:
    """Show where each setting of a remote and its credentials come from, without the credentials."""
    if not call.words:
        raise UsageError("the name of the remote is missing", hint="`proj remote list` shows the remotes")
    settings = _opened(call, only_users=only_users).settings(call.words[0])
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([{"name": name, "value": value, "from": source} for name, value, source in settings])
    else:
        show_table(
            [(name, _shown(value), source) for name, value, source in settings],
            ("setting", "value", "from"),
        )
    return 0


def _shown(value: str | bool | None) -> str:
    return "(not shown)" if value is None else str(value).lower() if isinstance(value, bool) else value


def _opened(call: Call, *, only_users: bool) -> Project | UserRemotes:
    from weaselish.api.user_remotes import UserRemotes

    project = None if only_users else _project(call, call.words[1] if len(call.words) > 1 else None)
    return project or UserRemotes()


def test_remotes(call: Call, *, as_json: bool, only_users: bool) -> int:
    """List, write, read back and delete a small object on each remote; go on with the next one after a failure."""
    opened = _opened(call, only_users=only_users)
    names = call.words[:1] or tuple(remote.name for remote in opened.remotes)
    if not names:
        raise UsageError("no remotes are defined", hint="add one: `proj remote add NAME URL`")
    tests = [_test(opened, name, call, as_json=as_json) for name in names]
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([facts for facts, _ in tests])
    return max((error.exit_code for _, error in tests if error), default=0)


def _test(
    opened: Project | UserRemotes, name: str, call: Call, *, as_json: bool
) -> tuple[dict[str, object], ProjError | None]:
    """Test one remote up to the first failure, after showing it. Return the facts for JSON, and the error."""
    facts: dict[str, object] = {"name": name, "url": None, "credentials": None, "steps": [], "error": None}
    steps: list[dict[str, object]] = []
    try:
        probe = opened.probe(name, cancel=call.cancel)
        facts |= {"url": probe.remote.url, "credentials": probe.credentials, "steps": steps}
        _show_all(_heading(probe), as_json=as_json)
        for step in probe.steps:
            steps.append({"name": step.name, "ok": step.error is None, "seconds": round(step.seconds, 4)})
            text = f"  {step.name}: {'failed' if step.error else f'ok, {1000 * step.seconds:.0f} ms'}"
            _show_all([text], as_json=as_json)
            if step.error:
                raise step.error
    except ProjError as error:
        if len(call.words) > 0 and not facts["url"]:
            raise
        show_error(error)
        return {**facts, "error": error.message}, error
    if probe.remote.read_only:
        file = _source(probe.remote)
        warn(f"the remote is read-only in {file}: writing was not tested")
    return facts, None


def _heading(probe: Probe) -> Iterable[str]:
    yield f"{probe.remote.name}: {probe.remote.url}"
    if probe.credentials is not None:
        yield f"  credentials: {probe.credentials}"


def _show_all(lines: Iterable[str], *, as_json: bool) -> None:
    if not as_json:
        for line in lines:
            show(line)


SUBCOMMANDS = (
    Subcommand(
        "remote list",
        list_remotes,
        "List the remotes of project.yml and your own.\n\nOutside a project, it lists only your own.",
        (JSON, _GLOBAL),
        examples=("proj remote list", "proj remote list --global"),
    ),
    Subcommand(
        "remote show",
        show_remote,
        "Show where each setting of a remote comes from.\n\nIt shows no secret, only which file, variable or command "
        "the credentials come from.",
        (JSON, _GLOBAL),
        arguments=(REMOTE._replace(help=f"{REMOTE_HELP}.", is_required=True), DIRECTORY),
        examples=("proj remote show lab",),
    ),
    Subcommand(
        "remote test",
        test_remotes,
        "Test remotes: credentials, list, write, read and delete.\n\nEach operation is shown with its time.",
        (JSON, _GLOBAL),
        arguments=(
            REMOTE._replace(
                help=f"{REMOTE_HELP}; by default all remotes of project.yml, or outside a project all of yours."
            ),
            DIRECTORY,
        ),
        examples=("proj remote test", "proj remote test default"),
    ),
)
