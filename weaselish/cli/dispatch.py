"""Finds the subcommand that argv names and runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from weaselish.cli import quick
from weaselish.cli.arguments import Extras, take_extras
from weaselish.cli.subcommand import GROUPS
from weaselish.errors import UsageError

_BEFORE = ("-v", "-V", "--verbose", "-q", "--quiet")  # options that may precede the subcommand


def dispatch(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; return its exit code. Raises ProjError."""
    if argv[:1] == ["--complete"]:
        from weaselish.cli.complete import complete

        return complete(argv[1], argv[2:])
    words, extras = take_extras(argv, environ)
    if words == ["--version"]:
        from weaselish.cli.version import show_version

        return show_version()
    from weaselish.cancel import Cancel
    from weaselish.cli.signals import cancelling_at_once

    with Cancel() as cancel, cancelling_at_once(cancel):
        for directory in extras.change_to:
            _change_to(directory)
        _check_directory()
        return _run(words, extras._replace(cancel=cancel))


def _run(words: Sequence[str], extras: Extras) -> int:
    words = _after_subcommand(words)
    if words and " " in words[0] and not words[0].startswith("-"):
        from weaselish.cli.unknown import unknown_subcommand

        raise unknown_subcommand(words[0])
    parsed = quick.parse(words)
    if parsed is not None:
        return parsed.subcommand.call(parsed.words, extras, parsed.options)
    if not words or all(word in _BEFORE for word in words):
        from weaselish.cli.list import list_project

        return list_project(extras)
    return _help_or_typer(words, extras)


def _after_subcommand(words: Sequence[str]) -> Sequence[str]:
    """Move `-v` and `-q` in front of the subcommand behind its name."""
    start = next((index for index, word in enumerate(words) if word not in _BEFORE), 0)
    if start == 0:
        return words
    name, rest = quick.split_name(words[start:])
    return [*name.split(), *words[:start], *rest]


def _change_to(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise UsageError(f"cannot change to `{directory}`: {(error.strerror or str(error)).lower()}") from None


def _check_directory() -> None:
    try:
        os.getcwd()
    except OSError as error:
        why = "no longer exists" if isinstance(error, FileNotFoundError) else f"cannot be found: {error.strerror}"
        raise UsageError(f"the current directory {why}", hint="change to another directory") from None


def _help_or_typer(words: Sequence[str], extras: Extras) -> int:
    """Show help, or let typer parse what is not plain."""
    from weaselish.cli.help import asks_for_help, show_help

    asks = words[0] == "help" or asks_for_help(words)
    if words[0] == "help":
        words = words[1:]
    name, _ = quick.split_name(words)
    if name and not name.startswith("-"):
        from weaselish.cli.unknown import check_subcommand

        check_subcommand(name)
    if asks or (name in GROUPS and len(words) == len(name.split())):
        return show_help(words)
    return _ask_typer(words, extras, name)


def _ask_typer(words: Sequence[str], extras: Extras, name: str) -> int:
    """Parse what is not plain with typer; raise its complaints as ours."""
    import typer

    from weaselish.cli.app import make_app

    try:
        code = make_app()(quick.with_values(words), prog_name="proj", obj=extras, standalone_mode=False)
    except typer.TyperException as error:
        from weaselish.cli.mistakes import usage_error

        raise usage_error(error, name) from None
    return code if isinstance(code, int) else 0
