"""`proj artifact push`, `pull`: versions of artifacts on their way to a remote and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from weaselish.cli.console import done, hint, show_table, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Option, Subcommand, Takes, Values, transfers
from weaselish.errors import UsageError
from weaselish.model.artifacts import ALL
from weaselish.plan.run_ids import short_ids

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.artifacts.pull import Pulled
    from weaselish.engine.artifacts.push import Pushed
    from weaselish.engine.artifacts.stores import Outcome

T = TypeVar("T")

NAME_OR_ALL = Argument("NAME", f"An artifact of project.yml, or `{ALL}`.", Values.ARTIFACTS, is_required=True)
VERSION = Argument(
    "VERSION",
    "`1.4.0`; `LATEST`, the highest that is compatible with the project's version; `newest`; a range such as `^1.2`; "
    "or `@champion`.",
    is_required=True,
)
PREFIX = Option("prefix", ("--prefix", "-p"), "Text in front of the artifact's name on the remote.", Takes.TEXT, "TEXT")

SIGN_IN = (
    Option("user", ("--user", "-u"), "Sign in as this user, instead of by `auth:` of the remote.", Takes.TEXT, "USER"),
    Option("token", ("--token", "-t"), "The password, token or API key to sign in with.", Takes.TEXT, "TOKEN"),
)


def words_of(call: Call, *wanted: str) -> tuple[tuple[str, ...], str | None]:
    """Split the words of a call into those that are wanted, and the project's directory. Raises UsageError.

    `model@1.4.0` is a name and a version, like `model 1.4.0`.
    """
    words = call.words
    if "version" in wanted and words and (at := words[0].find("@")) > 0:
        from weaselish.model.versions import after_at

        words = (words[0][:at], after_at(words[0][at + 1 :]), *words[1:])
    if len(words) < len(wanted):
        raise UsageError(f"the {wanted[len(words)]} is missing", hint="`proj artifact list` shows the artifacts")
    return words[: len(wanted)], words[len(wanted)] if len(words) > len(wanted) else None


def push(
    call: Call,
    *,
    version: str | None,
    prefix: str | None,
    force: bool,
    alias: str | None,
    user: str | None,
    token: str | None,
    jobs: int,
    as_json: bool,
) -> int:
    """Push artifacts; return the exit code."""
    from weaselish.cli.progress import TransferReporter

    (name,), directory = words_of(call, "name of the artifact")
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        outcomes = project.artifacts.push_each(
            name,
            version=version,
            prefix=prefix or "",
            force=force,
            alias=alias,
            user=user,
            token=token,
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    if name != ALL:
        pushed = outcomes[0].get()
        _show_pushed(pushed, outcomes[0].artifact.remote)
        _show_details(pushed, outcomes[0].artifact.remote, alias)
    elif not as_json:
        _show_all_pushed(outcomes)
    return _finish(outcomes, as_json=as_json)


def _show_pushed(pushed: Pushed, remote: str) -> None:
    done(f"{_label(pushed.name, pushed.version)}: {pushed.state} ({pushed.file} on {remote})")


def _show_details(pushed: Pushed, remote: str, alias: str | None) -> None:
    if alias is not None and pushed.version is not None:
        done(f"@{alias} is {pushed.version}")
    if pushed.run is None:
        hint("unattested: no recorded run produced this content")
    elif not pushed.is_published:
        hint(f"`proj push {remote} -c {pushed.run.command}` publishes its run, so that others can verify it")


def _show_all_pushed(outcomes: Sequence[Outcome[Pushed]]) -> None:
    rows: list[tuple[str, ...]] = []
    runs = short_ids(one.result.run.run for one in outcomes if one.result and one.result.run)
    for artifact, pushed, error in outcomes:
        if pushed is not None:
            run = f"run {runs[pushed.run.run]}" if pushed.run else "unattested"
            rows.append((artifact.name, pushed.version or "", pushed.state.value, pushed.file, run))
        elif error is not None:
            rows.append((artifact.name, "", "failed", "", error.message))
    show_table(rows, ("artifact", "version", "result", "file", ""))


def pull(
    call: Call,
    *,
    override: bool,
    out: str | None,
    prefix: str | None,
    force: bool,
    user: str | None,
    token: str | None,
    jobs: int,
    as_json: bool,
) -> int:
    """Pull artifacts; return the exit code."""
    from weaselish.cli.progress import TransferReporter

    (name, version), directory = words_of(call, "name of the artifact", "version")
    if override and out is not None:
        raise UsageError("`--override` and `--out` exclude each other")
    if name == ALL and out is not None and not Path(out).is_dir():
        raise UsageError(f"with `{ALL}`, `--out` is a directory that exists", hint=f"`mkdir {out}`")
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        outcomes = project.artifacts.pull_each(
            name,
            version,
            override=override,
            out=out,
            prefix=prefix or "",
            force=force,
            user=user,
            token=token,
            jobs=jobs,
            on_event=reporter,
            cancel=call.cancel,
        )
    _show_pulled(project, name, outcomes, as_table=not as_json)
    return _finish(outcomes, as_json=as_json)


def _show_pulled(project: Project, name: str, outcomes: Sequence[Outcome[Pulled]], *, as_table: bool) -> None:
    for outcome in outcomes:
        if outcome.result is not None and outcome.result.is_yanked:
            warn(f"{_label(outcome.result.name, outcome.result.version)} was withdrawn: use another version")
    if name != ALL:
        pulled = outcomes[0].get()
        note = "" if pulled.is_attested else ", unattested"
        done(f"{_label(pulled.name, pulled.version)}: {pulled.state} ({_shown(project, pulled.path)}{note})")
        return
    rows: list[tuple[str, ...]] = []
    for artifact, result, error in outcomes:
        if result is not None:
            rows.append((artifact.name, result.version or "", result.state.value, _shown(project, result.path)))
        elif error is not None:
            rows.append((artifact.name, "", "failed", error.message))
    if as_table:
        show_table(rows, ("artifact", "version", "result", "path"))


def _shown(project: Project, path: Path) -> str:
    """Return a path relative to the project if it is in it."""
    root = project.root
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _label(name: str, version: str | None) -> str:
    return name if version is None else f"{name} {version}"


def _finish(outcomes: Sequence[Outcome[T]], *, as_json: bool) -> int:
    if as_json:
        from weaselish.cli.artifact_json import print_outcomes

        print_outcomes(outcomes)
    return 1 if any(outcome.error is not None for outcome in outcomes) else 0


SUBCOMMANDS = (
    Subcommand(
        "artifact push",
        push,
        "Publish an artifact under the project's version.\n\n"
        "If the remote has this version with the same content, it stores nothing. Other content is an error. "
        f"`{ALL}` goes on after a failure.",
        (
            Option("version", ("--version",), "Push as this version instead.", Takes.TEXT, "VERSION"),
            PREFIX,
            Option("force", ("--force", "-f"), "Replace a version that has other content."),
            Option("alias", ("--alias",), "Point this alias at the version.", Takes.TEXT, "ALIAS"),
            *SIGN_IN,
            transfers("Artifacts"),
            JSON,
        ),
        arguments=(NAME_OR_ALL, DIRECTORY),
        examples=("proj artifact push model", "proj artifact push model --alias champion", "proj artifact push ALL"),
    ),
    Subcommand(
        "artifact pull",
        pull,
        "Download and verify a version of an artifact.\n\n"
        "It is put beside project.yml, with the version in its name. `--override` puts it at the artifact's path. "
        f"`{ALL}` stands for the artifacts that this project publishes, and goes on after a failure.",
        (
            Option("override", ("--override", "-o"), "Replace what is at the artifact's path."),
            Option("out", ("--out",), "Put it at this path, or into this directory.", Takes.TEXT, "PATH"),
            PREFIX,
            Option("force", ("--force", "-f"), "Also replace content that exists only locally."),
            *SIGN_IN,
            transfers("Artifacts"),
            JSON,
        ),
        arguments=(NAME_OR_ALL, VERSION, DIRECTORY),
        examples=(
            "proj artifact pull model 1.4.0",
            "proj artifact pull model LATEST --override",
            "proj artifact pull ALL LATEST",
        ),
    ),
)
