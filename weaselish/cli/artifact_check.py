"""`proj artifact show`, `diff` and `verify`: what is known of versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weaselish.cli.artifact import PREFIX, words_of
from weaselish.cli.artifact_facts import NAME
from weaselish.cli.console import done, failed, hint, say, show, show_table
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, JSON, Argument, Call, Option, Subcommand, Values
from weaselish.cli.units import shown_size

if TYPE_CHECKING:
    from weaselish.engine.artifacts.diff import VersionDiff
    from weaselish.engine.artifacts.facts import Shown
    from weaselish.engine.artifacts.verify import Check

NAME_AT_VERSION = Argument(
    "NAME@VERSION", "An artifact and its version: `model@1.4.0`, `model@LATEST`.", Values.ARTIFACTS, is_required=True
)
SIDE = "A version, `LATEST`, `newest`, a range or `@alias`."


def _name_and_version(call: Call) -> tuple[str, str, str | None]:
    """Return name, version and the project's directory. `model 1.4.0` is taken like `model@1.4.0`."""
    from weaselish.model.versions import LATEST, NEWEST, is_version

    (word,), second = words_of(call, "name of the artifact")
    name, at, wanted = word.partition("@")
    if not at and second is not None and (is_version(second) or second.startswith("@") or second in (LATEST, NEWEST)):
        return name, second, call.words[2] if len(call.words) > 2 else None
    return name, wanted, second


def show_version(call: Call, *, prefix: str | None, as_json: bool) -> int:
    """Show what is known of a version."""
    name, wanted, directory = _name_and_version(call)
    project = open_project(call, directory)
    shown = project.artifacts.show(name, wanted, prefix=prefix or "", cancel=call.cancel)
    if as_json:
        from weaselish.cli.artifact_json import shown_version
        from weaselish.cli.json_output import print_json

        print_json(shown_version(shown))
        return 0
    rows = list(_facts(shown))
    longest = max(len(title) for title, _ in rows)
    for title, text in rows:
        show(f"{title.ljust(longest)}  {text}")
    return 0


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    version, manifest = shown.version, shown.version.manifest
    yield "version", version.label
    yield "file", f"{version.file}, {shown_size(version.size)}"
    if shown.aliases:
        yield "aliases", ", ".join(f"@{alias}" for alias in shown.aliases)
    if shown.yanked is not None:
        yield "withdrawn", shown.yanked or "without a reason"
    if manifest is None:
        yield "from", "another tool: unattested"
        return
    if manifest.description:
        yield "description", manifest.description
    yield "SHA-256", manifest.sha256
    yield "digest", f"{manifest.digest} ({manifest.algorithm})"
    yield "pushed", f"{manifest.pushed} by {manifest.tool} on {manifest.host}, project {manifest.project}"
    if manifest.git:
        yield "commit", f"{manifest.git.get('commit', '')}{' (dirty)' if manifest.git.get('dirty') else ''}"
    if manifest.record is None:
        yield "run", "unattested: no recorded run produced it"
        return
    known = "" if shown.record else ", whose record is not on the remote"
    yield "run", f"{manifest.record.run} of `{manifest.record.command}`{known}"
    for file, values in shown.record.metrics.items() if shown.record else ():
        yield "metrics", f"{file}: " + ", ".join(f"{name} {value}" for name, value in values.items())
    for check in shown.checks:
        yield "computed again", f"{check.get('at')}: {check.get('outcome')}"


def diff(call: Call, *, prefix: str | None, as_json: bool) -> int:
    """Show what differs between two versions; return the exit code."""
    from weaselish.cli.progress import TransferReporter

    (name, old, new), directory = words_of(call, "name of the artifact", "first version", "second version")
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        found = project.artifacts.diff(name, old, new, prefix=prefix or "", on_event=reporter, cancel=call.cancel)
    if as_json:
        from weaselish.cli.artifact_json import version_diff
        from weaselish.cli.json_output import print_json

        print_json(version_diff(found))
    else:
        _show_diff(found)
    return 0


