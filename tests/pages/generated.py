"""The pages of docs/ that are written from the code, each with the function that returns its text."""

from __future__ import annotations

from pages.errors import errors
from pages.project_keys import project_yml
from pages.subcommands import cli

GENERATED = {"docs/project-yml.md": project_yml, "docs/cli.md": cli, "docs/errors.md": errors}
