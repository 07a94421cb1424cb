"""`proj dvc`: a workflow as a `dvc.yaml`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import hint, say, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import Call, Option, Subcommand
from weaselish.cli.units import counted
from weaselish.errors import ProjError, UnknownName, UsageError, listed

if TYPE_CHECKING:
    from weaselish.model.project import ProjectModel


def dvc(call: Call, *, force: bool) -> int:
    """Write dvc.yaml into the project; keep one that `proj` did not write, unless `force` is given."""
    from weaselish.compat.dvc import FILE, is_our_own
    from weaselish.files.atomic import write_atomically
    from weaselish.files.text_file import read_if_exists

    directory, name = _directory_and_workflow(call.words)
    project = open_project(call, directory)
    generated = project.dvc_pipeline(_workflow(project.model, name))
    file = project.root / FILE
    old = read_if_exists(file, name=FILE).decode("utf-8", "surrogateescape")
    if old == generated.text and not force:
        say(f"{FILE} is up to date")
        return 0
    if old.strip() and not force and not is_our_own(old):
        raise ProjError(f"{FILE} was edited, or `proj` did not write it", hint="`--force` replaces it")
    write_atomically(file, [generated.text.encode()])
    if generated.left_out:
        warn(f"left out, because DVC cannot order what has no deps and outputs: {listed(generated.left_out)}")
    if call.is_verbose:
        for stage in generated.stages:
            say(f"stage {stage}")
    say(f"wrote {FILE}: {counted(len(generated.stages), 'stage')}")
    has_dvc = any((parent / ".dvc").is_dir() for parent in (project.root, *project.root.parents))
    hint("`dvc repro` runs it" if has_dvc else "`dvc init` first, then `dvc repro` runs it")
    return 0


def _directory_and_workflow(words: Sequence[str]) -> tuple[str | None, str | None]:
    """Split `[DIR] [WORKFLOW]`, as in Weasel; a single word is a directory only if it has a project.yml."""
    from weaselish.load import FILE

    if len(words) > 2:
        raise UsageError(f"one workflow at a time, not {listed(words[1:])}", hint="`proj dvc [DIR] [WORKFLOW]`")
    first, second = (*words, None, None)[:2]
    if first is not None and second is None and not os.path.isfile(os.path.join(first, FILE)):
        return None, first
    return first, second


def _workflow(project: ProjectModel, name: str | None) -> str:
    if not project.workflows:
        raise ProjError("project.yml defines no workflow", hint="`workflows: {all: [NAME, …]}`")
    if name is None:
        name = next(iter(project.workflows))
        warn(f"no workflow named; using the first one, `{name}`")
    if name not in project.workflows:
        raise UnknownName("workflow", name, project.workflows)
    return name


SUBCOMMANDS = (
    Subcommand(
        "dvc",
        dvc,
        "Write a dvc.yaml for a workflow, so that `dvc repro` runs it.",
        (Option("force", ("--force", "-F"), "Also replace a dvc.yaml that `proj` did not write."),),
        usage="[DIR] [WORKFLOW]",
        words_help="The project's directory; the workflow, by default the first one.",
        most_words=None,
        examples=("proj dvc . all",),
    ),
)
