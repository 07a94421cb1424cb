"""`proj run --dry`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.activity import ActivityReporter
from weaselish.cli.console import show
from weaselish.cli.opening import show_notices
from weaselish.cli.subcommand import Call
from weaselish.cli.units import shown_duration, shown_size
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.cli.run_options import Settings
    from weaselish.engine.cache.forecast import Forecast
    from weaselish.engine.dry_run import PlannedStep


_WORTH_SAYING = 1.0  # seconds


def dry_run(call: Call, project: Project, targets: Sequence[str], settings: Settings, *, as_json: bool) -> int:
    """Print each step that would run, why, and its lines. Changes nothing."""
    from weaselish.engine.cache.forecast import Action

    with ActivityReporter() as reporter:
        steps = project.preview(
            *targets,
            only=settings.only,
            from_step=settings.from_step,
            until_step=settings.until_step,
            force=settings.force,
            force_all=settings.force_all,
            args=settings.args,
            cache=settings.cache,
            on_event=reporter,
            cancel=call.cancel,
        )
    show_notices(project.model)
    if as_json:
        from weaselish.cli.json_output import print_json
        from weaselish.cli.run_json import planned_as_json

        print_json([planned_as_json(step) for step in steps])
        return 0
    for step in steps:
        _show(step)
    if all(step.forecast.action in (Action.NOTHING, Action.LEAVE) for step in steps):
        show("nothing to do")
    return 0


def _show(step: PlannedStep) -> None:
    """Print what a run will do with a step, and why."""
    from weaselish.engine.cache.forecast import Action
    from weaselish.engine.status import Status

    action = step.forecast.action
    if step.status is Status.UNRECORDED:
        show(f"{step.step}: unrecorded, would not run")
    if action is Action.LEAVE:
        show(f"{step.step}: its outputs are in the cache, and no step needs them")
    if action in (Action.NOTHING, Action.LEAVE):
        return
    show(f"{step.step}: {in_short(step.reasons)}{_price(step.forecast)}")
    if action is Action.RESTORE:
        show(f"Would restore: {shown_size(step.forecast.size)} from the cache")
    for line in step.lines:
        show(f"Would run: {line}")
    for dep in step.missing_deps:
        show(f"`{step.step}` needs `{dep}`, which does not exist")


def _price(forecast: Forecast) -> str:
    """Return what the step will probably take, as an addition to a line."""
    from weaselish.engine.cache.forecast import Action

    if forecast.seconds is None or forecast.seconds < _WORTH_SAYING:
        return ""
    about = f"≈ {shown_duration(forecast.seconds)}"
    match forecast.action:
        case Action.RUN:
            return f" ({about} last time)"
        case Action.UNKNOWN:
            return f" ({about} last time, if it runs)"
        case _:
            return f" ({about})"
