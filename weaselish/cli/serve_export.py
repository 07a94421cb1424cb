"""`proj serve export`."""

from __future__ import annotations

from pathlib import Path

from weaselish.cli.console import say
from weaselish.cli.serve import check_installed
from weaselish.cli.subcommand import Argument, Call, Subcommand, Values
from weaselish.cli.units import counted, shown_size
from weaselish.errors import UsageError


def export(call: Call) -> int:
    """Write the pages of projects as files."""
    if not call.words:
        raise UsageError("`proj serve export` needs a directory to write to", hint="proj serve export site")
    check_installed()
    from weaselish.cancel import Cancel
    from weaselish.load import find_root
    from weaselish.serve.export import export as write
    from weaselish.serve.projects import Projects

    target, *directories = call.words
    projects = Projects.of([find_root(word) for word in directories] or [find_root()])
    done = write(projects, Path(target), cancel=call.cancel or Cancel())
    say(f"wrote {counted(done.files, 'file')}, {shown_size(done.size)}, to `{target}`")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "serve export",
        export,
        "Write the pages of the dashboard as files.\n\n"
        "Any browser shows them without a server: open index.html, or publish the directory.",
        arguments=(
            Argument(
                "TARGET", "Where to write: a new or empty directory, or an earlier export.", Values.DIRECTORIES, True
            ),
            Argument("DIR", "A project; by default the current one.", Values.DIRECTORIES, is_repeated=True),
        ),
        examples=("proj serve export site", "proj serve export site ~/penguins ~/irises"),
    ),
)
