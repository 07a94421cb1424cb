"""The credentials that a user types for one call: `--user` and `--token`."""

from __future__ import annotations

from weaselish.connections.credentials import Credentials
from weaselish.errors import UsageError
from weaselish.model.project import Remote
from weaselish.model.secret_refs import AuthType
from weaselish.model.urls import scheme_of


def typed_credentials(remote: Remote, user: str | None, token: str | None) -> Credentials:
    """Return what a user typed, by the `auth:` of the remote: a token is a password, a token or an API key.

    Without `auth:`, it is a password if a user is named. Raises UsageError for a remote that takes neither.
    """
    scheme = scheme_of(remote.url)
    if not scheme.endswith(("http", "https")):
        hint = "remove them: a bucket takes `profile:`, a directory no credentials"
        raise UsageError(f"`--user` and `--token` mean nothing for remote `{remote.name}`", hint=hint)
    kind = remote.auth.type if remote.auth else AuthType.BASIC if user else AuthType.BEARER
    match kind:
        case AuthType.BASIC:
            return Credentials(user=user, password=token)
        case AuthType.BEARER:
            return Credentials(token=token) if token else Credentials(user=user)
        case AuthType.API_KEY:
            return Credentials(user=user, api_key=token)
