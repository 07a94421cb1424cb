"""`proj push`."""

from __future__ import annotations

import dataclasses

from weaselish.cli.console import paint, say
from weaselish.cli.interrupts import cancelling_at_once
from weaselish.cli.progress import TransferReporter, shown_size
from weaselish.cli.remotes import check_commands, open_tree
from weaselish.cli.transfers import end, say_counts, show_refused
from weaselish.engine.remote.push import Pushed, PushOptions, push
from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.workspace import Workspace


def run_push(workspace: Workspace, remote: Remote, options: PushOptions, *, as_json: bool) -> int:
    options = dataclasses.replace(options, commands=check_commands(workspace, options.commands))
    if remote.read_only:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to push to it")
    if not options.dry:
        workspace.prepare_to_change()
    with cancelling_at_once(workspace.cancel), TransferReporter() as reporter:
        results = push(workspace, open_tree(workspace, remote), options, report=reporter)
    workspace.save()
    for result in results:
        _show_pushed(result, dry=options.dry)
    there = [one.already_there for one in results]
    say_counts("pushed to", remote, [bool(one.stored) for one in results], there, "there", dry=options.dry)
    return end(results, as_json=as_json)


def _show_pushed(result: Pushed, *, dry: bool) -> None:
    if result.refused is not None:
        show_refused(result, "pushed")
    elif result.already_there or not result.stored:
        say(f"{paint('✔', 'green')} {result.command}: {'already there' if result.already_there else 'recorded'}")
    else:
        objects = "1 output" if len(result.stored) == 1 else f"{len(result.stored)} outputs"
        verb = "would push" if dry else "pushed"
        say(f"{paint('✔', 'green')} {result.command}: {verb} {objects}, {shown_size(result.size)}")
