"""`proj init`: writes a small project that runs."""

from __future__ import annotations

import shlex

from weaselish.cli.console import say, warn
from weaselish.cli.subcommand import Argument, Call, Subcommand, Values
from weaselish.errors import listed


def init(call: Call) -> int:
    """Write a starter project; refuse to replace one."""
    from shutil import get_terminal_size
    from textwrap import wrap

    from weaselish.api.project import Project

    directory = call.directory
    started = Project.init(directory or ".")
    for line in wrap(f"wrote {listed(started.written)}", get_terminal_size().columns, break_on_hyphens=False):
        say(line)
    if started.kept:
        warn(f"kept {listed(started.kept)}, which existed before")
    change = f"cd {shlex.quote(directory)} && " if directory not in (None, ".") else ""
    say(f"next: {change}proj run all")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "init",
        init,
        "Write a starter project that runs.\n\n"
        "It has a project.yml with comments, two scripts, a .gitignore and the schema for editors. "
        "Files that exist stay as they are.",
        arguments=(Argument("DIR", "Where to write it, by default the current directory.", Values.DIRECTORIES),),
        examples=("proj init", "proj init demo"),
    ),
)
