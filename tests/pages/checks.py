"""Checks blocks of pages that cannot be run: that they can at least be read by what they are for."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from pages.blocks import Block
from pages.project_keys import SCHEMA

_OTHERS = ("text", "make", "dockerfile", "nginx", "diff")  # output, and files of other tools
_DOCUMENTS = (  # keys of which one is in each YAML document that is not a project.yml
    "jobs",  # GitHub Actions
    "results",  # GitLab CI
    "repos",  # pre-commit
    ".proj",  # project.lock
    "bucket",  # Lab
    "metadata",  # Kubernetes, Kuberlab
    "services",  # compose
    "serve",  # config.yml
)


def problems(block: Block) -> Iterator[str]:
    """Yield what is wrong with a block, with its line in the page."""
    try:
        yield from _problems(block.kind, block.text or "")
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        yield f"{block.line}: {error}"


def _problems(kind: str, text: str) -> Iterator[str]:
    match kind:
        case "console":
            for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                yield from _shell(line)
        case "sh" | "bash":
            yield from _shell(text)
        case "python":
            ast.parse(text)
        case "json":
            json.loads(text)
        case "toml":
            tomllib.loads(text)
        case "yaml":
            for document in yaml.safe_load_all(text):
                yield from _document(document)
        case _ if kind not in _OTHERS:
            yield f"nothing checks a block of kind `{kind}`"


def _shell(text: str) -> Iterator[str]:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    if done.returncode:
        yield done.stderr


def _document(document: Any) -> Iterator[str]:
    if isinstance(document, dict) and not document.keys() <= SCHEMA["properties"].keys():
        if not document.keys() & set(_DOCUMENTS):
            yield f"neither a project.yml nor a known document: {list(document)}"
        yield from (problem for line in _scripts(document) for problem in _shell(line))


def _scripts(value: Any) -> Iterator[str]:
    """Yield the shell lines of CI jobs, without the expressions of GitHub."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("run", "script", "before_script"):
                lines = inner if isinstance(inner, list) else [inner]
                yield from (re.sub(r"\$\{\{.*?\}\}", "x", line) for line in lines if isinstance(line, str))
            else:
                yield from _scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scripts(inner)
