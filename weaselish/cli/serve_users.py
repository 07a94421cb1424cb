"""`proj serve user add`, `role`, `password`, `remove` and `list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.console import done, say, show_table
from weaselish.cli.serve import CONFIG, console_actor, opened_database
from weaselish.cli.subcommand import JSON, Argument, Call, Option, Subcommand, Takes
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.serve.storage.database import Database

ROLES = ("viewer", "runner", "admin")
ROLE_HELP = "`viewer` reads, `runner` also starts and stops runs, `admin` also sees the audit log."
_ROLE = Option("role", ("--role",), ROLE_HELP, Takes.TEXT, "ROLE", "viewer", values=ROLES)
_ACCOUNT = Argument("USER", "The account's name; at a provider, its e-mail address.", is_required=True)


def add(call: Call, *, config: str | None, role: str, oidc: bool) -> int:
    """Create an account."""
    (name,) = _words(call, 1)
    from weaselish.serve.access.passwords import hashed
    from weaselish.serve.access.roles import Role
    from weaselish.serve.storage.accounts import account_name, add_account

    name, wanted = account_name(name), Role.named(role)
    with opened_database(call, config) as (database, now):
        password = None if oidc else hashed(_new_password(call, name))
        add_account(database, name, wanted, password=password, now=now)
        _note(database, now, "user add", f"{name} as {wanted.label}")
    done(f"account `{name}`, {wanted.label}")
    if oidc:
        say("It logs in through the OpenID provider of the settings.")
    return 0


def change_role(call: Call, *, config: str | None) -> int:
    """Change the role of an account."""
    name, role = _words(call, 2)
    from weaselish.serve.access.roles import Role
    from weaselish.serve.storage import accounts

    wanted = Role.named(role)
    with opened_database(call, config) as (database, now):
        accounts.change_role(database, name, wanted)
        _note(database, now, "user role", f"{name} to {wanted.label}")
    done(f"account `{name}`, {wanted.label}, from the next request on")
    return 0


def change_password(call: Call, *, config: str | None) -> int:
    """Change the password of an account, end its sessions, and lift its limit of attempts."""
    (name,) = _words(call, 1)
    from weaselish.serve.access.login import account_key
    from weaselish.serve.access.passwords import hashed
    from weaselish.serve.storage import accounts
    from weaselish.serve.storage.attempts import forget_attempts

    with opened_database(call, config) as (database, now):
        found = accounts.find_account(database, name)
        accounts.change_password(database, found.name, hashed(_new_password(call, found.name)))
        forget_attempts(database, account_key(found.name))
        _note(database, now, "user password", found.name)
    done(f"new password for `{found.name}`; its sessions have ended")
    return 0


def remove(call: Call, *, config: str | None) -> int:
    """Delete an account with its sessions."""
    (name,) = _words(call, 1)
    from weaselish.serve.storage.accounts import remove_account

    with opened_database(call, config) as (database, now):
        remove_account(database, name)
        _note(database, now, "user remove", name)
    done(f"account `{name}` removed; its sessions have ended")
    return 0


def list_users(call: Call, *, config: str | None, as_json: bool) -> int:
    """List the accounts."""
    from weaselish.cli.units import shown_age
    from weaselish.serve.access.roles import Role
    from weaselish.serve.storage.accounts import list_accounts

    with opened_database(call, config) as (database, _):
        found = list_accounts(database)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json(
            [
                {
                    "name": one.name,
                    "role": Role(one.role).label,
                    "login": _login(one.has_password),
                    "used": one.logged_in,
                }
                for one in found
            ]
        )
    elif found:
        rows = [
            (
                one.name,
                Role(one.role).label,
                _login(one.has_password),
                "never" if one.logged_in is None else f"{shown_age(one.logged_in)} ago",
            )
            for one in found
        ]
        show_table(rows, ("user", "role", "login", "last login"))
    else:
        say("no accounts; the next start of `proj serve` prints a link for the first one")
    return 0


def _login(has_password: bool) -> str:
    return "password" if has_password else "openid"


def _words(call: Call, count: int) -> tuple[str, ...]:
    if len(call.words) != count:
        raise UsageError("the name of the account and the role are needed" if count > 1 else "the name is missing")
    return call.words


def _new_password(call: Call, name: str) -> str:
    """Return a password that is typed twice, or the first line of standard input. Raises UsageError."""
    from weaselish.cli.questions import can_ask, secret_line
    from weaselish.serve.access.passwords import check_new_password

    password = secret_line(f"New password for {name}", call.cancel)
    check_new_password(password, name)
    if can_ask() and secret_line("Once more", call.cancel) != password:
        raise UsageError("the two passwords differ", hint="nothing was changed")
    return password


def _note(database: Database, now: float, action: str, detail: str) -> None:
    from weaselish.serve.storage.audit import Audited, add_audit

    add_audit(database, Audited(now, console_actor(), "", action, detail, True))


SUBCOMMANDS = (
    Subcommand(
        "serve user add",
        add,
        "Create an account of the dashboard.\n\nYou type the password, or it is the first line of standard input.",
        (_ROLE, Option("oidc", ("--oidc",), "Create it without a password: it logs in through the provider."), CONFIG),
        arguments=(_ACCOUNT,),
        examples=("proj serve user add ada --role admin", "proj serve user add bob@acme.com --oidc"),
    ),
    Subcommand(
        "serve user role",
        change_role,
        "Change the role of an account.\n\nIt applies to open sessions from their next request on.",
        (CONFIG,),
        arguments=(_ACCOUNT, Argument("ROLE", ROLE_HELP, ROLES, is_required=True)),
        examples=("proj serve user role ada runner",),
    ),
    Subcommand(
        "serve user password",
        change_password,
        "Change the password of an account, and end its sessions.",
        (CONFIG,),
        arguments=(_ACCOUNT,),
        examples=("proj serve user password ada",),
    ),
    Subcommand(
        "serve user remove",
        remove,
        "Delete an account, and end its sessions.\n\nThe audit log keeps its name.",
        (CONFIG,),
        arguments=(_ACCOUNT,),
        examples=("proj serve user remove ada",),
    ),
    Subcommand(
        "serve user list",
        list_users,
        "List the accounts of the dashboard.",
        (CONFIG, JSON),
        arguments=(),
        examples=("proj serve user list",),
    ),
)
