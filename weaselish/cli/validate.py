"""`proj validate`."""

from __future__ import annotations

from weaselish.cli.console import counted, paint, say, say_hint
from weaselish.engine.validate import findings
from weaselish.workspace import Workspace


def validate(workspace: Workspace) -> int:
    """All warnings and problems that loading the project did not already refuse."""
    wrong = 0
    for problem in findings(workspace):
        wrong += not problem.is_warning
        kind = paint("warning:", "yellow") if problem.is_warning else paint("error:", "red")
        say(problem.located().replace(": ", f": {kind} ", 1))
        say_hint(problem.hint)
    if wrong:
        return 2
    project = workspace.project
    commands, workflows = counted(len(project.commands), "command"), counted(len(project.workflows), "workflow")
    print(f"project.yml is valid: {commands}, {workflows}")
    return 0
