"""`proj vars`: every variable, its value, and where it comes from."""

from __future__ import annotations

from weaselish.cli.console import say, show_table
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import JSON, Call, Subcommand


def show_vars(call: Call, *, as_json: bool) -> int:
    """Show each variable with its value and source."""
    variables = open_project(call, call.directory).vars(sources=call.extras.sources)
    if as_json:
        from dataclasses import asdict

        from weaselish.cli.json_output import print_json

        print_json([asdict(variable) for variable in variables])
    elif variables:
        rows = [(variable.name, _text(variable.value), variable.source) for variable in variables]
        show_table(rows, ("name", "value", "from"))
    else:
        say("project.yml defines no variables")
    return 0


def _text(value: object) -> str:
    from weaselish.model.interpolate import as_text

    return as_text(value) if not isinstance(value, dict) else "{}"


SUBCOMMANDS = (
    Subcommand(
        "vars",
        show_vars,
        "Show every variable, its value and where that comes from.\n\nSecrets are masked.",
        (JSON,),
        examples=("proj vars", "proj vars --vars.epochs 9"),
    ),
)
