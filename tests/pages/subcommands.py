"""Writes docs/cli.md from the declarations of the subcommands."""

from __future__ import annotations

from collections.abc import Iterator

from pages.markdown import Rows, anchor, generated, table
from weaselish.cli.help import EVERYWHERE, EXIT_CODES
from weaselish.cli.subcommand import COMMON, GROUPS, SECTIONS, Option, Subcommand, Takes, load_subcommand

_ABOUT_SUBCOMMANDS = """\
`proj` alone lists the commands and workflows of the project. `proj SUBCOMMAND --help` prints what this page says
about a subcommand. Data goes to stdout, everything else to stderr. Options may stand anywhere."""


def cli() -> str:
    """Return the page about every subcommand."""
    parts = [
        generated("the declarations in `weaselish/cli/`"),
        "# Every subcommand",
        _ABOUT_SUBCOMMANDS,
        *_overview(),
        "## Everywhere",
        table(("option", "what it does"), [(f"`{term}`", text) for term, text in EVERYWHERE]),
        "## Exit codes",
        table(("code", "when"), list(EXIT_CODES)),
    ]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}")
        for name in names:
            parts += _subcommand(load_subcommand(name))
    return "\n\n".join(parts) + "\n"


def _overview() -> Iterator[str]:
    rows: Rows = []
    for title, names in SECTIONS.items():
        rows += [
            (title, f"[`proj {name}`](#{anchor(f'proj {name}')})", load_subcommand(name).summary) for name in names
        ]
    yield table(("", "subcommand", "what it does"), rows)
    for group, text in GROUPS.items():
        yield f"`proj {group}`: {text}"


def _subcommand(subcommand: Subcommand) -> Iterator[str]:
    yield f"### proj {subcommand.name}"
    yield from (paragraph.replace("\n", " ") for paragraph in subcommand.help.split("\n\n"))
    usage = f"proj {subcommand.name} [OPTIONS] {subcommand.usage}".rstrip()
    yield "```text\n" + "\n".join([usage, *(("", *subcommand.examples) if subcommand.examples else ())]) + "\n```"
    rows: Rows = [(f"`{argument.name}`", argument.help) for argument in subcommand.arguments]
    if rows:
        yield table(("argument", "what it is"), rows)
    rows = [_option(option) for option in subcommand.options if option not in COMMON]
    if rows:
        yield table(("option", "what it does"), rows)


def _option(option: Option) -> tuple[str, str]:
    flags = ", ".join(f"`{flag}`" for flag in (*option.flags, *([option.off] if option.off else ())))
    metavar = f" `{option.metavar}`" if option.metavar else ""
    default = f" Default: {option.default}." if option.default is not None else ""
    repeated = " It may be repeated." if option.takes is Takes.TEXTS else ""
    return f"{flags}{metavar}", f"{option.help}{default}{repeated}"
