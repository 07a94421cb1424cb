"""`proj serve`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from weaselish.cli.console import say, show, warn
from weaselish.cli.subcommand import MODULES, Argument, Call, Option, Subcommand, Takes, Values
from weaselish.errors import ProjError, UsageError, near_match

if TYPE_CHECKING:
    from weaselish.serve.certificates import CertificateFiles
    from weaselish.serve.projects import Projects
    from weaselish.serve.settings import Settings
    from weaselish.serve.storage.database import Database

CONFIG = Option(
    "config",
    ("--config",),
    "A file with `serve:`; by default config.yml of your configuration.",
    Takes.TEXT,
    "FILE",
    values=Values.FILES,
)


def check_installed() -> None:
    """Raise ProjError if the extra `serve` is not installed."""
    from importlib.util import find_spec

    if not all(map(find_spec, ("fastapi", "uvicorn", "jinja2", "sqlalchemy", "argon2", "joserfc", "multipart"))):
        raise ProjError("`proj serve` needs more packages", hint='pip install "weaselish[serve]"')


def serve(call: Call, *, host: str | None, port: str | None, config: str | None, no_open: bool, allow_run: bool) -> int:
    """Serve projects until a signal ends it."""
    check_installed()
    from weaselish.serve.app import create_app
    from weaselish.serve.certificates import certificate_files
    from weaselish.serve.server import bind
    from weaselish.serve.server import serve as run_server
    from weaselish.serve.settings_file import check_reachable
    from weaselish.serve.starting import greeting, warnings
    from weaselish.serve.storage.database import open_database

    settings = _with_options(settings_of(call, config), host, port, allow_run=allow_run)
    check_reachable(settings)
    projects = _projects(call)
    for message, advice in warnings(settings):
        warn(message, advice)
    certificate = certificate_files(settings, settings.tls) if settings.tls else None
    if certificate is not None:
        _show_certificate(certificate)
    database = open_database(settings)
    listener = bind(settings)
    app = create_app(settings, projects, database)

    def on_start() -> None:
        found = greeting(app.state.serving, listener.getsockname()[1])
        show(found.address)
        say(found.advice)
        if not no_open:
            import webbrowser

            webbrowser.open(found.address)

    run_server(app, listener, certificate, on_start=on_start)
    return 0


def _show_certificate(files: CertificateFiles) -> None:
    from weaselish.serve.certificates import facts, load
    from weaselish.serve.starting import certificate_notes

    load(files)  # says what is wrong before anything else happens
    for message, advice in certificate_notes(files):
        warn(message, advice)
    if files.is_own:
        found = facts(files)
        say(f"The certificate is signed by this server itself, until {found.ends:%Y-%m-%d}. Its fingerprint, SHA-256:")
        say(found.fingerprint)


@contextmanager
def opened_database(call: Call, config: str | None) -> Iterator[tuple[Database, float]]:
    """Open the dashboard's database, and return it with the time."""
    import time

    from weaselish.serve.storage.database import open_database

    database = open_database(settings_of(call, config))
    try:
        yield database, time.time()
    finally:
        database.close()


def console_actor() -> str:
    """Return what the audit log calls the user of this console."""
    import getpass

    try:
        return f"console:{getpass.getuser()}"
    except (OSError, KeyError):
        return "console:?"


def settings_of(call: Call, config: str | None) -> Settings:
    """Return the settings of `--config`, else of the user's config.yml, and of the environment."""
    check_installed()
    from weaselish.serve.settings_file import read_settings

    return read_settings(config, os.environ, cancel=call.cancel)


def _with_options(settings: Settings, host: str | None, port: str | None, *, allow_run: bool) -> Settings:
    from dataclasses import replace

    from weaselish.serve import setting_values
    from weaselish.serve.setting_values import BadSetting

    try:
        if host is not None:
            settings = replace(settings, host=setting_values.host(host))
    except BadSetting as bad:
        raise UsageError(f"`--host {host}`: {bad.message}", hint=bad.hint) from None
    if port is not None:
        settings = replace(settings, port=_port(port))
    return replace(settings, allow_run=settings.allow_run or allow_run)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text[:6]) > 65535:
        raise UsageError(f"`--port {text}`: not a valid port", hint="a number up to 65535; 0 is any free one")
    return int(text)


def _projects(call: Call) -> Projects:
    from weaselish.load import find_root
    from weaselish.serve.projects import Projects

    words = [name.removeprefix("serve ").partition(" ")[0] for name in MODULES if name.startswith("serve ")]
    for word in call.words:
        close = near_match(word, words)
        if close and not os.path.isdir(word):
            raise UsageError(f"`{word}` is not a directory", hint=f"did you mean `proj serve {close}`?")
    return Projects.of([find_root(word) for word in call.words] or [find_root()])


SUBCOMMANDS = (
    Subcommand(
        "serve",
        serve,
        "Show projects in the browser.\n\nIt prints an address that works once, and opens it.",
        (
            Option("host", ("--host",), "The address to listen on; by default 127.0.0.1.", Takes.TEXT, "HOST"),
            Option("port", ("--port",), "The port; by default 8091. With 0, any free port.", Takes.TEXT, "PORT"),
            CONFIG,
            Option("no_open", ("--no-open",), "Do not open the browser."),
            Option("allow_run", ("--allow-run",), "Let visitors with the role runner start and stop runs."),
        ),
        arguments=(Argument("DIR", "A project; by default the current one.", Values.DIRECTORIES, is_repeated=True),),
        examples=("proj serve", "proj serve ~/penguins ~/irises --no-open"),
    ),
)
