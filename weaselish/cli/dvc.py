"""`proj dvc`: a workflow as a `dvc.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from weaselish import load
from weaselish.cli.console import counted, say, say_hint, warn
from weaselish.compat.dvc import FILE, is_our_own, pipeline
from weaselish.errors import ProjError, UnknownName, UsageError, listed
from weaselish.files.atomic import write_atomically
from weaselish.model.project import ProjectModel
from weaselish.workspace import Workspace


def directory_and_workflow(words: Sequence[str]) -> tuple[str | None, str | None]:
    """`[DIR] [WORKFLOW]`, as in Weasel; a single word is a directory only if there is a project.yml in it."""
    if len(words) > 2:
        raise UsageError(f"one workflow at a time, not {listed(words[1:])}", hint="`proj dvc [DIR] [WORKFLOW]`")
    first, second = (*words, None, None)[:2]
    if first is not None and second is None and not (Path(first) / load.FILE).is_file():
        return None, first
    return first, second


def write_dvc(
    workspace: Workspace,
    workflow: str | None,
    overrides: Mapping[str, str],
    *,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Write dvc.yaml into the project; one that is not as `proj` wrote it is kept, but with `force`."""
    made = pipeline(workspace.project, _workflow(workspace.project, workflow), overrides)
    file = workspace.root / FILE
    old = file.read_text("utf-8", "surrogateescape") if file.exists() else ""
    if old == made.text and not force:
        _say(f"{FILE} is up to date", quiet=quiet)
        return 0
    if old.strip() and not force and not is_our_own(old):
        raise ProjError(
            f"there is a {FILE} that `proj` did not write, or that was edited", hint="`--force` replaces it"
        )
    write_atomically(file, [made.text.encode()])
    if made.left_out:
        warn(f"without deps and outputs DVC cannot put them in order; left out: {listed(made.left_out)}")
    if verbose:
        for stage in made.stages:
            say(f"stage {stage}")
    _say(f"wrote {FILE}: {counted(len(made.stages), 'stage')}", quiet=quiet)
    if not quiet:
        has_dvc = any((directory / ".dvc").is_dir() for directory in (workspace.root, *workspace.root.parents))
        say_hint("`dvc repro` runs it" if has_dvc else "`dvc init` first, then `dvc repro` runs it")
    return 0


def _workflow(project: ProjectModel, name: str | None) -> str:
    if not project.workflows:
        raise ProjError("project.yml defines no workflow", hint="`workflows: {all: [NAME, …]}`")
    if name is None:
        name = next(iter(project.workflows))
        warn(f"no workflow named: taking the first one, `{name}`")
    if name not in project.workflows:
        raise UnknownName("workflow", name, project.workflows)
    return name


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        say(text)
