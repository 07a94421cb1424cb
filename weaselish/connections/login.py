"""Which credentials a remote uses, by the order of precedence, and where each of them comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.connections import keyrings, secrets
from weaselish.connections.credentials import Credentials
from weaselish.connections.stored_credentials import KEYRING, credentials_file, stored_credentials
from weaselish.connections.user_config import shown_path
from weaselish.connections.variables import given_in_environment, variable
from weaselish.errors import ProjError
from weaselish.files.user_dirs import user_config_dir
from weaselish.model.project import Remote
from weaselish.model.secret_refs import AuthType, SecretRef
from weaselish.model.urls import scheme_of
from weaselish.named_tuple import NamedTuple
from weaselish.resolved_secrets import register_secret

_S3 = ("access_key", "secret_key", "session_token")
_HTTP = ("user", "password", "token")
_NOT_SECRET = ("access_key", "user")
_BUCKETS_WITHOUT = ("gs", "az", "file")  # schemes of stores that take no credentials from here


class Found(NamedTuple):
    """A field of the credentials, not resolved yet, and where it comes from."""

    value: str | SecretRef
    source: str


Login = dict[str, Found]  # by field of Credentials; `keyring` stands for all fields of an entry of the keyring


def credentials_of(
    remote: Remote,
    *,
    root: Path,
    cancel: Cancel,
    environ: Mapping[str, str] | None = None,
    given: Credentials | None,
) -> Credentials | None:
    """Return what a remote's store signs in with, None if that is left to the cloud's own chain.

    `given` has what the command line says, which takes precedence. `environ` is what `env:` refers to, by default the
    process's environment. Relative paths of `file:` count
    from `root`, of a user's remote from the directory of config.yml. Raises ProjError for a secret that cannot be
    resolved, and Cancelled while it waits for one.
    """
    root = user_config_dir() if remote.is_users else root
    context = secrets.Context(root, os.environ if environ is None else environ, cancel)
    login = find_login(remote, given)
    if not login:
        return None
    values: dict[str, str] = {}
    if KEYRING in login:
        values = _from_keyring(login.pop(KEYRING), context)
    values |= {name: _value(name, found, context) for name, found in login.items()}
    _check_pairs(remote, values)
    return Credentials(**values)


def find_login(remote: Remote, given: Credentials | None = None) -> Login:
    """Return where each field of a remote's credentials is, without resolving one. Raises ProjError."""
    scheme = scheme_of(remote.url)
    if scheme in _BUCKETS_WITHOUT or remote.anonymous:
        return {}
    names = _S3 if scheme == "s3" else _HTTP
    from_command_line = {
        name: Found(value, "the command line")
        for name, value in (given._asdict() if given else {}).items()
        if value is not None
    }
    if from_command_line and scheme == "s3":
        return from_command_line
    from_variables = {
        name: Found(value, f"the environment variable {variable(remote.name, name)}")
        for name, value in given_in_environment(remote.name, names).items()
    }
    if scheme == "s3":  # keys belong together
        return from_variables or _stored(remote.profile or (remote.name if remote.is_users else None))
    found = _auth(remote) or _stored(remote.profile or (remote.name if remote.is_users else None))
    return _merged(_merged(found, from_variables), from_command_line)


def _merged(login: Login, over: Login) -> Login:
    """Return the fields of `over` and those of `login` that fit: a token excludes a user and a password."""
    if not over:
        return login
    if "token" in over or "api_key" in over:
        return over
    return {name: found for name, found in login.items() if name in ("user", "password", KEYRING)} | over


def _auth(remote: Remote) -> Login:
    """Return what `auth:` of the remote refers to."""
    auth, file = remote.auth, "config.yml" if remote.is_users else "project.yml"
    if auth is None:
        return {}
    source = f"`auth:` in {file}"
    match auth.type:
        case AuthType.BASIC:
            fields = {"user": auth.user, "password": auth.password}
        case AuthType.BEARER:
            fields = {"token": auth.token}
        case AuthType.API_KEY:
            fields = {"api_key": auth.token}
    return {
        name: Found(value, f"{source}: `{value}`" if isinstance(value, SecretRef) else source)
        for name, value in fields.items()
        if value is not None
    }


def _stored(name: str | None) -> Login:
    """Return the credentials of that name in credentials.yml, empty if it has none."""
    fields = stored_credentials().get(name) if name else None
    if fields is None or name is None:
        return {}
    if isinstance(fields, str):
        reference = keyrings.reference_to(name)
        return {KEYRING: Found(reference, f"`{reference}`")}
    source = f"`{name}` in {shown_path(credentials_file())}"
    return {field: Found(value, source) for field, value in fields.items()}


def _from_keyring(found: Found, context: secrets.Context) -> dict[str, str]:
    assert isinstance(found.value, SecretRef), "it refers to an entry of the keyring"
    text = secrets.resolve(found.value, context)
    try:
        data = json.loads(text)
        values = {name: str(data[name]) for name in Credentials._fields if data.get(name)}
    except (ValueError, TypeError, AttributeError):
        values = {}
    if not values:
        message = f"`{found.value}` does not hold credentials as `proj` stores them"
        raise ProjError(message, hint="store them anew: `proj remote add NAME URL --keyring --force`")
    for name, value in values.items():
        _register(name, value)
    return values


def _value(name: str, found: Found, context: secrets.Context) -> str:
    if isinstance(found.value, SecretRef):
        return secrets.resolve(found.value, context)
    _register(name, found.value)
    return found.value


def _register(name: str, value: str) -> None:
    if name not in _NOT_SECRET:
        register_secret(value)


def _check_pairs(remote: Remote, values: Mapping[str, str]) -> None:
    """Refuse half of what belongs together. Raises ProjError."""
    for one, other in (("access_key", "secret_key"), ("user", "password")):
        has_one, has_other = one in values, other in values
        if has_one != has_other:
            missing = other if has_one else one
            present = one if has_one else other
            hint = f"set {variable(remote.name, missing)}, or store both by `proj remote add`"
            raise ProjError(f"remote `{remote.name}` has a `{present}`, but no `{missing}`", hint=hint)
    if "session_token" in values and "access_key" not in values:
        hint = f"set {variable(remote.name, 'access_key')} and {variable(remote.name, 'secret_key')}, too"
        raise ProjError(f"remote `{remote.name}` has a `session_token` without keys", hint=hint)
