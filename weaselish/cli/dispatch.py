"""Finds the subcommand that argv names and runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from weaselish.cli import quick
from weaselish.cli.arguments import Extras, take_extras
from weaselish.cli.subcommand import GROUPS
from weaselish.errors import UsageError


def dispatch(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; return its exit code. Raises ProjError."""
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
    parsed = quick.parse(words)
    if parsed is not None:
        return parsed.subcommand.call(parsed.words, extras, parsed.options)
    if not words:
        from weaselish.cli.list import list_project

        return list_project(extras)
    return _ask_typer(words, extras)


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


def _ask_typer(words: Sequence[str], extras: Extras) -> int:
    """Let typer show help or parse what is not plain; raise its complaints as ours."""
    name, _ = quick.split_name(words)
    if not name.startswith("-"):
        from weaselish.cli.unknown import check_subcommand

        check_subcommand(name, extras)
    if name in GROUPS and len(words) == 1:
        words = [name, "--help"]
    import typer

    from weaselish.cli.app import make_app

    try:
        code = make_app()(list(words), prog_name="proj", obj=extras, standalone_mode=False)
    except typer.TyperException as error:
        raise _usage_error(error, name) from None
    return code if isinstance(code, int) else 0


def _usage_error(error: Exception, name: str) -> UsageError:
    text = getattr(error, "format_message", error.__str__)().rstrip(".")
    of = f" {name}" if name and not name.startswith("-") else ""
    return UsageError(text[:1].lower() + text[1:], hint=f"`proj{of} --help` shows what it takes")
