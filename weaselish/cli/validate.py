"""`proj validate`."""

from __future__ import annotations

from weaselish.cli.console import show, show_problem
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import Call, Subcommand
from weaselish.cli.units import counted


def validate(call: Call) -> int:
    """Show all errors and warnings; return 2 if there is an error."""
    project = open_project(call, call.directory, notices=False)
    errors = 0
    from weaselish.cli.activity import ActivityReporter

    with ActivityReporter() as reporter:
        problems = project.validate(on_event=reporter, cancel=call.cancel)
    for problem in problems:
        errors += not problem.is_warning
        show_problem(problem)
    if errors:
        return 2
    model = project.model
    commands, workflows = counted(len(model.written), "command"), counted(len(model.workflows), "workflow")
    show(f"project.yml is valid: {commands}, {workflows}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "validate",
        validate,
        "Check project.yml: show every error and doubtful entry.\n\n"
        "It shows the location of each and a fix. If there is an error, the exit code is 2.",
        examples=("proj validate",),
    ),
)