def _show_diff(found: VersionDiff) -> None:
    old, new = found.old, found.new
    show(f"{old.label} → {new.number}: {shown_size(old.size)} → {shown_size(new.size)}")
    for change in found.files:
        show(f"  {change.kind.value} {change.name}")
    if not found.files:
        show("  the same content")
    runs = found.runs
    if runs is None and found.files:
        hint("their runs are not compared: the remote does not have the records of both")
    if runs is None:
        return
    for line in runs.script:
        show(f"  script {line}")
    for title, changes in (("dep", runs.deps), ("env", runs.env)):
        for change in changes:
            show(f"  {title} {change.kind.value}: {change.name}")
    for metric in runs.metrics:
        show(f"  {metric.file}: {metric.name} {metric.old} → {metric.new}")


def verify(call: Call, *, rerun: bool, prefix: str | None, as_json: bool) -> int:
    """Verify a version; return the exit code."""
    from weaselish.cli.progress import TransferReporter

    name, wanted, directory = _name_and_version(call)
    project = open_project(call, directory)
    with TransferReporter() as reporter:
        check = project.artifacts.verify(
            name, wanted, rerun=rerun, prefix=prefix or "", on_event=reporter, cancel=call.cancel
        )
    _show_check(check, rerun=rerun)
    if as_json:
        from weaselish.cli.artifact_json import checked
        from weaselish.cli.json_output import print_json

        print_json(checked(check))
    elif check.differences:
        rows = [
            (one.file, one.metric, _shown(one.old), _shown(one.new), f"{one.tolerance:g}", "" if one.is_within else "✘")
            for one in check.differences
        ]
        show_table(rows, ("file", "metric", "version", "again", "tolerance", ""))
    return 0 if check.state.is_good else 1


def _shown(number: float | None) -> str:
    return "missing" if number is None else f"{number:g}"


def _show_check(check: Check, *, rerun: bool) -> None:
    from weaselish.engine.artifacts.verify import CheckState

    label = check.name if check.version is None else f"{check.name} {check.version}"
    is_rerun = rerun and check.state is not CheckState.DAMAGED
    what = "computed again: " if is_rerun else ""
    print_line = done if check.state.is_good else failed
    print_line(f"{label}: {what}{check.state}" + (f": {check.message}" if check.message else ""))
    for note in check.notes if not check.state.is_good or check.differences else ():
        hint(note)
    if is_rerun and not check.stored:
        say("the remote is read-only: the outcome was not stored beside the version")


SUBCOMMANDS = (
    Subcommand(
        "artifact show",
        show_version,
        "Show a version: its file, its run, aliases and checks.\n\nWithout a version, it shows the highest.",
        (PREFIX, JSON),
        arguments=(NAME_AT_VERSION, DIRECTORY),
        examples=("proj artifact show model@1.4.0", "proj artifact show model@champion"),
    ),
    Subcommand(
        "artifact diff",
        diff,
        "Compare two versions: their files and their runs.",
        (PREFIX, JSON),
        arguments=(
            NAME,
            Argument("VERSION1", SIDE, is_required=True),
            Argument("VERSION2", SIDE, is_required=True),
            DIRECTORY,
        ),
        examples=("proj artifact diff model 1.3.0 1.4.0",),
    ),
    Subcommand(
        "artifact verify",
        verify,
        "Verify the bytes of a version, or compute it again.\n\n"
        "`--rerun` runs the recorded script in a clean directory with the deps of that run: from the working tree, "
        "from git, or from the remote. The outcome is stored beside the version. Numbers may differ as `equivalent:` "
        "of the artifact allows.",
        (Option("rerun", ("--rerun",), "Run the recorded script again, and compare its output."), PREFIX, JSON),
        arguments=(NAME_AT_VERSION, DIRECTORY),
        examples=("proj artifact verify model@1.4.0", "proj artifact verify model@1.4.0 --rerun"),
    ),
)
