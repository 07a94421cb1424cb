"""What visitors with the role runner start and stop, as JSON. A viewer can read, and change nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from weaselish.serve.access.roles import Visitor
from weaselish.serve.access.visitors import Viewer
from weaselish.serve.actions.allowed import AllowedRunner, actions_of, noted
from weaselish.serve.actions.requests import AcceptRequest, ActionRequest, RunRequest, TransferRequest, shown
from weaselish.serve.actions.stopping import stop_call_of, stop_step_of
from weaselish.serve.live.live import live_of
from weaselish.serve.routes.numbers import ActionId, RunId
from weaselish.serve.routes.reading import ERRORS
from weaselish.serve.serving import serving_of
from weaselish.serve.storage.actions import MOST, ActionRow

router = APIRouter(prefix="/api/v1", tags=["actions"], responses=ERRORS)

Name = Annotated[str, Field(max_length=500)]
Names = Annotated[tuple[Name, ...], Field(max_length=50)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunBody(_Body):
    """What `proj run` takes. `overrides`: `{"vars.epochs": "5"}`. `yes` answers a command that asks with `confirm`."""

    targets: Names
    overrides: Annotated[dict[Name, Annotated[str, Field(max_length=4096)]], Field(max_length=100)] = {}
    force: bool = False
    force_all: bool = False
    only: bool = False
    from_step: Name | None = None
    until_step: Name | None = None
    keep_going: bool = False
    jobs: Annotated[int, Field(ge=1, le=256)] = 1
    yes: bool = False


class AcceptBody(_Body):
    """The commands and workflows whose current outputs to record."""

    commands: Names


class TransferBody(_Body):
    """A remote of project.yml. Without commands, all of them. `force`: a pull replaces what exists only locally."""

    remote: Name = "default"
    commands: Names = ()
    force: bool = False


class Action(BaseModel):
    """One action. Times in seconds since 1970; it runs as long as `ended` is null."""

    id: int
    project: str
    kind: str
    words: tuple[str, ...]
    visitor: str
    host: str
    started: float
    ended: float | None
    exit_code: int | None
    reason: str | None
    is_stopping: bool


class ActionDetails(Action):
    """An action and what `proj` wrote: its document in JSON, and its messages."""

    result: object
    messages: str


@router.post("/projects/{project}/run", status_code=202)
def start_run(request: Request, visitor: AllowedRunner, project: str, body: RunBody) -> Action:
    """Run targets, as `proj run` does."""
    return _start(request, visitor, project, RunRequest(**body.model_dump()))


@router.post("/projects/{project}/accept", status_code=202)
def accept(request: Request, visitor: AllowedRunner, project: str, body: AcceptBody) -> Action:
    """Record the current outputs of commands, as `proj lock accept` does."""
    return _start(request, visitor, project, AcceptRequest(body.commands))


@router.post("/projects/{project}/push", status_code=202)
def push(request: Request, visitor: AllowedRunner, project: str, body: TransferBody) -> Action:
    """Push to a remote of project.yml, as `proj push` does."""
    return _start(request, visitor, project, TransferRequest("push", body.remote, body.commands))


@router.post("/projects/{project}/pull", status_code=202)
def pull(request: Request, visitor: AllowedRunner, project: str, body: TransferBody) -> Action:
    """Pull from a remote of project.yml, as `proj pull` does."""
    return _start(request, visitor, project, TransferRequest("pull", body.remote, body.commands, body.force))


@router.post("/projects/{project}/runs/{run}/stop", status_code=204)
def stop_run(
    request: Request,
    visitor: AllowedRunner,
    project: str,
    run: RunId,
    command: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """End the `proj` process that a run belongs to, with its other steps, wherever on this host it was started."""
    stop_call_of(request, visitor, project, run, command)
    return Response(status_code=204)


@router.post("/projects/{project}/step/stop", status_code=204)
def stop_step(
    request: Request, visitor: AllowedRunner, project: str, name: Annotated[str, Query(max_length=500)]
) -> Response:
    """End the script of one step, wherever it runs. It is not tried again; the other steps of its `proj` go on."""
    stop_step_of(request, visitor, project, name)
    return Response(status_code=204)


@router.post("/actions/{action}/stop", status_code=202)
def stop_action(request: Request, visitor: AllowedRunner, action: ActionId) -> Action:
    """Ask an action to end: first as Ctrl-C does, after 10 seconds by force."""
    found = _as_json(request, actions_of(request).find(action))
    with noted(request, visitor, "stop", f"{found.project}: action {action}"):
        return _as_json(request, actions_of(request).stop(action))


@router.get("/actions")
def list_actions(
    request: Request,
    visitor: Viewer,
    project: Annotated[str | None, Query(max_length=500)] = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> list[Action]:
    """List the last actions, the newest first."""
    projects = serving_of(request).projects
    chosen = projects.directories if project is None else {project: projects.directory(project)}
    return [_as_json(request, row) for row in actions_of(request).last(chosen, most=most)]


@router.get("/actions/{action}")
def show_action(request: Request, visitor: Viewer, action: ActionId) -> ActionDetails:
    """Show an action with the messages of `proj`."""
    row = actions_of(request).find(action)
    shown = _as_json(request, row)
    output = actions_of(request).output(row, live_of(request).project(shown.project).mask)
    return ActionDetails(**shown.model_dump(), result=output.result, messages=output.messages)


def _start(request: Request, visitor: Visitor, project: str, wanted: ActionRequest) -> Action:
    live = live_of(request).project(project)
    with noted(request, visitor, wanted.kind, f"{project}: {shown(wanted, live.mask)}"):
        return _as_json(request, actions_of(request).start(live.root, wanted, visitor.name, live.mask))


def _as_json(request: Request, row: ActionRow) -> Action:
    """Return an action with the name of its project. Raises UnknownName if this server does not have the project."""
    from weaselish.errors import UnknownName

    names = {str(path): name for name, path in serving_of(request).projects.directories.items()}
    if row.project not in names:
        raise UnknownName("action", str(row.id), [])
    return Action(**row._asdict() | {"project": names[row.project]})
