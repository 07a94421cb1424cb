"""`proj pull`."""

from __future__ import annotations

import dataclasses

from weaselish.cli.console import paint, say, say_hint
from weaselish.cli.interrupts import cancelling_at_once
from weaselish.cli.progress import TransferReporter
from weaselish.cli.remotes import check_commands, open_tree
from weaselish.cli.transfers import end, say_counts, show_refused
from weaselish.engine.remote.pull import Pulled, PullOptions, pull
from weaselish.errors import in_short
from weaselish.model.project import Remote
from weaselish.workspace import Workspace


def run_pull(workspace: Workspace, remote: Remote, options: PullOptions, *, as_json: bool) -> int:
    options = dataclasses.replace(options, commands=check_commands(workspace, options.commands))
    if not options.dry:
        workspace.prepare_to_change()
    with cancelling_at_once(workspace.cancel), TransferReporter() as reporter:
        results = pull(workspace, open_tree(workspace, remote), options, report=reporter)
    for result in results:
        _show_pulled(result, dry=options.dry)
    here = [one.already_here for one in results]
    say_counts("pulled from", remote, [bool(one.restored) for one in results], here, "here", dry=options.dry)
    return end(results, as_json=as_json)


def _show_pulled(result: Pulled, *, dry: bool) -> None:
    if result.refused is not None:
        show_refused(result, "pulled")
    elif result.already_here:
        say(f"{paint('✔', 'green')} {result.command}: already here")
    else:
        verb = "would pull" if dry else "pulled"
        say(f"{paint('✔', 'green')} {result.command}: {verb} {in_short(result.restored, separator=', ')}")
    for note in result.notes:
        say_hint(f"{result.command}: {note}")
