"""`proj assets`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from weaselish.cli.console import paint, say, say_hint, warn
from weaselish.cli.interrupts import cancelling_at_once
from weaselish.cli.progress import TransferReporter, shown_size
from weaselish.engine.assets import AssetOptions, AssetResult, AssetState, fetch_assets
from weaselish.load import FILE
from weaselish.workspace import Workspace

_MARKS = {AssetState.FETCHED: ("✔", "green"), AssetState.HERE: ("✔", "green"), AssetState.LEFT: ("–", "yellow")}


def dests_and_directory(words: Sequence[str]) -> tuple[list[str], str | None]:
    """`[DEST]... [DIR]`: the last word is a directory only if it is a project's; a dest may be one too."""
    if words and (Path(words[-1]) / FILE).is_file():
        return list(words[:-1]), words[-1]
    return list(words), None


def run_assets(workspace: Workspace, options: AssetOptions, *, as_json: bool) -> int:
    from weaselish.stores.open import open_store

    with cancelling_at_once(workspace.cancel), TransferReporter() as reporter:
        results = fetch_assets(workspace, options, open_store=partial(open_store, root=workspace.root), report=reporter)
    for result in results:
        _show(result)
    if results:
        counts = {state: sum(one.state is state for one in results) for state in AssetState}
        told = {
            AssetState.FETCHED: "fetched",
            AssetState.HERE: "already here",
            AssetState.LEFT: "left",
            AssetState.FAILED: "failed",
        }
        say(", ".join(f"{counts[state]} {text}" for state, text in told.items() if counts[state]))
    else:
        extra = [asset.dest for asset in workspace.project.assets]
        warn("project.yml has no assets", "those that are `extra` need `--extra`" if extra else None)
    if as_json:
        print(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
    return exit_code(results)


def exit_code(results: Sequence[AssetResult]) -> int:
    return 1 if any(result.state is AssetState.FAILED for result in results) else 0


def _show(result: AssetResult) -> None:
    mark, colour = _MARKS.get(result.state, ("✘", "red"))
    told = {AssetState.FETCHED: f"fetched, {shown_size(result.size or 0)}", AssetState.HERE: "already here"}
    say(f"{paint(mark, colour)} {result.dest}: {told.get(result.state, result.message)}")
    say_hint(result.hint)
