"""`proj document`: the project as Markdown, on stdout or in a README."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.cli.console import say, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import Call, Option, Subcommand, Takes, Values
from weaselish.errors import ProjError


def document(call: Call, *, output: str, no_emoji: bool, force: bool) -> int:
    """Write the section to `output`, relative to the current directory; `-` is stdout."""
    text = open_project(call, call.directory).document(emoji=not no_emoji)
    if output == "-":
        print(text, end="")
        return 0
    file = Path(os.path.realpath(output))  # a link stays a link
    try:
        _write(file, output, text, force=force)
    except OSError as error:
        raise ProjError(f"`{output}` cannot be written: {(error.strerror or str(error)).lower()}") from None
    return 0


def _write(file: Path, name: str, text: str, *, force: bool) -> None:
    from weaselish.engine.readme import is_ignored, merged
    from weaselish.files.atomic import write_atomically
    from weaselish.files.text_file import read_if_exists

    old = read_if_exists(file, name=name)
    if is_ignored(old):
        warn(f"`{name}` contains the marker that keeps it unchanged; nothing is written")
        return
    new = merged(old, text, name=name, force=force)
    if new == old:
        say(f"`{name}` is up to date")
        return
    write_atomically(file, [new])
    say(f"wrote `{name}`")


SUBCOMMANDS = (
    Subcommand(
        "document",
        document,
        "Describe the project as Markdown, for its README.\n\n"
        "The text has its commands, workflows, graph, assets and remotes.",
        (
            Option(
                "output",
                ("--output", "-o"),
                "The file whose generated section is replaced; `-` is stdout.",
                Takes.TEXT,
                "FILE",
                "-",
                values=Values.FILES,
            ),
            Option("no_emoji", ("--no-emoji", "-NE"), "Write headings without emoji."),
            Option("force", ("--force",), "Also replace a file that has no generated section."),
        ),
        examples=("proj document --output README.md",),
    ),
)
