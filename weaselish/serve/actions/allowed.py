"""Refuses actions where the dashboard is read-only, and finds the actions of the server."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

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


AllowedRunner = Annotated[Visitor, Depends(allowed)]
