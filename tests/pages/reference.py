"""Writes docs/project-yml.md from the schema, and docs/cli.md from the declarations of the subcommands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pages.blocks import ROOT
from weaselish.cli.help import EVERYWHERE, EXIT_CODES
from weaselish.cli.subcommand import COMMON, GROUPS, SECTIONS, Option, Subcommand, Takes, load_subcommand

SCHEMA: dict[str, Any] = json.loads((ROOT / "weaselish" / "model" / "schema.json").read_text("utf-8"))
_GENERATED = "<!-- Written by `make docs`. Change {source} instead. -->"
_DEFINED = ("command", "asset", "remote")
_TITLES = {"command": "commands", "asset": "assets", "remote": "remotes"}
_OWNERS = {"command": " of a command", "asset": " of an asset", "remote": " of a remote"}
_INTRODUCTIONS = {
    "command": "Each entry of `commands` has these keys. Only `name` is required; `x-…` is left alone.",
    "asset": "Each entry of `assets` has these keys. One with neither `url` nor `git` is private.",
    "remote": "A remote is a URL or a path, or a mapping with these keys. Never put a secret into it.",
}
_ABOUT_KEYS = """\
`project.yml.example` in the repository uses each key once, with comments. `proj schema` prints the JSON Schema
with which editors complete and check project.yml: see [Installation](install.md#editors). `proj validate` reports every
error with its line.

An unknown key in a command is an error, and an unknown key at the top a warning. `proj` leaves keys that begin with
`x-` alone."""
_ABOUT_SUBCOMMANDS = """\
`proj` alone lists the commands and workflows of the project. `proj SUBCOMMAND --help` prints what this page says of a
subcommand. Data goes to stdout, everything else to stderr. Options may stand anywhere."""
Rows = list[tuple[str, ...]]


def project_yml() -> str:
    """Return the page about every key of project.yml."""
    legacy = ("spacy_version", "check_requirements")
    top = {name: key for name, key in SCHEMA["properties"].items() if name not in legacy}
    parts = [
        _GENERATED.format(source="`weaselish/model/schema.json`"),
        "# Every key of project.yml",
        _ABOUT_KEYS,
        "## At the top",
        _keys(top),
    ]
    for name in _DEFINED:
        parts += [
            f"## {_TITLES[name]}",
            _INTRODUCTIONS[name],
            _keys(SCHEMA["$defs"][name]["properties"], _OWNERS[name]),
        ]
    parts += [
        "## Left over from spaCy projects",
        "`proj` ignores `spacy_version` and `check_requirements`, with a notice.",
    ]
    return "\n\n".join(parts) + "\n"


def _keys(keys: Mapping[str, Any], owner: str = "") -> str:
    """Return a line of links, then each key; `owner` follows the key in its heading."""
    links = " · ".join(f"[{name}](#{_anchor(name + owner)})" for name in keys)
    return "\n\n".join([links, *(_key(name, key, owner) for name, key in keys.items())])


def _key(name: str, key: Mapping[str, Any], owner: str) -> str:
    facts = [f"*{_type(key)}*"]
    if values := key.get("enum"):
        facts.append("one of " + ", ".join(f"`{value}`" for value in values if isinstance(value, str)))
    if (most := key.get("maximum")) is not None:
        facts.append(f"from {key['minimum']} to {most:,}")
    examples = [_example(name.rpartition(".")[2], value) for value in key.get("examples", ())]
    nested = [_key(f"{name}.{inner}", facts, owner) for inner, facts in key.get("properties", {}).items()]
    parts = [f"### `{name}`{owner}", f"{', '.join(facts)}. {key['description']}", *examples, *nested]
    return "\n\n".join(parts)


def _type(key: Mapping[str, Any]) -> str:
    """Return the kinds of value that a key takes, in words."""
    if str(key.get("$ref", "")).endswith("/paths"):
        return "list of paths"
    names = {"array": "list", "object": "mapping", "string": "text", "boolean": "true or false", "integer": "number"}
    kinds = key.get("type", "text" if "enum" in key else "any value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(names.get(kind, kind) for kind in kinds if kind != "null")


def _example(name: str, value: object) -> str:
    style = None if isinstance(value, (dict, list)) else False
    text = yaml.safe_dump({name: value}, default_flow_style=style, sort_keys=False, allow_unicode=True, width=100)
    return f"```yaml\n{text}```"


# -- the command line -------------------------------------------------------------------------------------------------


def cli() -> str:
    """Return the page about every subcommand."""
    parts = [
        _GENERATED.format(source="the declarations in `weaselish/cli/`"),
        "# Every subcommand",
        _ABOUT_SUBCOMMANDS,
        *_overview(),
        "## Everywhere",
        _table(("option", "what it does"), [(f"`{term}`", text) for term, text in EVERYWHERE]),
        "## Exit codes",
        _table(("code", "when"), list(EXIT_CODES)),
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
            (title, f"[`proj {name}`](#{_anchor(f'proj {name}')})", load_subcommand(name).summary) for name in names
        ]
    yield _table(("", "subcommand", "what it does"), rows)
    for group, text in GROUPS.items():
        yield f"`proj {group}`: {text}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _subcommand(subcommand: Subcommand) -> Iterator[str]:
    yield f"### proj {subcommand.name}"
    yield from (paragraph.replace("\n", " ") for paragraph in subcommand.help.split("\n\n"))
    usage = f"proj {subcommand.name} [OPTIONS] {subcommand.usage}".rstrip()
    yield "```\n" + "\n".join([usage, *(("", *subcommand.examples) if subcommand.examples else ())]) + "\n```"
    rows: Rows = [(f"`{argument.name}`", argument.help) for argument in subcommand.arguments]
    if rows:
        yield _table(("argument", "what it is"), rows)
    rows = [_option(option) for option in subcommand.options if option not in COMMON]
    if rows:
        yield _table(("option", "what it does"), rows)


def _option(option: Option) -> tuple[str, str]:
    flags = ", ".join(f"`{flag}`" for flag in (*option.flags, *([option.off] if option.off else ())))
    metavar = f" `{option.metavar}`" if option.metavar else ""
    default = f" Default: {option.default}." if option.default is not None else ""
    repeated = " It may be repeated." if option.takes is Takes.TEXTS else ""
    return f"{flags}{metavar}", f"{option.help}{default}{repeated}"


def _table(titles: tuple[str, ...], rows: Rows) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text).replace("\n", " ")


GENERATED = {"docs/project-yml.md": project_yml, "docs/cli.md": cli}
