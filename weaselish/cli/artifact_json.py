"""Artifacts and versions as `--json` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from weaselish.cli.json_output import print_json

if TYPE_CHECKING:
    from weaselish.engine.artifacts.catalogue import Version
    from weaselish.engine.artifacts.diff import VersionDiff
    from weaselish.engine.artifacts.facts import Shown
    from weaselish.engine.artifacts.listing import Listed
    from weaselish.engine.artifacts.stores import Outcome
    from weaselish.engine.artifacts.verify import Check

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


def version(one: Version) -> dict[str, object]:
    """Return a version with its manifest."""
    manifest = one.manifest
    return {
        "name": one.names.full,
        "version": one.number,
        "file": one.file,
        "size": one.size,
        "manifest": None if manifest is None else manifest.document(),
    }


def shown_version(shown: Shown) -> dict[str, object]:
    """Return what is known of a version."""
    from weaselish.records.record_format import to_document

    return {
        **version(shown.version),
        "aliases": list(shown.aliases),
        "yanked": shown.yanked,
        "record": None if shown.record is None else to_document(shown.record),
        "checks": list(shown.checks),
    }


def version_diff(found: VersionDiff) -> dict[str, object]:
    """Return what differs between two versions."""
    runs = found.runs
    return {
        "old": version(found.old),
        "new": version(found.new),
        "files": [{"change": change.kind.value, "path": change.name} for change in found.files],
        "runs": None
        if runs is None
        else {
            "script": list(runs.script),
            "deps": [{"change": change.kind.value, "path": change.name} for change in runs.deps],
            "env": [{"change": change.kind.value, "name": change.name} for change in runs.env],
            "metrics": [metric._asdict() for metric in runs.metrics],
        },
    }


def checked(check: Check) -> dict[str, object]:
    """Return what a verification found."""
    return {
        "name": check.name,
        "version": check.version,
        "state": check.state.value,
        "message": check.message,
        "differences": [{**one._asdict(), "is_within": one.is_within} for one in check.differences],
        "notes": list(check.notes),
        "stored": check.stored,
    }
