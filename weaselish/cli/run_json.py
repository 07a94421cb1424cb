"""`proj run --json`, with and without `--dry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weaselish.engine.dry_run import PlannedStep
    from weaselish.engine.run.run import RunResult
    from weaselish.plan.reasons import Reason


def result_as_json(result: RunResult, reasons: Mapping[str, Sequence[Reason]]) -> dict[str, Any]:
    """Return the document about a run. `reasons`: step -> why it ran."""
    return {
        "targets": list(result.plan.targets),
        "exit_code": result.exit_code,
        "steps": [
            {
                "step": row.step,
                "result": row.state.value,
                "seconds": round(row.seconds, 3),
                "exit_code": row.exit_code,
                "reasons": [str(reason) for reason in reasons.get(row.step, ())],
            }
            for row in result.results
        ],
    }


def planned_as_json(step: PlannedStep) -> dict[str, Any]:
    """Return what a run would do with a step."""
    from weaselish.engine.cache.forecast import Action

    forecast = step.forecast
    return {
        "step": step.step,
        "state": step.status.value,
        "runs": forecast.action in (Action.RUN, Action.UNKNOWN),
        "action": forecast.action.value,
        "seconds": forecast.seconds,
        "size": forecast.size,
        "reasons": [str(reason) for reason in step.reasons],
        "lines": list(step.lines),
    }
