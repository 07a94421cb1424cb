"""The verbs of `proj` and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weaselish.cli.arguments import Extras, names_and_directory
from weaselish.cli.quick import TRANSFERS, names_of, show_version
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.workspace import Workspace

app = typer.Typer(
    name="proj",
    help="Run the commands and workflows of project.yml, and only what is not up to date.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Words = Annotated[list[str] | None, typer.Argument(metavar="[NAME]... [DIR]", show_default=False)]
Directory = Annotated[str | None, typer.Argument(metavar="[DIR]", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]


def _version(wanted: bool) -> None:
    if wanted:
        raise typer.Exit(show_version())


@app.callback(invoke_without_command=True)
def proj(
    context: typer.Context,
    _shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version of proj.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from weaselish.cli import verbs

        raise typer.Exit(verbs.show(_open(context, None)))


def _open(context: typer.Context, directory: str | None) -> Workspace:
    from weaselish.workspace import Workspace

    extras: Extras = context.obj
    return Workspace.open(directory, extras.overrides)


@app.command(context_settings={"help_option_names": []})
def run(
    context: typer.Context,
    words: Words = None,
    dry: Annotated[
        bool, typer.Option(*names_of("run", "dry"), help="Print the lines that would run, and why; change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option(*names_of("run", "force"), help="Run what is named even if it is up to date.")
    ] = False,
    only: Annotated[
        bool, typer.Option(*names_of("run", "only"), help="Run exactly what is named, not what makes its deps.")
    ] = False,
    jobs: Annotated[
        str | None,
        typer.Option(
            *names_of("run", "jobs"), metavar="N", help="Steps at a time: a number or `auto`; default PROJ_JOBS or 1."
        ),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option(*names_of("run", "keep_going"), help="After a failure, go on with what does not need it.")
    ] = False,
    yes: Annotated[
        bool, typer.Option(*names_of("run", "yes"), help="Answer what commands ask with `confirm`.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("/".join(names_of("run", "wait")), help="Wait for other processes that run the same steps.")
    ] = True,
    output: Annotated[
        str | None,
        typer.Option(
            *names_of("run", "output"),
            metavar="HOW",
            help="What scripts write: raw, prefix, group or quiet; default raw, with -j prefix.",
        ),
    ] = None,
    as_json: Json = False,
    show_help: Annotated[
        bool, typer.Option("--help", "-h", help="Show this, or with a name what is to know of it.")
    ] = False,
) -> None:
    """Bring commands or workflows up to date, with all that makes their deps.

    What follows `--` is appended to the last script line of the one command named; `--vars.NAME VALUE` overrides.
    """
    if show_help and not names_and_directory(words or [])[0]:
        print(context.get_help())
        raise typer.Exit
    from weaselish.cli import verbs

    code = verbs.run(
        context.obj,
        words or [],
        dry=dry,
        force=force,
        only=only,
        jobs=jobs,
        keep_going=keep_going,
        yes=yes,
        wait=wait,
        output=output,
        as_json=as_json,
        show_help=show_help,
    )
    raise typer.Exit(code)


@app.command()
def status(
    context: typer.Context,
    words: Words = None,
    check: Annotated[
        bool, typer.Option(*names_of("status", "check"), help="Exit with 1 if anything is stale.")
    ] = False,
    remote: Annotated[
        str | None,
        typer.Option(*names_of("status", "remote"), metavar="NAME", help="Show also what is on this remote."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which commands are up to date, and why the others are not."""
    from weaselish.cli import verbs

    raise typer.Exit(verbs.status(context.obj, words or [], check=check, remote=remote, as_json=as_json))


@app.command()
def validate(context: typer.Context, directory: Directory = None) -> None:
    """Check project.yml: everything that is wrong or doubtful, with its place."""
    from weaselish.cli import validate as checks

    raise typer.Exit(checks.validate(_open(context, directory)))


RemoteName = Annotated[str | None, typer.Argument(metavar="[REMOTE]", show_default=False)]
Commands = Annotated[
    list[str] | None, typer.Option(*names_of("push", "commands"), metavar="NAME", help="Only this command.")
]
AtOnce = Annotated[int, typer.Option(*names_of("push", "jobs"), metavar="N", min=1, help="Objects at a time.")]


