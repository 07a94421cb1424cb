"""The pages about a visitor's own account, and about the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from weaselish.errors import ProjError
from weaselish.serve.access.cookies import set_session_cookie
from weaselish.serve.access.login import address_of, check_password, note, open_session
from weaselish.serve.access.passwords import check_new_password, hashed
from weaselish.serve.access.roles import Role, Visitor
from weaselish.serve.access.visitors import Admin, Forbidden, Viewer
from weaselish.serve.pages.rendering import render
from weaselish.serve.serving import serving_of
from weaselish.serve.storage.accounts import change_password, password_hash
from weaselish.serve.storage.audit import list_audit
from weaselish.serve.storage.backups import last_backups
from weaselish.serve.storage.sessions import end_sessions_of

router = APIRouter(include_in_schema=False)


@router.get("/account")
def account_page(request: Request, visitor: Viewer) -> Response:
    """Show name and role, and the form for a new password."""
    return _page(request, visitor)


def _page(request: Request, visitor: Visitor, error: str = "") -> Response:
    return render(
        request,
        "account.html",
        visitor=visitor,
        status=422 if error else 200,
        has_password=_has_password(request, visitor),
        is_admin=visitor.role >= Role.ADMIN,
        error=error,
    )


@router.post("/account/password")
def new_password(
    request: Request, visitor: Viewer, current: Annotated[str, Form()] = "", password: Annotated[str, Form()] = ""
) -> Response:
    """Change the password, end all sessions of the account, and open a new one."""
    serving = serving_of(request)
    if not _has_password(request, visitor):
        raise Forbidden("this account has no password")
    try:
        check_password(serving, visitor.name, current, address_of(request))
        check_new_password(password, visitor.name)
    except ProjError as error:
        return _page(request, visitor, error.message)
    change_password(serving.database, visitor.name, hashed(password))
    note(request, visitor.name, "user password")
    answer = RedirectResponse(f"{serving.settings.base_path}/account", 303)
    set_session_cookie(request, answer, open_session(serving, visitor.name, address_of(request), "new password"))
    return answer


@router.post("/account/sessions")
def end_sessions(request: Request, visitor: Viewer) -> Response:
    """End all sessions of the account, this one too."""
    serving = serving_of(request)
    end_sessions_of(serving.database, visitor.name)
    note(request, visitor.name, "logout", "everywhere")
    return RedirectResponse(f"{serving.settings.base_path}/", 303)


@router.get("/audit")
def audit_page(request: Request, visitor: Admin, before: float | None = None) -> Response:
    """List logins and actions, the newest first."""
    rows = list_audit(serving_of(request).database, before=before)
    return render(request, "audit.html", visitor=visitor, rows=[(_shown(row.time), row) for row in rows])


@router.get("/backups")
def backups_page(request: Request, visitor: Viewer) -> Response:
    """List the scheduled snapshots with their outcomes, the newest first."""
    serving = serving_of(request)
    names = {str(path): name for name, path in serving.projects.directories.items()}
    rows = [
        (_shown(row.due), names[row.directory], row) for row in last_backups(serving.database) if row.directory in names
    ]
    backup = serving.settings.backup
    at = "" if backup is None else f"{backup.schedule[0]:02}:{backup.schedule[1]:02}"
    return render(request, "backups.html", visitor=visitor, rows=rows, at=at)


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _has_password(request: Request, visitor: Visitor) -> bool:
    serving = serving_of(request)
    if visitor.session is None or serving.settings.auth is None:
        return False
    return password_hash(serving.database, visitor.name) is not None
