"""What `proj push` and `proj pull` print in the same way."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import failed, hint, left

if TYPE_CHECKING:
    from weaselish.engine.remote.pull import Pulled
    from weaselish.engine.remote.push import Pushed


class Direction(enum.Enum):
    PUSH = enum.auto()
    PULL = enum.auto()


def show_refused(direction: Direction, result: Pushed | Pulled) -> None:
    """Print why nothing of a command was transferred."""
    show_line = failed if result.is_error else left
    verb = "pushed" if direction is Direction.PUSH else "pulled"
    show_line(f"{result.command}: not {verb}: {result.refused}")
    hint(result.hint)


def counts(direction: Direction, remote: str, moved: Sequence[bool], already: Sequence[bool], *, dry: bool) -> str:
    """Return the last line: how many commands were transferred, were there already, or were left out."""
    from weaselish.model.urls import without_secrets

    if not moved:
        return "no command has outputs to push or pull"
    verb, where = ("pushed to", "on the remote") if direction is Direction.PUSH else ("pulled from", "present")
    rest = len(moved) - sum(moved) - sum(already)
    parts = [f"{sum(moved)} {'would be ' if dry else ''}{verb} {without_secrets(remote)}"]
    parts += [f"{sum(already)} already {where}"] if any(already) else []
    parts += [f"{rest} not"] if rest else []
    return ", ".join(parts)


def finish(results: Sequence[Pushed | Pulled], *, as_json: bool) -> int:
    """Print the results as JSON if asked; return the exit code."""
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([dataclasses.asdict(result) for result in results])
    return 1 if any(result.is_error for result in results) else 0