@app.command()
def push(
    context: typer.Context,
    remote: RemoteName = None,
    directory: Directory = None,
    commands: Commands = None,
    dry: Annotated[
        bool, typer.Option(*names_of("push", "dry"), help="Say what would be pushed; store nothing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option(*names_of("push", "verify"), help="Read what is there already, to know that it is whole.")
    ] = False,
    repair: Annotated[
        bool, typer.Option(*names_of("push", "repair"), help="Replace objects that proved broken.")
    ] = False,
    jobs: AtOnce = TRANSFERS,
    as_json: Json = False,
) -> None:
    """Store the outputs of up-to-date commands in a remote, for others to pull."""
    from weaselish.cli import verbs

    code = verbs.push(
        context.obj,
        _words(remote, directory),
        commands=tuple(commands or ()),
        dry=dry,
        verify=verify,
        repair=repair,
        jobs=jobs,
        as_json=as_json,
    )
    raise typer.Exit(code)


@app.command()
def pull(
    context: typer.Context,
    remote: RemoteName = None,
    directory: Directory = None,
    commands: Commands = None,
    dry: Annotated[
        bool, typer.Option(*names_of("pull", "dry"), help="Say what would be pulled; change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option(*names_of("pull", "force"), help="Replace also what exists only here.")
    ] = False,
    jobs: AtOnce = TRANSFERS,
    as_json: Json = False,
) -> None:
    """Restore outputs from a remote, verified, for the script, deps and env as they are now."""
    from weaselish.cli import verbs

    words, only = _words(remote, directory), tuple(commands or ())
    raise typer.Exit(verbs.pull(context.obj, words, commands=only, dry=dry, force=force, jobs=jobs, as_json=as_json))


def _words(*given: str | None) -> list[str]:
    return [word for word in given if word is not None]


@app.command("ls")
def list_remote(
    context: typer.Context, remote: RemoteName = None, directory: Directory = None, as_json: Json = False
) -> None:
    """List what a remote holds: outputs, runs, sizes, ages, who made them."""
    from weaselish.cli.ls import list_runs
    from weaselish.cli.remotes import find_remote

    workspace = _open(context, directory)
    raise typer.Exit(list_runs(workspace, find_remote(workspace, remote or "default"), as_json=as_json))


remote_app = typer.Typer(help="List and test the remotes of project.yml.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(remote_app, name="remote")


@remote_app.command("list")
def remote_list(context: typer.Context, directory: Directory = None, as_json: Json = False) -> None:
    """List the remotes that project.yml defines."""
    from weaselish.cli.remote import show_remotes

    raise typer.Exit(show_remotes(_open(context, directory), as_json=as_json))


@remote_app.command("test")
def remote_test(
    context: typer.Context,
    remote: Annotated[str, typer.Argument(metavar="REMOTE", show_default=False)],
    directory: Directory = None,
) -> None:
    """Try a remote: credentials, then list, write, read back and delete, each with its time."""
    from weaselish.cli.remote import test_remote
    from weaselish.cli.remotes import find_remote

    workspace = _open(context, directory)
    raise typer.Exit(test_remote(workspace, find_remote(workspace, remote)))


@app.command()
def log(
    context: typer.Context,
    words: Words = None,
    most: Annotated[int, typer.Option("--most", "-n", metavar="N", min=1, help="The last N runs.")] = 30,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With all that they wrote.")] = False,
    as_json: Json = False,
) -> None:
    """Show what ran: when, how long, why, and with what result."""
    from weaselish.cli.log import show_log

    names, directory = names_and_directory(words or [])
    raise typer.Exit(show_log(_open(context, directory), names, most=most, verbose=verbose, as_json=as_json))


@app.command()
def graph(
    context: typer.Context,
    words: Words = None,
    dot: Annotated[bool, typer.Option("--dot", help="For Graphviz.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="For Mermaid.")] = False,
) -> None:
    """Show which command makes what another needs, and which are up to date."""
    from weaselish.cli.graph import show_graph

    names, directory = names_and_directory(words or [])
    form = "dot" if dot else "mermaid" if mermaid else "text"
    raise typer.Exit(show_graph(_open(context, directory), names, form=form))


@app.command()
def init(directory: Directory = None) -> None:
    """Write a starter project.yml that runs."""
    from weaselish.cli.init import init as write_starter

    raise typer.Exit(write_starter(directory))


lock_app = typer.Typer(help="Change what is recorded of commands.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(lock_app, name="lock")
Steps = Annotated[list[str], typer.Argument(metavar="STEP... [DIR]", show_default=False)]


@lock_app.command("accept")
def lock_accept(context: typer.Context, words: Steps) -> None:
    """Record the outputs that lie there as up to date, without running anything."""
    from weaselish.cli.lock import accept_steps

    names, directory = names_and_directory(words)
    raise typer.Exit(accept_steps(_open(context, directory), names))


@lock_app.command("reset")
def lock_reset(context: typer.Context, words: Steps) -> None:
    """Forget what is recorded: the commands count as never run. Their outputs stay."""
    from weaselish.cli.lock import reset_steps

    names, directory = names_and_directory(words)
    raise typer.Exit(reset_steps(_open(context, directory), names))


@app.command()
def document(
    context: typer.Context,
    directory: Directory = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file whose section is replaced; `-` is stdout.")
    ] = "-",
    no_emoji: Annotated[bool, typer.Option("--no-emoji", "-NE", help="Headings without emoji.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace also a file that has no section of ours.")] = False,
) -> None:
    """Write the project's commands, workflows, graph, assets and remotes as Markdown, into a README if told so."""
    from weaselish.cli.document import document as write_document

    raise typer.Exit(write_document(_open(context, directory), output, emoji=not no_emoji, force=force))


@app.command()
def dvc(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="[DIR] [WORKFLOW]", show_default=False)] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-V", help="Name each stage.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")] = False,
    force: Annotated[bool, typer.Option("--force", "-F", help="Replace also a dvc.yaml of your own.")] = False,
) -> None:
    """Write a dvc.yaml for a workflow, so that `dvc repro` runs it."""
    from weaselish.cli.dvc import directory_and_workflow, write_dvc

    directory, workflow = directory_and_workflow(words or [])
    overrides = context.obj.overrides
    workspace = _open(context, directory)
    raise typer.Exit(write_dvc(workspace, workflow, overrides, force=force, verbose=verbose, quiet=quiet))


@app.command("vars")
def show_variables(context: typer.Context, directory: Directory = None, as_json: Json = False) -> None:
    """Show every variable with its value and where that comes from. Secrets are masked."""
    from weaselish.cli.vars import show_vars

    raise typer.Exit(show_vars(_open(context, directory), context.obj, as_json=as_json))


@app.command()
def assets(
    context: typer.Context,
    words: Words = None,
    extra: Annotated[bool, typer.Option("--extra", "-e", help="Also those that are marked `extra`.")] = False,
    sparse: Annotated[
        bool, typer.Option("--sparse", "-S", help="Of git repositories, fetch only the files that are wanted.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", "-F", help="Fetch also what is there already.")] = False,
    at_once: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Assets at a time.")] = 4,
    as_json: Json = False,
) -> None:
    """Fetch the assets of project.yml, or those named by their `dest`. What is there already is left alone."""
    from weaselish.cli.assets import dests_and_directory, run_assets
    from weaselish.engine.assets import AssetOptions

    names, directory = dests_and_directory(words or [])
    options = AssetOptions(tuple(names), extra, sparse, force, at_once)
    raise typer.Exit(run_assets(_open(context, directory), options, as_json=as_json))


@app.command()
def clone(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    dest: Annotated[str | None, typer.Argument(metavar="[DEST]", show_default=False)] = None,
    repo: Annotated[
        str | None,
        typer.Option("--repo", "-r", metavar="URL", help="A git repository; without it, a template, else Weasel's."),
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", "-b", metavar="REF", help="A branch, tag or commit of the repository.")
    ] = None,
    sparse: Annotated[bool, typer.Option("--sparse", "-S", help="Fetch only the files that are wanted.")] = False,
    list_only: Annotated[bool, typer.Option("--list", help="List the templates that come with proj.")] = False,
    as_json: Json = False,
) -> None:
    """Copy a template, or a project in a git repository: NAME is its directory there, `.` the whole."""
    from weaselish.cli.clone import clone as make_copy
    from weaselish.cli.clone import list_templates

    if list_only:
        raise typer.Exit(list_templates(as_json=as_json))
    if name is None:
        raise UsageError("the name of what to clone is missing", hint="`proj clone --list` shows the templates")
    raise typer.Exit(make_copy(name, dest, repo=repo, branch=branch, sparse=sparse))
