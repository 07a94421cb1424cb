"""The status of each step for a project with a run cache: outputs that the cache holds count as present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weaselish.engine.cache.forecast import Action, Forecast, foretell, with_forecasts
from weaselish.engine.events import Reporter
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.run.caching import Caching
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.status import Status, StepStatus
from weaselish.errors import UsageError
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace


def with_cache(
    workspace: Workspace, plan: Plan, steps: Sequence[StepStatus], *, open_store: OpenStore, report: Reporter
) -> list[StepStatus]:
    """Return the statuses with what the cache holds. Downloads no output. Raises UsageError without a cache."""
    caching = Caching(workspace, None, open_store, SerialReporter(report))
    if not caching.is_configured:
        raise UsageError(
            "the project has no run cache", hint="write `cache: local` into project.yml, or set PROJ_CACHE"
        )
    forecasts = foretell(workspace, plan, caching, named=())
    return [_with_forecast(step, forecasts) for step in steps]


def _with_forecast(step: StepStatus, forecasts: Mapping[Step, Forecast]) -> StepStatus:
    forecast = forecasts.get(step.step)
    if forecast is None:  # it is unrecorded
        return step
    if forecast.action in (Action.NOTHING, Action.LEAVE):
        return step._replace(status=Status.UP_TO_DATE, reasons=(), must_run=False, forecast=forecast)
    reasons = with_forecasts(step.reasons, forecasts)
    must_run = step.must_run and forecast.action is not Action.RESTORE
    return step._replace(reasons=reasons, must_run=must_run, forecast=forecast)
