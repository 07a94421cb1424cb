"""`proj dvc`: a workflow as a `dvc.yaml`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.console import hint, say, warn
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import DIRECTORY, Argument, Call, Option, Subcommand, Values
from weaselish.cli.units import counted
from weaselish.errors import ProjError, UnknownName, listed

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
    """Split `[WORKFLOW] [DIR]`. As in Weasel, they may be in the other order: the directory has a project.yml."""
    from weaselish.load import FILE

    first, second = (*words, None, None)[:2]
    if first is not None and os.path.isfile(os.path.join(first, FILE)):
        return first, second
    return second, first


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
        "Write a dvc.yaml, so that `dvc repro` runs a workflow.",
        (Option("force", ("--force", "-F"), "Also replace a dvc.yaml that `proj` did not write."),),
        arguments=(Argument("WORKFLOW", "The workflow, by default the first one.", Values.WORKFLOWS), DIRECTORY),
        examples=("proj dvc all",),
    ),
)
