"""`proj serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.console import say, show
from weaselish.cli.subcommand import Argument, Call, Option, Subcommand, Takes, Values
from weaselish.errors import ProjError, UsageError

if TYPE_CHECKING:
    from weaselish.serve.projects import Projects

_LINK_SECONDS = 24 * 3600.0


def check_installed() -> None:
    """Raise ProjError if the extra `serve` is not installed."""
    from importlib.util import find_spec

    if not all(map(find_spec, ("fastapi", "uvicorn", "jinja2", "sqlalchemy", "argon2", "joserfc", "multipart"))):
        raise ProjError("`proj serve` needs more packages", hint='pip install "weaselish[serve]"')


def serve(call: Call, *, host: str | None, port: str | None, no_open: bool, allow_run: bool) -> int:
    """Serve projects until a signal ends it."""
    check_installed()
    from dataclasses import replace

    from weaselish.files.user_dirs import user_data_dir
    from weaselish.serve.app import create_app
    from weaselish.serve.server import bind
    from weaselish.serve.server import serve as run_server
    from weaselish.serve.settings import Settings
    from weaselish.serve.storage.database import open_database
    from weaselish.serve.storage.links import Purpose, create_link

    settings = Settings(user_data_dir() / "serve", allow_run=allow_run)
    if host is not None:
        settings = replace(settings, host=host)
    if port is not None:
        settings = replace(settings, port=_port(port))
    projects = _projects(call)
    database = open_database(settings)
    listener = bind(settings)
    app = create_app(settings, projects, database)
    address = f"http://{settings.host}:{listener.getsockname()[1]}{settings.base_path}"
    token = create_link(database, Purpose.ENTER, expires=app.state.serving.clock() + _LINK_SECONDS)

    def on_start() -> None:
        show(f"{address}/enter/{token}")
        say("Open this address: it works once. Ctrl-C ends the server.")
        if not no_open:
            import webbrowser

            webbrowser.open(f"{address}/enter/{token}")

    run_server(app, listener, on_start=on_start)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise UsageError(f"`--port {text}`: not a valid port", hint="a number up to 65535; 0 is any free one")
    return int(text)


def _projects(call: Call) -> Projects:
    from weaselish.load import find_root
    from weaselish.serve.projects import Projects

    return Projects.of([find_root(word) for word in call.words] or [find_root()])


SUBCOMMANDS = (
    Subcommand(
        "serve",
        serve,
        "Show projects in the browser.\n\nIt prints an address that works once, and opens it.",
        (
            Option("host", ("--host",), "The address to listen on; by default 127.0.0.1.", Takes.TEXT, "HOST"),
            Option("port", ("--port",), "The port; by default 8091. 0 is any free one.", Takes.TEXT, "PORT"),
            Option("no_open", ("--no-open",), "Do not open the browser."),
            Option("allow_run", ("--allow-run",), "Let visitors with the role runner start and stop runs."),
        ),
        arguments=(Argument("DIR", "A project; by default the current one.", Values.DIRECTORIES, is_repeated=True),),
        examples=("proj serve", "proj serve ~/penguins ~/irises --no-open"),
    ),
)
