"""Reads the settings: `serve:` in the user's config.yml or in a file of its own, and PROJ_SERVE_… above both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from weaselish.cancel import Cancel
from weaselish.connections.user_config import config_data, config_file, shown_path
from weaselish.errors import InvalidProject, Problem, UsageError, near_match
from weaselish.files.text_file import read_if_exists
from weaselish.files.user_dirs import user_data_dir
from weaselish.model.interpolate import BadReference
from weaselish.model.locations import Locations
from weaselish.model.secret_refs import is_secret_reference, parse_secret
from weaselish.named_tuple import NamedTuple
from weaselish.serve import setting_values as values
from weaselish.serve.setting_values import BadSetting, Read
from weaselish.serve.settings import SHORTEST_SECRET, Auth, Backup, Limits, Oidc, Settings, Tls

PREFIX = "PROJ_SERVE_"
_SECTION = "serve"

Key = tuple[str, ...]

KEYS: Mapping[Key, Read] = {
    ("host",): values.host,
    ("port",): values.whole(0, 65535),
    ("base_url",): values.base_url,
    ("trusted_proxies",): values.networks,
    ("data_root",): values.absolute_path,
    ("database",): values.text,
    ("allow_run",): values.boolean,
    ("auth", "secret"): values.text,
    ("auth", "local"): values.boolean,
    ("auth", "session"): values.seconds,
    ("auth", "oidc", "issuer"): values.web_address,
    ("auth", "oidc", "client_id"): values.text,
    ("auth", "oidc", "client_secret"): values.text,
    ("auth", "oidc", "auth_url"): values.web_address,
    ("auth", "oidc", "token_url"): values.web_address,
    ("auth", "oidc", "jwks_url"): values.web_address,
    ("auth", "oidc", "userinfo_url"): values.web_address,
    ("auth", "oidc", "allow"): values.texts,
    ("auth", "oidc", "role_claim"): values.text,
    ("auth", "oidc", "roles"): values.role_mapping,
    ("auth", "oidc", "allow_self_registration"): values.boolean,
    ("auth", "oidc", "trust_email"): values.boolean,
    ("tls", "cert_root"): values.absolute_path,
    ("tls", "self_signed"): values.boolean,
    ("limits", "cpus"): values.processors,
    ("limits", "memory"): values.size,
    ("limits", "gpus"): values.whole(0, 1024),
    ("limits", "disk"): values.size,
    ("limits", "time"): values.seconds,
    ("limits", "runs"): values.whole(1, 1000),
    ("backup", "remote"): values.text,
    ("backup", "schedule"): values.time_of_day,
    ("backup", "keep"): values.whole(1, 10_000),
    ("backup", "max_file_size"): values.size,
}
SECRETS = (("auth", "secret"), ("auth", "oidc", "client_secret"))
_MAPPINGS = (("auth", "oidc", "roles"),)


class _Source(NamedTuple):
    """A file with settings."""

    path: Path
    data: Mapping[str, Any]
    locations: Locations

    @property
    def name(self) -> str:
        return shown_path(self.path)


def read_settings(file: str | None, environ: Mapping[str, str], *, cancel: Cancel) -> Settings:
    """Return the settings of `file`, else of config.yml, with those of the environment above them.

    Raises InvalidProject with all problems of the file, UsageError for a variable, and SecretError.
    """
    source = _read_file(file)
    found = _from_file(source)
    found |= _from_environment(environ)
    reader = _Secrets(source, environ, cancel)
    return _settings({key: reader.resolved(key, value) for key, value in found.items()})


def variable_of(key: Key) -> str:
    """Return the environment variable of a setting: PROJ_SERVE_AUTH_SECRET."""
    return PREFIX + "_".join(key).upper()


def _read_file(file: str | None) -> _Source:
    path = config_file() if file is None else Path(file).absolute()
    text = read_if_exists(path, name=shown_path(path))
    if file is not None and not path.exists():
        raise UsageError(f"`{file}` does not exist", hint="`--config` names a file with `serve:`")
    data, locations = config_data(text or b"", file=shown_path(path))
    return _Source(path, data, locations)


def _from_file(source: _Source) -> dict[Key, object]:
    """Return the values of `serve:` that are valid. Raises InvalidProject with all that are not."""
    problems: list[Problem] = []
    found: dict[Key, object] = {}
    known = {key[:length] for key in KEYS for length in range(1, len(key) + 1)}

    def visit(path: Key, value: object) -> None:
        location = source.locations.of((_SECTION, *path))
        if value is None:
            return
        if path not in known:
            siblings = [key[-1] for key in known if len(key) == len(path) and key[:-1] == path[:-1]]
            close = near_match(path[-1], siblings)
            hint = f"did you mean `{close}`?" if close else f"possible: {', '.join(sorted(siblings))}"
            place = source.locations.of_key((_SECTION, *path))
            problems.append(Problem(*place, f"`{'.'.join((_SECTION, *path))}` is not a setting", hint))
        elif path in KEYS:
            try:
                found[path] = _checked(path, value, literal_secrets=False)
            except BadSetting as bad:
                problems.append(Problem(*location, f"`{'.'.join((_SECTION, *path))}` {bad.message}", bad.hint))
        elif not isinstance(value, Mapping):
            problems.append(Problem(*location, f"`{'.'.join((_SECTION, *path))}` must be a mapping"))
        else:
            for key, item in value.items():
                visit((*path, str(key)), item)

    section = source.data.get(_SECTION)
    if section is not None and not isinstance(section, Mapping):
        problems.append(Problem(*source.locations.of((_SECTION,)), f"`{_SECTION}` must be a mapping"))
    for key, item in section.items() if isinstance(section, Mapping) else ():
        visit((str(key),), item)
    if problems:
        raise InvalidProject(problems, file=source.name)
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[Key, object]:
    variables = {variable_of(key): key for key in KEYS}
    found: dict[Key, object] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or not environ[name]:
            continue
        if name not in variables:
            close = near_match(name, list(variables))
            raise UsageError(f"{name} is not a setting", hint=f"did you mean {close}?" if close else None)
        try:
            found[variables[name]] = _checked(variables[name], environ[name], literal_secrets=True)
        except BadSetting as bad:
            raise UsageError(f"{name} {bad.message}", hint=bad.hint) from None
    return found


def _checked(key: Key, value: object, *, literal_secrets: bool) -> object:
    """Return a value as its setting needs it. Raises BadSetting, whose message has no secret."""
    found = KEYS[key](value)
    if key in SECRETS and not literal_secrets and not is_secret_reference(str(found)):
        raise BadSetting("must say where the secret is, not contain it", "for example `env:NAME` or `file:PATH`")
    if key == ("database",) and not is_secret_reference(str(found)):
        _check_database(str(found), literal_secrets=literal_secrets)
    return found


def _check_database(address: str, *, literal_secrets: bool) -> None:
    from urllib.parse import urlsplit

    try:
        split = urlsplit(address)
        password = split.password
    except ValueError:
        raise BadSetting("is not an address", "for example `postgresql://proj@db.acme.com/proj`") from None
    if split.scheme not in ("postgresql", "postgres"):
        raise BadSetting("must begin with `postgresql://`", "without `database`, SQLite in `data_root` is used")
    if password and not literal_secrets:
        hint = "name a secret: `env:NAME` or `file:PATH`; or put the password into ~/.pgpass"
        raise BadSetting("must not contain a password", hint)


class _Secrets(NamedTuple):
    source: _Source
    environ: Mapping[str, str]
    cancel: Cancel

    def resolved(self, key: Key, value: object) -> object:
        """Return a value with its reference to a secret replaced. Raises SecretError."""
        from weaselish.connections.secrets import Context, resolve
        from weaselish.resolved_secrets import register_secret

        if key not in (*SECRETS, ("database",)) or not isinstance(value, str):
            return value
        if is_secret_reference(value):
            try:
                reference = parse_secret(value, key[-1])
            except BadReference as error:
                raise UsageError(error.message, hint=error.hint) from None
            value = resolve(reference, Context(self.source.path.parent, self.environ, self.cancel))
        if key in SECRETS:
            register_secret(value)
        else:
            _hide_password(value)
        return value


def _hide_password(address: str) -> None:
    from urllib.parse import unquote, urlsplit

    from weaselish.resolved_secrets import register_secret

    password = urlsplit(address).password
    if password:
        register_secret(address)
        register_secret(unquote(password))


def _settings(found: Mapping[Key, object]) -> Settings:
    """Put the values into settings, and check what several of them must satisfy together. Raises UsageError."""

    def section(*start: str) -> dict[str, Any]:
        length = len(start)
        return {key[length]: value for key, value in found.items() if key[:length] == start and len(key) == length + 1}

    plain = section()
    origin, base_path = plain.pop("base_url", (None, ""))
    return Settings(
        data_root=plain.pop("data_root", user_data_dir() / _SECTION),
        origin=origin,
        base_path=base_path,
        auth=_auth(section("auth"), section("auth", "oidc")),
        tls=_tls(section("tls")),
        limits=Limits(**section("limits")),
        backup=_backup(section("backup")),
        **plain,
    )


def _auth(given: dict[str, Any], oidc: dict[str, Any]) -> Auth | None:
    if not given and not oidc:
        return None
    secret = given.get("secret")
    if secret is None:
        hint = "for example `file:~/.config/proj/serve-secret`; `openssl rand -hex 32` prints a good one"
        raise UsageError("`serve.auth` needs `secret`", hint=hint)
    if len(secret) < SHORTEST_SECRET:
        message = f"`serve.auth.secret` has {len(secret)} characters, and needs at least {SHORTEST_SECRET}"
        raise UsageError(message, hint="`openssl rand -hex 32` prints a good one")
    auth = Auth(secret, oidc=_oidc(oidc))
    if "local" in given:
        auth = replace(auth, local=given["local"])
    if "session" in given:
        auth = replace(auth, session_seconds=given["session"])
    if not auth.local and auth.oidc is None:
        raise UsageError("`serve.auth` allows no login", hint="set `local: true`, or `oidc`")
    return auth


def _oidc(given: dict[str, Any]) -> Oidc | None:
    if not given:
        return None
    for key in ("issuer", "client_id", "client_secret"):
        if key not in given:
            raise UsageError(f"`serve.auth.oidc` needs `{key}`", hint="your OpenID provider has it")
    explicit = [key for key in ("auth_url", "token_url", "jwks_url") if key in given]
    if explicit and len(explicit) < 3:
        hint = "give all three, or none: then the provider says where they are"
        raise UsageError("`serve.auth.oidc` needs `auth_url`, `token_url` and `jwks_url` together", hint=hint)
    if given.get("allow_self_registration") and not given.get("allow"):
        raise UsageError(
            "`serve.auth.oidc.allow_self_registration` needs `allow`",
            hint='for example `allow: ["*@acme.com"]`; `["*"]` lets in every account of the provider',
        )
    if given.get("roles") and "role_claim" not in given:
        raise UsageError("`serve.auth.oidc.roles` needs `role_claim`", hint="for example `role_claim: groups`")
    return Oidc(**given)


def _tls(given: dict[str, Any]) -> Tls | None:
    tls = Tls(**given)
    return tls if tls.cert_root or tls.self_signed else None


def _backup(given: dict[str, Any]) -> Backup | None:
    return Backup(**given) if given else None


def check_reachable(settings: Settings) -> None:
    """Raise UsageError if the server would listen beyond this machine without asking for a login."""
    import ipaddress

    if settings.auth is not None or settings.host == "localhost":
        return
    if not ipaddress.ip_address(settings.host).is_loopback:
        raise UsageError(
            f"`{settings.host}` can be reached from other machines, and `serve.auth` is not set",
            hint="set `auth`, or listen on 127.0.0.1: docs/serve.md says how",
        )
