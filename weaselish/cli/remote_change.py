"""`proj remote add`, `rename` and `remove`: they change the user's own remotes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from weaselish.cli.console import done, say, warn
from weaselish.cli.questions import secret_line
from weaselish.cli.subcommand import Argument, Call, Option, Subcommand, Takes, Values
from weaselish.errors import UsageError
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.connections.credentials import Credentials
    from weaselish.engine.remote.probe import ProbeStep
    from weaselish.model.project import Remote
    from weaselish.model.secret_refs import Auth

_PAIRS = (
    *(("access_key", "secret_key"), ("secret_key", "access_key")),
    *(("user", "password"), ("password", "user")),
)
_ASK = "-"  # in place of a secret: ask for it, or read a line


class _Given(NamedTuple):
    """What the command line says of the credentials."""

    access_key: str | None
    secret_key: str | None
    user: str | None
    password: str | None
    token: str | None


def add(
    call: Call,
    *,
    endpoint: str | None,
    access_key: str | None,
    secret_key: str | None,
    user: str | None,
    password: str | None,
    token: str | None,
    region: str | None,
    profile: str | None,
    read_only: bool,
    in_keyring: bool,
    create_bucket: bool,
    force: bool,
    no_test: bool,
) -> int:
    """Test a remote and keep it; store nothing if the test fails."""
    from weaselish.api.user_remotes import UserRemotes
    from weaselish.engine.remote.user_remotes import NewRemote, check_name

    name, url = _two_words(call, "remote add NAME URL", "the name and the URL of the remote")
    check_name(name)
    remote = _remote(name, url, endpoint)._replace(region=region, profile=profile, read_only=read_only)
    given = _Given(access_key, secret_key, user, password, token)
    _check_kind(remote, given)
    auth = _references(given)
    credentials = None if auth else _credentials(call, name, given)
    if in_keyring and credentials is None:
        raise UsageError("`--keyring` needs credentials to store", hint=_HINT_CREDENTIALS)
    remote = remote._replace(auth=auth)
    _warn_if_not_encrypted(remote)
    if create_bucket and no_test:
        raise UsageError("`--create-bucket` and `--no-test` exclude each other", hint="leave out one of them")
    new = NewRemote(remote, credentials, in_keyring, force, create_bucket, not no_test)
    UserRemotes().add(new, report=_show_step, cancel=call.cancel)
    _show_added(remote, credentials, in_keyring=in_keyring)
    return 0


def _two_words(call: Call, usage: str, what: str) -> tuple[str, str]:
    if len(call.words) < 2:
        raise UsageError(f"{what} {'are' if not call.words else 'are both'} needed", hint=f"proj {usage}")
    return call.words[0], call.words[1]


def _remote(name: str, url: str, endpoint: str | None) -> Remote:
    """Return the remote at a URL or path, which becomes absolute. Raises UsageError."""
    from weaselish.files.home import put_home
    from weaselish.model.endpoints import endpoint_url
    from weaselish.model.project import Remote
    from weaselish.model.urls import remote_url_problem, without_secrets

    if without_secrets(url) != url:
        raise UsageError("the URL contains a user, a password or a query", hint=_HINT_CREDENTIALS)
    if problem := remote_url_problem(url):
        raise UsageError(problem[0], hint=problem[1])
    if "://" not in url:
        url = os.path.abspath(put_home(url))
    return Remote(name, url, endpoint_url=endpoint_url(endpoint) if endpoint else None)


def _check_kind(remote: Remote, given: _Given) -> None:
    """Refuse credentials that this kind of remote does not take, and half of those that belong together."""
    from weaselish.model.urls import scheme_of

    scheme = scheme_of(remote.url)
    takes = {"s3": ("access_key", "secret_key"), "gs": (), "az": (), "file": ()}.get(scheme, _Given._fields[2:])
    values = {field: value for field, value in given._asdict().items() if value is not None}
    for field in values:
        if field not in takes:
            hint = f"give {' and '.join(map(_flag, takes))}" if takes else _CLOUDS[scheme]
            raise UsageError(f"{_flag(field)} means nothing for `{remote.url}`", hint=hint)
    for present, missing in _PAIRS:
        if present in values and missing not in values:
            hint = (
                "give both" if missing in ("access_key", "user") else f"`--{missing.replace('_', '-')} -` asks for it"
            )
            raise UsageError(f"{_flag(present)} needs {_flag(missing)}", hint=hint)
    if given.token is not None and given.user is not None:
        raise UsageError("`--token` excludes `--user` and `--password`", hint="give one of the two")
    if remote.profile and given.access_key is not None:
        raise UsageError("`--profile` and `--access-key` exclude each other", hint="give one of the two")


def _flag(field: str) -> str:
    return f"`--{field.replace('_', '-')}`"


def _references(given: _Given) -> Auth | None:
    """Return what the options refer to, None if they give or ask for the values. Raises UsageError."""
    from weaselish.model.interpolate import BadReference
    from weaselish.model.secret_refs import Auth, AuthType, is_secret_reference, parse_secret

    if given.secret_key is not None and is_secret_reference(given.secret_key):
        hint = "`--secret-key -` asks for the key, or reads it from standard input"
        raise UsageError("`--secret-key` takes the key itself, not a reference", hint=hint)
    for field in ("password", "token"):
        text = getattr(given, field)
        if text is None or text == _ASK:
            continue
        if not is_secret_reference(text):
            hint = f"`--{field} -` asks for it, or reads it from standard input; or name it: `--{field} env:NAME`"
            raise UsageError(
                f"`--{field}` takes no secret: other users could see it in the list of processes", hint=hint
            )
        try:
            reference = parse_secret(text, field)
        except BadReference as error:
            raise UsageError(error.message, hint=error.hint) from None
        if field == "token":
            return Auth(AuthType.BEARER, token=reference)
        return Auth(AuthType.BASIC, user=given.user, password=reference)
    return None


def _credentials(call: Call, name: str, given: _Given) -> Credentials | None:
    """Return the values to store, after asking for those that are `-`."""
    from weaselish.connections.credentials import Credentials
    from weaselish.resolved_secrets import register_secret

    values = {field: value for field, value in given._asdict().items() if value is not None}
    for field in ("secret_key", "password", "token"):
        if values.get(field) == _ASK:
            values[field] = secret_line(f"{field.replace('_', ' ')} of `{name}`", call.cancel)
        if field in values:
            register_secret(values[field])
    for field, value in values.items():
        if not value or not value.isprintable() or value != value.strip():
            what = "is empty" if not value.strip() else "has blanks around it or control characters"
            raise UsageError(f"the value of {_flag(field)} {what}")
    if given.secret_key not in (None, _ASK):
        warn("a key on the command line stays in the shell's history", "`--secret-key -` asks for it")
    return Credentials(**values) if values else None


def _warn_if_not_encrypted(remote: Remote) -> None:
    address = remote.endpoint_url or remote.url
    if address.startswith("http://"):
        warn(f"the connection to `{address}` is not encrypted")


def _show_step(step: ProbeStep) -> None:
    say(f"  {step.name}: {'failed' if step.error else f'ok, {1000 * step.seconds:.0f} ms'}")


def _show_added(remote: Remote, credentials: Credentials | None, *, in_keyring: bool) -> None:
    from weaselish.connections.stored_credentials import credentials_file
    from weaselish.connections.user_config import config_file, shown_path

    done(f"added `{remote.name}` to {shown_path(config_file())}")
    if credentials is not None:
        say(f"  its credentials are in {'the keyring' if in_keyring else shown_path(credentials_file())}")


def rename(call: Call) -> int:
    """Rename one of the user's remotes."""
    from weaselish.api.user_remotes import UserRemotes

    old, new = _two_words(call, "remote rename OLD NEW", "the old and the new name")
    UserRemotes().rename(old, new, cancel=call.cancel)
    done(f"renamed `{old}` to `{new}`")
    return 0


