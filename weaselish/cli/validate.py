"""`proj validate`."""

from __future__ import annotations

from weaselish.cli.console import show, show_problem
from weaselish.cli.opening import open_workspace
from weaselish.cli.subcommand import Call, Subcommand
from weaselish.cli.units import counted


def validate(call: Call) -> int:
    """Show all problems of project.yml; return 2 if one of them is an error."""
    from weaselish.engine.validate import findings

    workspace = open_workspace(call, call.directory, notices=False)
    errors = 0
    for problem in findings(workspace):
        errors += not problem.is_warning
        show_problem(problem)
    if errors:
        return 2
    project = workspace.project
    commands, workflows = counted(len(project.commands), "command"), counted(len(project.workflows), "workflow")
    show(f"project.yml is valid: {commands}, {workflows}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "validate",
        validate,
        "Check project.yml: show every error and every doubtful entry with its place.",
        examples=("proj validate",),
    ),
)
