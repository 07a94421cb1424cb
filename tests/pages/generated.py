"""The pages of docs/ that are written from the code, each with the function that returns its text."""

from __future__ import annotations

from pages.environment import environment
from pages.errors import errors
from pages.events import events_page
from pages.exit_codes import exit_codes
from pages.project_keys import project_yml
from pages.python_api import python_api
from pages.subcommands import cli

GENERATED = {
    "docs/project-yml.md": project_yml,
    "docs/cli.md": cli,
    "docs/exit-codes.md": exit_codes,
    "docs/environment.md": environment,
    "docs/events.md": events_page,
    "docs/python.md": python_api,
    "docs/errors.md": errors,
}
