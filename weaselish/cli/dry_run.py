"""`proj run --dry`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import show
from weaselish.cli.opening import show_note, show_notices
from weaselish.cli.subcommand import Call
from weaselish.errors import in_short

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.cli.run_options import Settings


def dry_run(call: Call, project: Project, targets: Sequence[str], settings: Settings, *, as_json: bool) -> int:
    """Print each step that would run, why, and its lines. Changes nothing."""
    from weaselish.engine.status import Status

    steps = project.preview(
        *targets,
        only=settings.only,
        from_step=settings.from_step,
        until_step=settings.until_step,
        force=settings.force,
        force_all=settings.force_all,
        args=settings.args,
        on_event=show_note,
        cancel=call.cancel,
    )
    show_notices(project.model)
    if as_json:
        from weaselish.cli.json_output import print_json
        from weaselish.cli.run_json import planned_as_json

        print_json([planned_as_json(step) for step in steps])
        return 0
    for step in steps:
        if step.status is Status.UNRECORDED:
            show(f"{step.step}: unrecorded, would not run")
        if step.reasons:
            show(f"{step.step}: {in_short(step.reasons)}")
        for line in step.lines:
            show(f"Would run: {line}")
        for dep in step.missing_deps:
            show(f"`{step.step}` needs `{dep}`, which does not exist")
    if not any(step.reasons for step in steps):
        show("nothing to do")
    return 0
