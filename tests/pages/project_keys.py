"""Writes docs/project-yml.md from the schema of project.yml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from pages.blocks import ROOT
from pages.markdown import anchor, generated

SCHEMA: dict[str, Any] = json.loads((ROOT / "weaselish" / "model" / "schema.json").read_text("utf-8"))
_SECTIONS = {  # definition of the schema -> title, what follows a key in its heading, introduction
    "command": (
        "Keys of a command",
        " of a command",
        "Each entry of `commands` has these keys. Only `name` is required. `proj` ignores keys that begin with `x-`.",
    ),
    "role": (
        "Keys of a role",
        " of a role",
        "`roles` of a command maps names to these keys: see [Distributed training](distributed.md).",
    ),
    "resources": (
        "Keys of resources",
        " of resources",
        "What a command or role needs, and with `limits` what it may use at most: see [Resources](resources.md).",
    ),
    "image": ("Keys of an image", " of an image", "`image` is a name, or a mapping with these keys."),
    "executor": (
        "Keys of an executor",
        " of an executor",
        "`executors` maps names to these keys. Each description says which types the key is for.",
    ),
    "asset": (
        "Keys of an asset",
        " of an asset",
        "Each entry of `assets` has these keys. One with neither `url` nor `git` is private.",
    ),
    "remote": (
        "Keys of a remote",
        " of a remote",
        "A remote is a URL or a path, or a mapping with these keys. Never put a secret into it.",
    ),
    "artifact": (
        "Keys of an artifact",
        " of an artifact",
        "`artifacts` maps names to these keys: see [Artifacts](artifacts.md).",
    ),
}
_ABOUT_KEYS = """\
`project.yml.example` in the repository uses each key once, with comments. `proj schema` prints the JSON Schema
with which editors complete and check project.yml: see [Installation](install.md#editors). `proj validate` reports every
error with its line.

An unknown key in a command is an error, and an unknown key at the top a warning. `proj` leaves keys that begin with
`x-` alone. Every key exists since 0.1.0, the first version."""


def project_yml() -> str:
    """Return the page about every key of project.yml."""
    legacy = ("spacy_version", "check_requirements")
    top = {name: key for name, key in SCHEMA["properties"].items() if name not in legacy}
    parts = [
        generated("`weaselish/model/schema.json`"),
        "# Every key of project.yml",
        _ABOUT_KEYS,
        "## At the top",
        _keys(top),
    ]
    for name, (title, owner, introduction) in _SECTIONS.items():
        keys = SCHEMA["$defs"][name]["properties"]
        if name == "resources":
            keys = SCHEMA["$defs"]["command"]["properties"]["resources"]["properties"]
        parts += [f"## {title}", introduction, _keys(keys, owner)]
    parts += [
        "## Left over from spaCy projects",
        "`proj` ignores `spacy_version` and `check_requirements`, with a notice.",
    ]
    return "\n\n".join(parts) + "\n"


def _keys(keys: Mapping[str, Any], owner: str = "") -> str:
    """Return a line of links, then each key; `owner` follows the key in its heading."""
    links = " · ".join(f"[{name}](#{anchor(name + owner)})" for name in keys)
    return "\n\n".join([links, *(_key(name, key, owner) for name, key in keys.items())])


def _key(name: str, key: Mapping[str, Any], owner: str) -> str:
    facts = [f"*{_type(key)}*"]
    if (values := key.get("enum")) and True not in values:
        facts.append("one of " + ", ".join(f"`{value}`" for value in values))
    if (most := key.get("maximum")) is not None:
        facts.append(f"from {key['minimum']} to {most:,}")
    if "default" in key:
        facts.append(f"default `{json.dumps(key['default']).strip(chr(34))}`")
    section = _section_of(name, key)
    more = f" [Its keys](#{section})." if section else ""
    nested = {} if name == "resources" else key.get("properties", {})
    examples = [_example(name.rpartition(".")[2], value) for value in key.get("examples", ())]
    inner = [_key(f"{name}.{word}", facts, owner) for word, facts in nested.items()]
    return "\n\n".join([f"### `{name}`{owner}", f"{', '.join(facts)}. {key['description']}{more}", *examples, *inner])


def _section_of(name: str, key: Mapping[str, Any]) -> str | None:
    """Return the section of this page that has the keys of a value, None if no section has them."""
    if name == "resources":
        return anchor(_SECTIONS["resources"][0])
    for inner in (key, key.get("items", {}), key.get("additionalProperties", {})):
        defined = _definition(inner) if isinstance(inner, dict) else None
        if defined in _SECTIONS:
            return anchor(_SECTIONS[defined][0])
    return None


def _definition(key: Mapping[str, Any]) -> str:
    """Return the name of the definition that a value follows, empty if it follows none."""
    return str(key.get("$ref", "")).rpartition("/")[2]


def _type(key: Mapping[str, Any]) -> str:
    """Return the kinds of value that a key takes, in words."""
    if (defined := _definition(key)) == "paths":
        return "list of paths"
    if defined:
        return _type(SCHEMA["$defs"][defined])
    names = {
        "array": "list",
        "object": "mapping",
        "string": "text",
        "boolean": "true or false",
        "integer": "whole number",
        "number": "number",
    }
    if True in key.get("enum", ()):
        return names["boolean"]
    kinds = key.get("type", "text" if "enum" in key else "any value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(names.get(kind, kind) for kind in kinds if kind != "null")


def _example(name: str, value: object) -> str:
    style = None if isinstance(value, (dict, list)) else False
    text = yaml.safe_dump({name: value}, default_flow_style=style, sort_keys=False, allow_unicode=True, width=100)
    return f"```yaml\n{text}```"
