"""`proj clone`: a copy of a bundled template, or of a project in a git repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weaselish.cli.console import done, hint, say, show_table, warn
from weaselish.cli.subcommand import JSON, Argument, Call, Option, Subcommand, Takes, Values
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.engine.clone import Cloned


def clone(
    call: Call, *, repo: str | None, branch: str | None, sparse: bool, setup: bool, list_only: bool, as_json: bool
) -> int:
    """Copy a template or a project of a repository; or list the templates."""
    from weaselish.api.project import Project
    from weaselish.engine.clone import CloneOptions, repository_shown

    if list_only:
        return _list_templates(as_json=as_json)
    if not call.words:
        raise UsageError("the name of what to clone is missing", hint="`proj clone --list` shows the templates")
    dest = call.words[1] if len(call.words) > 1 else None
    repository = repository_shown(call.words[0], CloneOptions(dest, repo, branch, sparse))
    if repository is not None:
        say(f"cloning from {repository}")
    cloned = Project.clone(call.words[0], dest, repo=repo, branch=branch, sparse=sparse, cancel=call.cancel)
    _show(cloned)
    is_set_up = setup and cloned.has_project and _set_up(call, cloned)
    if cloned.has_project:
        say("next:")
        for step in cloned.next_steps(is_set_up=is_set_up):
            say(f"  {step}")
    if cloned.has_project and cloned.requirements and not setup:
        hint("with `--setup`, `proj clone` creates .venv and installs the requirements itself")
    return 0


def _set_up(call: Call, cloned: Cloned) -> bool:
    """Install what the project requires. The output of the installer is shown if it fails, or with `--verbose`."""
    from weaselish.api.project import Project
    from weaselish.cli.installer import InstallerOutput
    from weaselish.cli.signals import cancelling_in_stages

    if cloned.requirements is None:
        say("nothing to set up: it has no requirements.txt and no pyproject.toml")
        return False
    with cancelling_in_stages(call.cancel), InstallerOutput(is_verbose=call.is_verbose) as output:
        Project(cloned.path).set_up(on_line=output.start_line, on_output=output.write, cancel=call.cancel)
    done(f"installed the packages of {cloned.requirements} into .venv")
    return True


def _show(cloned: Cloned) -> None:
    import os

    from weaselish.load import FILE

    done(f"cloned `{cloned.name}` from {cloned.source} into `{os.path.relpath(cloned.path)}`")
    if not cloned.has_project:
        warn(f"it has no {FILE}")
    elif cloned.problem:
        warn(cloned.problem)


def _list_templates(*, as_json: bool) -> int:
    """Print the bundled templates, and what the current project was cloned from."""
    from weaselish.api.project import Project
    from weaselish.engine.clone import origin_of_project

    titles = Project.templates()
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([{"name": name, "title": title} for name, title in titles.items()])
    elif titles:
        show_table(titles.items(), ("template", "title"))
    origin = origin_of_project()
    if origin:
        say("this project was cloned from " + ", ".join(f"{key} {text}" for key, text in origin.items()))
    return 0


SUBCOMMANDS = (
    Subcommand(
        "clone",
        clone,
        "Copy a template, or a project from a git repository.",
        (
            Option(
                "repo",
                ("--repo", "-r"),
                "A git repository; by default the templates, then Weasel's repository.",
                Takes.TEXT,
                "URL",
            ),
            Option("branch", ("--branch", "-b"), "A branch, tag or commit of the repository.", Takes.TEXT, "REF"),
            Option("sparse", ("--sparse", "-S"), "Fetch only the needed files."),
            Option("setup", ("--setup",), "Create .venv and install the requirements, with uv if it is installed."),
            Option("list_only", ("--list",), "List the templates that come with proj."),
            JSON,
        ),
        arguments=(
            Argument(
                "NAME", "A template; or a directory of the repository, `.` for all of it.", Values.TEMPLATES, True
            ),
            Argument("DIR", "The new directory, by default named after NAME.", Values.DIRECTORIES),
        ),
        examples=(
            "proj clone --list",
            "proj clone penguins birds --setup",
            "proj clone . demo --repo https://example.org/demo.git",
        ),
    ),
)
