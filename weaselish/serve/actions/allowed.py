"""Refuses actions where the dashboard is read-only, and finds the actions of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from weaselish.errors import ProjError
from weaselish.serve.access.login import note
from weaselish.serve.access.roles import Role, Visitor
from weaselish.serve.access.visitors import Forbidden, require
from weaselish.serve.actions.service import Actions
from weaselish.serve.serving import serving_of


def actions_of(request: Request) -> Actions:
    """Return what the app was created with."""
    actions: Actions = request.app.state.actions
    return actions


def allowed(request: Request, visitor: Annotated[Visitor, Depends(require(Role.RUNNER))]) -> Visitor:
    """Return the visitor, if the dashboard may run anything. Raises Forbidden."""
    if not serving_of(request).settings.allow_run:
        raise Forbidden("this dashboard is read-only", hint="`proj serve --allow-run` lets people start runs")
    return visitor


@contextmanager
def noted(request: Request, visitor: Visitor, action: str, detail: str) -> Iterator[None]:
    """Add a row to the audit log about what the block does, also if it fails. `detail` holds no secret."""
    try:
        yield
    except ProjError as error:
        note(request, visitor.name, action, f"{detail}: {error.message}", succeeded=False)
        raise
    note(request, visitor.name, action, detail)


AllowedRunner = Annotated[Visitor, Depends(allowed)]
