"""`/api/v1`: what the pages show, as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import StreamingResponse

from weaselish.errors import UnknownName
from weaselish.records.logs import read_log
from weaselish.serve.access.visitors import Viewer
from weaselish.serve.log_text import masked_lines
from weaselish.serve.routes.numbers import RunId
from weaselish.serve.serving import sources_of
from weaselish.serve.views.artifacts import ArtifactItem, VersionView, list_artifacts, show_version
from weaselish.serve.views.compare import Compared, compare_runs
from weaselish.serve.views.jobs import JobsView, show_jobs
from weaselish.serve.views.metrics import MetricsView, show_metrics
from weaselish.serve.views.projects import (
    CheckState,
    ProjectItem,
    ProjectView,
    check_again,
    check_of,
    check_state,
    list_projects,
    show_project,
)
from weaselish.serve.views.remotes import RemoteItem, list_remotes
from weaselish.serve.views.runs import RunList, RunView, find_run, list_runs, show_run
from weaselish.serve.views.search import Found, search
from weaselish.serve.views.snapshots import SnapshotsView, list_snapshots
from weaselish.serve.views.sources import Source
from weaselish.serve.views.steps import StepView, show_step

_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "hint": {"type": ["string", "null"]}},
    "required": ["error", "hint"],
}
_TEXTS = {
    401: "not logged in",
    403: "not allowed",
    404: "not found",
    409: "project.yml cannot be used, or too much runs already",
    422: "invalid request",
    503: "the database does not answer",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": _ERROR}}}
    for status, text in _TEXTS.items()
}

router = APIRouter(prefix="/api/v1", tags=["reading"], responses=ERRORS)
Project = Annotated[str, Path(description="the project's name in addresses")]
StepName = Annotated[str | None, Query(description="the name of a command")]


def _source(request: Request, project: str) -> Source:
    return sources_of(request).of(project)


@router.get("/projects")
def projects(request: Request, visitor: Viewer) -> list[ProjectItem]:
    """List the projects."""
    return list(list_projects(sources_of(request).all()))


@router.get("/search")
def find(request: Request, visitor: Viewer, q: Annotated[str, Query(max_length=200)]) -> Found:
    """Find steps, runs and artifacts by a text."""
    return search(sources_of(request).all(), q)


@router.get("/projects/{project}")
def one_project(request: Request, visitor: Viewer, project: Project) -> ProjectView:
    """Return a project with its steps and their states of the last check."""
    return show_project(_source(request, project))


@router.post("/projects/{project}/check", status_code=202)
def check(request: Request, visitor: Viewer, project: Project) -> CheckState:
    """Begin a complete check, which reads every file that has changed. It goes on after the answer."""
    source = _source(request, project)
    check_again(source)
    return check_state(check_of(source))


@router.get("/projects/{project}/step")
def step(request: Request, visitor: Viewer, project: Project, name: str) -> StepView:
    """Return a step."""
    return show_step(_source(request, project), name)


@router.get("/projects/{project}/runs")
def runs(
    request: Request,
    visitor: Viewer,
    project: Project,
    step: StepName = None,
    before: Annotated[int | None, Query(ge=0, le=1 << 60)] = None,
    most: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """List runs, the newest first."""
    return list_runs(_source(request, project), command=step, before=before, most=most)


@router.get("/projects/{project}/runs/{run}")
def one_run(request: Request, visitor: Viewer, project: Project, run: RunId, step: StepName = None) -> RunView:
    """Return a run."""
    return show_run(_source(request, project), run, step)


@router.get(
    "/projects/{project}/runs/{run}/log",
    response_class=StreamingResponse,
    responses={200: {"description": "what the script printed", "content": {"text/plain": {}}}},
)
def log(request: Request, visitor: Viewer, project: Project, run: RunId, step: StepName = None) -> StreamingResponse:
    """Return a complete log."""
    return log_response(_source(request, project), run, step)


@router.get("/projects/{project}/compare")
def compare(
    request: Request,
    visitor: Viewer,
    project: Project,
    run: Annotated[list[Annotated[int, Query(ge=0, le=1 << 60)]], Query(min_length=1, max_length=8)],
) -> Compared:
    """Return runs side by side."""
    return compare_runs(_source(request, project), run)


@router.get("/projects/{project}/metrics")
def metrics(request: Request, visitor: Viewer, project: Project, step: StepName = None) -> MetricsView:
    """Return the metrics of the newest runs."""
    return show_metrics(_source(request, project), step)


@router.get("/projects/{project}/remotes")
def remotes(request: Request, visitor: Viewer, project: Project) -> list[RemoteItem]:
    """Return what was read last from each remote."""
    return list(list_remotes(_source(request, project)))


@router.get("/projects/{project}/artifacts")
def artifacts(request: Request, visitor: Viewer, project: Project) -> list[ArtifactItem]:
    """Return the artifacts with their versions."""
    return list(list_artifacts(_source(request, project)))


@router.get("/projects/{project}/version")
def version(request: Request, visitor: Viewer, project: Project, name: str, version: str) -> VersionView:
    """Return a version of an artifact with its provenance."""
    return show_version(_source(request, project), name, version)


@router.get("/projects/{project}/snapshots")
def snapshots(request: Request, visitor: Viewer, project: Project) -> SnapshotsView:
    """Return the snapshots of a project."""
    return list_snapshots(_source(request, project))


@router.get("/projects/{project}/jobs")
def jobs(request: Request, visitor: Viewer, project: Project) -> JobsView:
    """Return the steps that run now."""
    return show_jobs(_source(request, project))


def log_response(source: Source, run: int, step: str | None) -> StreamingResponse:
    """Return a complete log as text, whatever is in it. Raises UnknownName."""
    found = find_run(source, run, step)
    path = found.log
    if path is None or not path.is_file():
        raise UnknownName("log of run", str(run), ())
    return StreamingResponse(masked_lines(read_log(path), source.mask), media_type="text/plain; charset=utf-8")