def remove(call: Call) -> int:
    """Remove one of the user's remotes. What it holds stays."""
    from weaselish.api.user_remotes import UserRemotes

    if not call.words:
        raise UsageError("the name of the remote is missing", hint="proj remote remove NAME")
    name = call.words[0]
    user = UserRemotes().remove(name, cancel=call.cancel)
    done(f"removed `{name}` from your remotes; what it holds stays")
    if user is not None:
        say(f"  its credentials stay, because `{user}` uses them")
    return 0


_HINT_CREDENTIALS = (
    "give credentials by `--access-key` and `--secret-key -`, `--user` and `--password -`, or `--token -`"
)
_CLOUDS = {
    "gs": "sign in by `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_CONNECTION_STRING, or sign in by `az login`",
    "file": "a directory needs no credentials",
}
_NAME = Argument("NAME", "One of your own remotes.", Values.REMOTES, is_required=True)

SUBCOMMANDS = (
    Subcommand(
        "remote add",
        add,
        "Add a remote of your own, which works in all projects.\n\n"
        "`proj` tests it first, and keeps nothing if the test fails. The address is kept in config.yml in your "
        "configuration directory, the credentials in credentials.yml, which only you can read.\n\n"
        "In place of a secret, `-` asks for it, or reads a line of standard input. `--password` and `--token` also "
        "take a reference such as `env:NAME`.",
        (
            Option("endpoint", ("--endpoint",), "The S3 server.", Takes.TEXT, "HOST:PORT|URL"),
            Option("access_key", ("--access-key",), "The access key of an S3 server.", Takes.TEXT, "KEY"),
            Option("secret_key", ("--secret-key",), "Its secret key; `-` asks for it.", Takes.TEXT, "KEY|-"),
            Option("user", ("--user",), "The user of a server over HTTP.", Takes.TEXT, "NAME"),
            Option("password", ("--password",), "The user's password: `-` asks for it.", Takes.TEXT, "-"),
            Option("token", ("--token",), "A token in place of user and password: `-` asks for it.", Takes.TEXT, "-"),
            Option("region", ("--region",), "The region of the bucket.", Takes.TEXT, "REGION"),
            Option("profile", ("--profile",), "Stored credentials, or an AWS profile.", Takes.TEXT, "NAME"),
            Option("read_only", ("--read-only",), "Never write to it."),
            Option("in_keyring", ("--keyring",), "Keep the credentials in the system's keyring."),
            Option("create_bucket", ("--create-bucket",), "Create the bucket or directory if it does not exist."),
            Option("force", ("--force",), "Replace a remote of this name."),
            Option("no_test", ("--no-test",), "Do not test the remote first."),
        ),
        (
            Argument("NAME", "The name of the remote.", is_required=True),
            Argument("URL", "`s3://bucket/prefix`, `gs://…`, `az://…`, `https://…` or a directory.", is_required=True),
        ),
        (
            "proj remote add lab s3://team/iris --endpoint 192.168.1.50:9000 --access-key AK --secret-key -",
            "proj remote add backup /mnt/backup --create-bucket",
        ),
    ),
    Subcommand(
        "remote rename",
        rename,
        "Rename one of your own remotes.\n\nIts credentials are renamed with it. project.yml stays as it is.",
        arguments=(_NAME._replace(name="OLD"), Argument("NEW", "Its new name.", is_required=True)),
        examples=("proj remote rename lab old-lab",),
    ),
    Subcommand(
        "remote remove",
        remove,
        "Remove one of your own remotes.\n\nIts credentials are removed with it. What the remote holds stays.",
        arguments=(_NAME,),
        examples=("proj remote remove lab",),
    ),
)
