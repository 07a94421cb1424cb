"""What `proj push` and `proj pull` print in the same way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from weaselish.cli.console import paint, say, say_hint
from weaselish.engine.remote.pull import Pulled
from weaselish.engine.remote.push import Pushed
from weaselish.model.project import Remote


def show_refused(result: Pushed | Pulled, done: str) -> None:
    mark = paint("✘", "red") if result.is_error else paint("–", "yellow")
    say(f"{mark} {result.command}: not {done}: {result.refused}")
    say_hint(result.hint)


def say_counts(
    done: str, remote: Remote, moved: Sequence[bool], already: Sequence[bool], where: str, *, dry: bool
) -> None:
    rest = len(moved) - sum(moved) - sum(already)
    parts = [f"{sum(moved)} {'would be ' if dry else ''}{done} {remote.name}"]
    parts += [f"{sum(already)} already {where}"] if any(already) else []
    parts += [f"{rest} not"] if rest else []
    say(", ".join(parts) if moved else "no command has outputs to push or pull")


def end(results: Sequence[Pushed | Pulled], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
    return 1 if any(result.is_error for result in results) else 0
