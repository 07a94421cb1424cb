"""The help of `proj` and of each subcommand, from their declarations."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill

from weaselish.cli.console import paint
from weaselish.cli.subcommand import GROUPS, HELP_FLAGS, MODULES, SECTIONS, Option, Subcommand, load_subcommand

_WIDEST = 80
_NARROW = 60  # columns below which a description stands under its term
_LONGEST_TERM = 20

Rows = Sequence[tuple[str, str]]  # terms and their descriptions

EVERYWHERE = (
    ("--vars.NAME VALUE", "Override a variable of project.yml. `--env.NAME VALUE` overrides one under `env`."),
    ("-C DIR", "Change to DIR first."),
    ("-v, --verbose", "Show more: all reasons, all output."),
    ("-q, --quiet", "Print only results, warnings and errors."),
    ("-h, --help", "Show help. `proj run NAME --help` shows the help of one of the project's commands."),
    ("--version", "Show the version."),
)
EXIT_CODES = (
    ("0", "done"),
    ("1", "failed; a failing script's own exit code; 124 after a timeout"),
    ("2", "wrong usage, or an error in project.yml"),
    ("130", "interrupted by Ctrl-C (143 by SIGTERM, …)"),
)


def show_help(words: Sequence[str]) -> int:
    """Print the help of the subcommand or group that `words` name, or of `proj`; return the exit code."""
    names = [" ".join(words[:count]) for count in (3, 2, 1)]
    name = next((name for name in names if name in MODULES or name in GROUPS), "")
    if name in MODULES:
        blocks = _of_subcommand(load_subcommand(name))
    elif name in GROUPS:
        blocks = _of_group(name)
    else:
        blocks = _of_proj()
    print("\n\n".join(blocks))
    return 0


def asks_for_help(words: Sequence[str]) -> bool:
    """Return whether one of the words is a flag for help."""
    return any(word in HELP_FLAGS for word in words)


def _of_proj() -> Iterator[str]:
    yield _filled("Run the commands and workflows of project.yml, and only what is out of date.")
    yield _titled("Usage", ["proj                        list the project's commands", "proj SUBCOMMAND [OPTIONS]"])
    summaries = {name: load_subcommand(name).summary for name in MODULES}
    longest = max(map(len, summaries))
    for title, names in SECTIONS.items():
        yield _defined(title, [(name.ljust(longest), summaries[name]) for name in names])
    yield _defined("Everywhere", EVERYWHERE)
    yield _defined("Exit codes", EXIT_CODES)
    yield _filled("`proj SUBCOMMAND --help` shows the options of a subcommand, with examples.")


def _of_group(group: str) -> Iterator[str]:
    yield _filled(GROUPS[group])
    names = [name for name in MODULES if name.startswith(f"{group} ")]
    yield _defined("Subcommands", [(name, load_subcommand(name).summary) for name in names])


def _of_subcommand(subcommand: Subcommand) -> Iterator[str]:
    for paragraph in subcommand.help.split("\n\n"):
        yield _filled(paragraph)
    yield _titled("Usage", [f"proj {subcommand.name} [OPTIONS] {subcommand.usage}".rstrip()])
    if subcommand.arguments:
        yield _defined("Arguments", [(argument.name, argument.help) for argument in subcommand.arguments])
    has_own = any(asks_for_help(option.flags) for option in subcommand.options)
    options = [_option(option) for option in subcommand.all_options]
    yield _defined("Options", options if has_own else [*options, ("-h, --help", "Show this message.")])
    yield _titled("Examples", subcommand.examples)


def _option(option: Option) -> tuple[str, str]:
    short = [flag for flag in option.flags if not flag.startswith("--")]
    long = [flag for flag in option.flags if flag.startswith("--")]
    flags = ", ".join([*short, *long, *([option.off] if option.off else [])])
    default = f" Default: {option.default}." if option.default is not None else ""
    return f"{flags} {option.metavar or ''}".rstrip(), option.help + default


# -- layout -----------------------------------------------------------------------------------------------------------


def _width() -> int:
    return max(20, min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST))


def _titled(title: str, lines: Iterable[str]) -> str:
    return "\n".join([_heading(title), *(f"  {line}" for line in lines)])


def _heading(title: str) -> str:
    return paint(f"{title}:", "bold", sys.stdout)


def _filled(text: str, indent: int = 0) -> str:
    """Wrap a paragraph, each line after `indent` spaces."""
    blanks = " " * indent
    return fill(text, _width(), initial_indent=blanks, subsequent_indent=blanks, break_on_hyphens=False)


def _defined(title: str, rows: Rows) -> str:
    """Return terms with their descriptions beside them, or below them where there is no room."""
    is_narrow = _width() < _NARROW
    lengths = [len(term) for term, _ in rows if len(term) <= _LONGEST_TERM]
    column = 6 if is_narrow else 4 + max(lengths, default=_LONGEST_TERM)
    lines = [_heading(title)]
    for term, text in rows:
        described = _filled(text, column)
        if is_narrow or len(term) + 4 > column:
            lines += [f"  {term}", described]
        else:
            lines.append(f"  {term}".ljust(column) + described[column:])
    return "\n".join(lines)
