"""Artifacts and versions as `--json` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from weaselish.cli.json_output import print_json

if TYPE_CHECKING:
    from weaselish.engine.artifacts.listing import Listed
    from weaselish.engine.artifacts.stores import Outcome

T = TypeVar("T")


def print_outcomes(outcomes: Sequence[Outcome[T]]) -> None:
    """Print the result or the error of each artifact."""
    print_json([_outcome(outcome) for outcome in outcomes])


def _outcome(outcome: Outcome[T]) -> dict[str, object]:
    if outcome.error is not None:
        return {"name": outcome.artifact.name, "error": outcome.error.message, "hint": outcome.error.hint}
    return {**plain(outcome.result), "error": None}


def plain(result: object) -> dict[str, object]:
    """Return the fields of a result, nested results as mappings."""
    assert is_dataclass(result) and not isinstance(result, type)
    fields = asdict(result)
    fields["run"] = run._asdict() if (run := getattr(result, "run", None)) is not None else None
    return {key: str(value) if isinstance(value, Path) else value for key, value in fields.items()}


def listed(one: Listed) -> dict[str, object]:
    """Return a version in a list, with its manifest."""
    manifest = one.manifest
    return {
        "version": one.version,
        "file": one.file,
        "size": one.size,
        "aliases": list(one.aliases),
        "yanked": one.yanked,
        "problem": one.problem,
        "manifest": None if manifest is None else manifest.document(),
    }
