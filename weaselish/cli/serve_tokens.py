"""`proj serve token create`, `list` and `revoke`."""

from __future__ import annotations

from weaselish.cli.console import done, say, show, show_table
from weaselish.cli.quantities import read_age
from weaselish.cli.serve import CONFIG, console_actor, opened_database
from weaselish.cli.serve_users import ROLE_HELP, ROLES
from weaselish.cli.subcommand import JSON, Argument, Call, Option, Subcommand, Takes
from weaselish.errors import UsageError

_LONGEST = 366 * 24 * 3600.0  # seconds


def create(call: Call, *, config: str | None, role: str, expires: str, name: str | None) -> int:
    """Create a token and print it, once."""
    from weaselish.serve.access.roles import Role
    from weaselish.serve.storage.audit import Audited, add_audit
    from weaselish.serve.storage.tokens import create_token

    wanted, seconds = Role.named(role), read_age("--expires", expires)
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"`--expires {expires}`: a token is valid for at most a year", hint="`--expires 7d`")
    label = name or console_actor().rpartition(":")[2]
    if len(label) > 100 or not label.isprintable():
        raise UsageError("`--name` must be printable, with at most 100 characters")
    with opened_database(call, config) as (database, now):
        public, value = create_token(database, label, wanted, now=now, expires=now + seconds)
        detail = f"{public} ({label}) as {wanted.label} for {expires}"
        add_audit(database, Audited(now, console_actor(), "", "token create", detail, True))
    show(value)
    say(f"Token {public}, {wanted.label}, valid for {expires}. It cannot be shown again.")
    say("Use it as a header: `Authorization: Bearer TOKEN`")
    return 0


def list_tokens(call: Call, *, config: str | None, as_json: bool) -> int:
    """List the tokens, without their values."""
    from datetime import UTC, datetime

    from weaselish.cli.units import shown_age
    from weaselish.serve.access.roles import Role
    from weaselish.serve.storage import tokens

    with opened_database(call, config) as (database, now):
        found = tokens.list_tokens(database)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([{**one._asdict(), "role": Role(one.role).label} for one in found])
    elif found:
        rows = []
        for one in found:
            ends = datetime.fromtimestamp(one.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
            used = "never" if one.used is None else f"{shown_age(one.used)} ago"
            rows.append((one.id, one.name, Role(one.role).label, ends if one.expires > now else "expired", used))
        show_table(rows, ("token", "name", "role", "valid until", "used"))
    else:
        say("no tokens")
    return 0


def revoke(call: Call, *, config: str | None) -> int:
    """Revoke a token, from the next request on."""
    if len(call.words) != 1:
        raise UsageError("the id of the token is missing", hint="`proj serve token list` shows it")
    from weaselish.serve.storage.audit import Audited, add_audit
    from weaselish.serve.storage.tokens import revoke_token

    with opened_database(call, config) as (database, now):
        revoke_token(database, call.words[0])
        add_audit(database, Audited(now, console_actor(), "", "token revoke", call.words[0], True))
    done(f"token {call.words[0]} revoked")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "serve token create",
        create,
        "Create a token for scripts, and print it once.\n\nOnly a digest of it is stored.",
        (
            Option("role", ("--role",), ROLE_HELP, Takes.TEXT, "ROLE", "viewer", values=ROLES),
            Option("expires", ("--expires",), "How long it is valid: `12h`, `7d`.", Takes.TEXT, "AGE", "7d"),
            Option("name", ("--name",), "What the audit log calls it; by default your name.", Takes.TEXT, "NAME"),
            CONFIG,
        ),
        arguments=(),
        examples=("proj serve token create --name ci --expires 30d",),
    ),
    Subcommand(
        "serve token list",
        list_tokens,
        "List the tokens, without their values.",
        (CONFIG, JSON),
        arguments=(),
        examples=("proj serve token list",),
    ),
    Subcommand(
        "serve token revoke",
        revoke,
        "Revoke a token.\n\nIt is refused from the next request on.",
        (CONFIG,),
        arguments=(Argument("TOKEN", "The id that `proj serve token list` shows.", is_required=True),),
        examples=("proj serve token revoke 5f3a9c01",),
    ),
)
