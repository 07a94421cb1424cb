"""`proj schema`."""

from __future__ import annotations

from weaselish.cli.subcommand import Call, Subcommand


def schema(call: Call) -> int:
    """Print the JSON Schema of project.yml."""
    from weaselish.api.project import Project

    print(Project.schema(), end="")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "schema",
        schema,
        "Print the JSON Schema of project.yml, for editors.\n\n"
        "An editor uses it if project.yml begins with `# yaml-language-server: $schema=project.schema.json`. "
        "`proj init` writes that line and the file.",
        arguments=(),
        examples=("proj schema > project.schema.json",),
    ),
)
