"""The pages and forms by which visitors with the role runner start and stop actions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from weaselish.errors import ProjError, UnknownName
from weaselish.model.resources import shown_bytes
from weaselish.serve.access.roles import Visitor
from weaselish.serve.access.visitors import Viewer
from weaselish.serve.actions.allowed import AllowedRunner, actions_of, noted
from weaselish.serve.actions.requests import AcceptRequest, ActionRequest, RunRequest, TransferRequest, shown
from weaselish.serve.actions.stopping import stop_call_of, stop_step_of
from weaselish.serve.live.live import live_of
from weaselish.serve.pages.rendering import links_of, render
from weaselish.serve.routes.numbers import ActionId, RunField
from weaselish.serve.serving import serving_of, sources_of
from weaselish.serve.settings import Limits
from weaselish.serve.storage.actions import ActionRow
from weaselish.serve.views.runs import RunItem, item_of
from weaselish.serve.views.sources import Source

_OVERRIDES = ("vars.", "env.")

router = APIRouter(include_in_schema=False)


@router.get("/p/{project}/act")
def act_page(request: Request, visitor: AllowedRunner, project: str, step: str | None = None) -> Response:
    """Show the forms that start something."""
    source = sources_of(request).of(project)
    model = source.project.model
    return render(
        request,
        "act.html",
        visitor=visitor,
        project=project,
        step=step,
        workflows=list(model.workflows),
        commands=list(model.commands),
        variables=source.project.vars(),
        remotes=list(model.remotes),
        limits=_shown_limits(serving_of(request).settings.limits),
        actions=actions_of(request).last({project: source.directory}, most=20),
    )


@router.post("/p/{project}/act/run")
async def run(request: Request, visitor: AllowedRunner, project: str) -> RedirectResponse:
    """Run a target with the overrides of the form."""
    from starlette.concurrency import run_in_threadpool

    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    jobs = form.get("jobs", "1")
    wanted = RunRequest(
        (form.get("target", ""),),
        {name: value for name, value in form.items() if name.startswith(_OVERRIDES) and value},
        force="force" in form,
        force_all="force_all" in form,
        only="only" in form,
        keep_going="keep_going" in form,
        yes="yes" in form,
        jobs=int(jobs) if jobs.isdecimal() and len(jobs) < 4 else 0,
    )
    return await run_in_threadpool(_start, request, visitor, project, wanted)


@router.post("/p/{project}/act/accept")
def accept(request: Request, visitor: AllowedRunner, project: str, command: Annotated[str, Form()]) -> RedirectResponse:
    """Accept the outputs of a command."""
    return _start(request, visitor, project, AcceptRequest((command,)))


@router.post("/p/{project}/act/transfer")
def transfer(
    request: Request,
    visitor: AllowedRunner,
    project: str,
    kind: Annotated[str, Form(pattern="^(push|pull)$")],
    remote: Annotated[str, Form()],
    command: Annotated[str, Form()] = "",
    force: Annotated[str | None, Form()] = None,
) -> RedirectResponse:
    """Push or pull."""
    commands = (command,) if command else ()
    wanted = TransferRequest(kind, remote, commands, force=force is not None and kind == "pull")
    return _start(request, visitor, project, wanted)


@router.post("/p/{project}/stop")
def stop(
    request: Request,
    visitor: AllowedRunner,
    project: str,
    run: RunField,
    step: Annotated[str, Form()],
    what: Annotated[Literal["step", "call"], Form()] = "step",
) -> RedirectResponse:
    """End a step, or the `proj` that runs it with its other steps."""
    if what == "step":
        stop_step_of(request, visitor, project, step)
    else:
        stop_call_of(request, visitor, project, run, step)
    return RedirectResponse(links_of(request).run(project, run, step) or links_of(request).home(), 303)


@router.get("/p/{project}/actions/{action}")
def action_page(request: Request, visitor: Viewer, project: str, action: ActionId) -> Response:
    """Show an action, its steps and the messages of `proj`."""
    source = sources_of(request).of(project)
    row = _action(request, source, action)
    output = actions_of(request).output(row, live_of(request).project(project).mask)
    runs = _runs_of(source, row)
    return render(
        request, "action.html", visitor=visitor, project=project, action=row, messages=output.messages, runs=runs
    )


@router.post("/p/{project}/actions/{action}/stop")
def stop_action(request: Request, visitor: AllowedRunner, project: str, action: ActionId) -> RedirectResponse:
    """Ask an action to end."""
    row = _action(request, sources_of(request).of(project), action)
    with noted(request, visitor, "stop", f"{project}: action {row.id}"):
        actions_of(request).stop(row.id)
    return _to_action(request, project, row)


def _start(request: Request, visitor: Visitor, project: str, wanted: ActionRequest) -> RedirectResponse:
    live = live_of(request).project(project)
    with noted(request, visitor, wanted.kind, f"{project}: {shown(wanted, live.mask)}"):
        row = actions_of(request).start(live.root, wanted, visitor.name, live.mask)
    return _to_action(request, project, row)


def _to_action(request: Request, project: str, row: ActionRow) -> RedirectResponse:
    return RedirectResponse(f"{links_of(request).page(project, 'actions')}/{row.id}", 303)


def _action(request: Request, source: Source, action: ActionId) -> ActionRow:
    row = actions_of(request).find(action)
    if row.project != str(source.directory):
        raise UnknownName("action", str(action), [])
    return row


def _runs_of(source: Source, row: ActionRow) -> list[RunItem]:
    """Return the runs of the project that began while an action ran."""
    try:
        newest = source.history.newest(most=100)
    except ProjError:
        return []
    ended = row.ended if row.ended is not None else float("inf")
    return [item_of(run) for run in reversed(newest) if row.started <= run.started <= ended and row.kind == "run"]


def _shown_limits(limits: Limits) -> str:
    texts = [
        f"{limits.cpus:g} cpus" if limits.cpus is not None else "",
        f"{shown_bytes(limits.memory)} of memory" if limits.memory is not None else "",
        f"{limits.gpus} GPUs" if limits.gpus is not None else "",
        f"{shown_bytes(limits.disk)} written" if limits.disk is not None else "",
        f"{limits.time:g} s" if limits.time is not None else "",
    ]
    return ", ".join(filter(None, texts))
