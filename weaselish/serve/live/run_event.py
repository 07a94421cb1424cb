"""Runs as events of a stream and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from weaselish.serve.storage.run_row import RunRow


def run_as_json(row: RunRow) -> dict[str, Any]:
    """Return what a page needs to show a run in a list."""
    return {
        "run": str(row.run),  # scripts of pages would round it
        "command": row.command,
        "state": row.state.value,
        "started": row.started,
        "seconds": row.seconds,
        "exit_code": row.exit_code,
        "message": row.message,
        "reasons": list(row.reasons),
        "host": row.host,
        "commit": row.commit,
        "process": row.journal.removesuffix(".jsonl"),
    }


def event(name: str, data: Any, identity: int | None = None) -> bytes:
    """Encode one event. `identity` is what the browser sends back when it connects again."""
    first = "" if identity is None else f"id: {identity}\n"
    return f"{first}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def runs_event(rows: Iterable[RunRow], version: int) -> bytes:
    """Return the event about rows that changed with one version of the project."""
    return event("runs", {"version": version, "runs": [run_as_json(row) for row in rows]}, version)
