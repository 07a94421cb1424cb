"""`proj vars`: every variable, its value, and where it comes from."""

from __future__ import annotations

import dataclasses
import json
import sys

from weaselish.cli.arguments import Extras
from weaselish.cli.console import say, table
from weaselish.engine.variables import values
from weaselish.model.interpolate import as_text
from weaselish.workspace import Workspace


def show_vars(workspace: Workspace, extras: Extras, *, as_json: bool) -> int:
    found = values(workspace, extras.overrides, extras.given_by)
    if as_json:
        print(json.dumps([dataclasses.asdict(value) for value in found], indent=2, ensure_ascii=False))
    elif found:
        rows = [(one.name, _line(one.value), one.source) for one in found]
        print(table(rows, ("name", "value", "from"), stream=sys.stdout))
    else:
        say("project.yml defines no variables")
    return 0


def _line(value: object) -> str:
    text = as_text(value) if not isinstance(value, dict) else "{}"
    return text.replace("\n", "\\n")
