"""Copies a bundled template, or a project in a git repository, into a new directory."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import weaselish
from weaselish.cancel import Cancel
from weaselish.engine.setup import requirements_of, setup_lines
from weaselish.engine.starter import write_schema
from weaselish.engine.templates import bundled_templates
from weaselish.engine.workers import run_aside
from weaselish.errors import InvalidProject, ProjError, UsageError, near_match
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.remove import remove
from weaselish.files.staging import staging_directory
from weaselish.files.state_dir import STATE, make_state_dir
from weaselish.files.strict_json import read_json_file
from weaselish.load import FILE, find_root, load_project
from weaselish.model.paths import is_outside, normalise
from weaselish.sources.git import GitError, Source, UnknownPath, check_out
from weaselish.sources.masking import mask_url_secrets

WEASEL_REPO, WEASEL_BRANCH = "https://github.com/explosion/projects", "v3"
BUNDLED = "the bundled templates"
_ORIGIN = "origin.json"  # in .proj: where a project was cloned from
_NOT_COPIED = shutil.ignore_patterns(STATE, "project.lock", "__pycache__", ".venv")


@dataclass(frozen=True, slots=True)
class CloneOptions:
    """`repo`: None is the bundled templates or, for any other name, Weasel's repository."""

    dest: str | None = None  # None: the last part of the name
    repo: str | None = None
    branch: str | None = None
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Cloned:
    """A new copy in `path`, and what its user needs to know to run it."""

    name: str
    path: Path
    source: str  # the repository, or BUNDLED
    has_project: bool  # whether it has a project.yml
    requirements: str | None = None  # the file that names the Python packages it needs
    assets: int = 0  # that `proj assets` fetches
    target: str | None = None  # its first workflow or command
    problem: str | None = None  # why its project.yml cannot be used

    def next_steps(self, *, is_set_up: bool) -> tuple[str, ...]:
        """Return the shell commands that lead from the clone to the first run."""
        if not self.has_project:
            return ()
        steps = [f"cd {shlex.quote(os.path.relpath(self.path))}"]
        if self.requirements and not is_set_up:
            steps += setup_lines(self.requirements)
        if self.assets:
            steps.append("proj assets")
        if self.target:
            steps.append(f"proj run {self.target}")
        return tuple(steps)


def clone(name: str, options: CloneOptions, *, cancel: Cancel) -> Cloned:
    """Copy the directory `name` of the templates or of a repository. Raises UsageError, ProjError."""
    path = _path_in_repository(name, options)
    target = _target(path, options)
    templates = bundled_templates()
    if options.repo is None and options.branch is None and path in templates:
        origin = _copy_template(path, templates[path], target)
    else:
        origin = _clone(_source(path, options), target, options, templates, cancel)
    if (target / FILE).is_file():
        write_schema(target)
    if target.is_dir():
        _save_origin(target, {"name": path, **origin})
    return _describe(path, target, origin.get("repo") or BUNDLED)


def repository_shown(name: str, options: CloneOptions) -> str | None:
    """Return the repository that `clone` will ask, without secrets; None if it copies a bundled template.

    Raises UsageError.
    """
    path = _path_in_repository(name, options)
    if options.repo is None and options.branch is None and path in bundled_templates():
        return None
    return mask_url_secrets(options.repo or WEASEL_REPO)


def _path_in_repository(name: str, options: CloneOptions) -> str:
    path = normalise(name)
    if not is_outside(path):
        return path
    if options.repo is None:
        hint = f"for a git repository in that directory: `proj clone . DIR --repo {shlex.quote(name)}`"
        raise UsageError(f"`{name}` is neither a template nor a directory of Weasel's repository", hint=hint)
    raise UsageError(f"`{name}` leads out of the repository", hint="name a directory inside it")


def _source(path: str, options: CloneOptions) -> Source:
    default = WEASEL_BRANCH if options.repo is None else None
    return Source(options.repo or WEASEL_REPO, "" if path == "." else path, options.branch or default)


def _target(path: str, options: CloneOptions) -> Path:
    """Return the directory for the copy, which does not exist yet, in one that does."""
    dest = options.dest
    if dest is None:
        address = (options.repo or WEASEL_REPO).rstrip("/")
        dest = address.rpartition("/")[2].removesuffix(".git") if path == "." else path.rpartition("/")[2]
    target = Path(dest or ".").absolute()
    if os.path.lexists(target):
        raise ProjError(f"`{dest}` already exists", hint="name another directory: `proj clone NAME DEST`")
    if not target.parent.is_dir():
        parent = os.path.dirname(dest.rstrip("/"))
        raise ProjError(f"the directory `{parent}` does not exist", hint="create it first")
    return target


def _copy_template(name: str, template: Path, target: Path) -> dict[str, str | None]:
    with staging_directory(target) as place:
        with writing(f"`{target}`"):
            shutil.copytree(template, place / "copy", ignore=_NOT_COPIED)
        _move(place / "copy", target)
    return {"template": name, "version": weaselish.__version__}


def _clone(
    source: Source, target: Path, options: CloneOptions, templates: Mapping[str, Path], cancel: Cancel
) -> dict[str, str | None]:
    with staging_directory(target) as place:
        try:
            done = run_aside(
                lambda: check_out(source, place, sparse=options.sparse, cancel=cancel), cancel, grace=0.6
            )  # longer than git is given to end
        except (GitError, UnknownPath) as error:
            raise _with_template_hint(error, source.path, {} if options.repo else templates) from None
        if done.path.is_dir():
            remove(done.path / STATE)
        _move(done.path, target)
    return {"repo": mask_url_secrets(source.repo), "branch": source.ref, "commit": done.commit}


def _move(copy: Path, target: Path) -> None:
    """Move the copy to its target. Unlike a swap, this never replaces what another process put there."""
    try:
        if os.path.lexists(target):
            raise FileExistsError(17, "another process created it")
        copy.rename(target)
    except OSError as error:
        raise ProjError(f"cannot create `{target}`: {error.strerror}") from None


def _with_template_hint(error: ProjError, name: str, templates: Mapping[str, Path]) -> ProjError:
    close = near_match(name, templates)
    hint = f"did you mean the bundled template `{close}`?" if close else error.hint
    if templates and not hint:
        hint = "`proj clone --list` shows the bundled templates, which need no network"
    return ProjError(error.message, hint=hint)


def _save_origin(target: Path, origin: Mapping[str, str | None]) -> None:
    with writing(f"`{target / STATE}`"):
        write_atomically(make_state_dir(target) / _ORIGIN, [json.dumps(origin, indent=2).encode()])


def _describe(name: str, target: Path, source: str) -> Cloned:
    """Look at the files of a new copy to find out what its user has to do next."""
    if not (target / FILE).is_file():
        return Cloned(name, target, source, has_project=False)
    requirements = requirements_of(target)
    try:
        project = load_project(target)
    except InvalidProject as error:
        return Cloned(name, target, source, True, requirements, problem=error.message)
    assets = sum(1 for asset in project.assets if not asset.extra and (asset.url or asset.git))
    first = next(iter((*project.workflows, *project.written)), None)
    return Cloned(name, target, source, True, requirements, assets, first)


def origin_of_project() -> dict[str, str]:
    """Return where the project around the working directory was cloned from; empty if it was not."""
    try:
        data = read_json_file(find_root() / STATE / _ORIGIN)
    except (UsageError, OSError, ValueError):
        return {}
    return {str(key): str(text) for key, text in data.items() if text} if isinstance(data, dict) else {}
