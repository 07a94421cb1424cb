"""`proj ls`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable

from weaselish.cli.console import say, table
from weaselish.cli.progress import shown_size
from weaselish.cli.remotes import open_tree
from weaselish.engine.remote.tree import Published
from weaselish.model.project import Remote
from weaselish.stores.base import Stored
from weaselish.workspace import Workspace


def list_runs(workspace: Workspace, remote: Remote, *, as_json: bool) -> int:
    """What a remote holds: runs with their outputs, sizes, ages, and who made them."""
    tree = open_tree(workspace, remote)
    found = sorted(tree.all_published(), key=lambda pair: (pair[1].record.command, -pair[0].modified))
    tree.save()
    if as_json:
        print(json.dumps([_run_json(stored, run) for stored, run in found], indent=2))
        return 0
    rows = [row for stored, run in found for row in _run_rows(stored, run)]
    if not rows:
        say(f"nothing is published on {remote.name}")
        return 0
    print(table(rows, ("command", "output", "size", "stored", "age", "made by", "run"), stream=sys.stdout))
    return 0


def _run_rows(stored: Stored, run: Published) -> Iterable[tuple[str, ...]]:
    for made in run.record.outputs:
        yield (
            _plain(run.record.command),
            _plain(made.path),
            shown_size(made.size or 0),
            shown_size(run.objects[made.path][1]),
            _age(stored.modified),
            _plain(_made_by(run)),
            str(run.record.run),
        )


def _plain(text: str) -> str:
    """Text of others without what could upset a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _run_json(stored: Stored, run: Published) -> dict[str, object]:
    record = run.record
    return {
        "command": record.command,
        "run": record.run,
        "key": record.fingerprint.key,
        "published": stored.modified,
        "made_by": _made_by(run),
        "git": record.facts.get("git"),
        "outputs": [
            {"path": made.path, "digest": made.digest, "size": made.size, "stored": run.objects[made.path][1]}
            for made in record.outputs
        ],
    }


def _made_by(run: Published) -> str:
    host = run.record.facts.get("host")
    return str(host.get("name", "?")) if isinstance(host, dict) else run.record.origin


def _age(modified: float) -> str:
    seconds = max(0.0, time.time() - modified)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
