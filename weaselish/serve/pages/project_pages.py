"""The pages of projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from weaselish.serve.access.roles import Visitor
from weaselish.serve.access.visitors import Viewer
from weaselish.serve.pages import content
from weaselish.serve.pages.rendering import links_of, render
from weaselish.serve.routes.numbers import LARGEST, RunId
from weaselish.serve.routes.reading import log_response
from weaselish.serve.serving import sources_of
from weaselish.serve.views.artifacts import read_artifact_again
from weaselish.serve.views.projects import check_again
from weaselish.serve.views.remotes import read_remote_again
from weaselish.serve.views.search import search
from weaselish.serve.views.snapshots import read_snapshots_again
from weaselish.serve.views.sources import Source

router = APIRouter(include_in_schema=False)
Number = Annotated[int, Query(ge=0, le=LARGEST)]


def _shown(request: Request, visitor: Visitor, page: content.Page) -> Response:
    return render(request, page.template, visitor=visitor, **page.values)


def _source(request: Request, project: str) -> Source:
    return sources_of(request).of(project)


@router.get("/")
def home(request: Request, visitor: Viewer) -> Response:
    """List the projects."""
    return _shown(request, visitor, content.home(sources_of(request).all()))


@router.get("/search")
def search_page(request: Request, visitor: Viewer, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Show what contains a text."""
    return render(request, "search.html", visitor=visitor, view=search(sources_of(request).all(), q), query=q)


@router.get("/p/{project}")
def project_page(request: Request, visitor: Viewer, project: str) -> Response:
    """Show a project."""
    return _shown(request, visitor, content.project(_source(request, project), links_of(request)))


@router.get("/p/{project}/graph")
def graph_page(request: Request, visitor: Viewer, project: str) -> Response:
    """Show the graph, to zoom and search in."""
    return _shown(request, visitor, content.graph(_source(request, project), links_of(request)))


@router.get("/p/{project}/steps/{name}")
@router.get("/p/{project}/step")
def step_page(request: Request, visitor: Viewer, project: str, name: str) -> Response:
    """Show a step."""
    return _shown(request, visitor, content.step(_source(request, project), links_of(request), name))


@router.get("/p/{project}/runs")
def runs_page(
    request: Request, visitor: Viewer, project: str, step: str | None = None, before: Number | None = None
) -> Response:
    """List runs."""
    return _shown(request, visitor, content.runs(_source(request, project), step, before))


@router.get("/p/{project}/runs/{run}")
def run_page(request: Request, visitor: Viewer, project: str, run: RunId, step: str | None = None) -> Response:
    """Show a run."""
    return _shown(request, visitor, content.run(_source(request, project), run, step))


@router.get("/p/{project}/runs/{run}/log")
def log(request: Request, visitor: Viewer, project: str, run: RunId, step: str | None = None) -> StreamingResponse:
    """Return a complete log as text."""
    return log_response(_source(request, project), run, step)


@router.get("/p/{project}/compare")
def compare_page(
    request: Request,
    visitor: Viewer,
    project: str,
    run: Annotated[list[Number], Query()] = [],  # noqa: B006
) -> Response:
    """Show runs side by side."""
    return _shown(request, visitor, content.compare(_source(request, project), links_of(request), run))


@router.get("/p/{project}/metrics")
def metrics_page(request: Request, visitor: Viewer, project: str, step: str | None = None) -> Response:
    """Show metrics over runs."""
    return _shown(request, visitor, content.metrics(_source(request, project), links_of(request), step))


@router.get("/p/{project}/version")
def version_page(request: Request, visitor: Viewer, project: str, name: str, version: str) -> Response:
    """Show a version of an artifact."""
    return _shown(request, visitor, content.version(_source(request, project), name, version))


@router.get("/p/{project}/{kind}")
def simple_page(request: Request, visitor: Viewer, project: str, kind: content.SimpleKind) -> Response:
    """Show remotes, artifacts, snapshots or jobs."""
    return _shown(request, visitor, content.simple(_source(request, project), kind))


# -- reading again ----------------------------------------------------------------------------------------------------


def _back(request: Request, project: str, kind: str) -> RedirectResponse:
    return RedirectResponse(links_of(request).page(project, kind), 303)


@router.post("/p/{project}/check")
def check(request: Request, visitor: Viewer, project: str) -> RedirectResponse:
    """Begin a complete check of a project's steps."""
    check_again(_source(request, project))
    return _back(request, project, "project")


@router.post("/p/{project}/remotes")
def read_remote(request: Request, visitor: Viewer, project: str, remote: Annotated[str, Form()]) -> RedirectResponse:
    """Begin to read a remote again."""
    read_remote_again(_source(request, project), remote)
    return _back(request, project, "remotes")


@router.post("/p/{project}/artifacts")
def read_artifact(
    request: Request, visitor: Viewer, project: str, artifact: Annotated[str, Form()]
) -> RedirectResponse:
    """Begin to read the versions of an artifact again."""
    read_artifact_again(_source(request, project), artifact)
    return _back(request, project, "artifacts")


@router.post("/p/{project}/snapshots")
def read_snapshots(request: Request, visitor: Viewer, project: str) -> RedirectResponse:
    """Begin to list the snapshots again."""
    read_snapshots_again(_source(request, project))
    return _back(request, project, "snapshots")
