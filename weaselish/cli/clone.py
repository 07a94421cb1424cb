"""`proj clone`: a copy of a bundled template, or of a project in a git repository."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import weaselish
from weaselish.cli.console import done, hint, say, show_table, warn
from weaselish.cli.subcommand import JSON, Call, Option, Subcommand, Takes
from weaselish.errors import ProjError, UsageError, near_match
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.state_dir import STATE, make_state_dir
from weaselish.files.swap import remove, workplace
from weaselish.load import FILE, find_root, load_project
from weaselish.model.paths import is_outside, normalise
from weaselish.sources.git import GitError, Source, UnknownPath, check_out, without_secrets

WEASEL_REPO, WEASEL_BRANCH = "https://github.com/explosion/projects", "v3"
ORIGIN = "origin.json"  # in .proj: where a project was cloned from
_LEFT_OUT = shutil.ignore_patterns(STATE, "project.lock", "__pycache__", ".venv")


def clone(call: Call, *, repo: str | None, branch: str | None, sparse: bool, list_only: bool, as_json: bool) -> int:
    """Copy a template or a project of a repository; or list the templates."""
    if list_only:
        return list_templates(as_json=as_json)
    if not call.words:
        raise UsageError("the name of what to clone is missing", hint="`proj clone --list` shows the templates")
    name, dest = (*call.words, None)[:2]
    path = normalise(name or "")
    if is_outside(path):
        raise UsageError(f"`{name}` leads out of the repository", hint="name a directory inside it")
    target = _target(path, dest, repo)
    templates = bundled_templates()
    if repo is None and branch is None and path in templates:
        origin = _copy_template(path, templates[path], target)
    else:
        default = WEASEL_BRANCH if repo is None else None
        source = Source(repo or WEASEL_REPO, "" if path == "." else path, branch or default)
        try:
            origin = _clone(source, target, sparse=sparse)
        except (GitError, UnknownPath) as error:
            raise _not_cloned(error, path, templates if repo is None else {}) from None
    if target.is_dir():
        _keep_origin(target, {"name": path, **origin})
    _show_cloned(path, target, str(origin.get("repo", "the bundled templates")))
    return 0


def _target(path: str, dest: str | None, repo: str | None) -> Path:
    """Where the copy goes: nothing is there yet, and the directory that it lies in is."""
    if dest is None:
        dest = path.rpartition("/")[2] if path != "." else (repo or WEASEL_REPO).rstrip("/").rpartition("/")[2]
        dest = dest.removesuffix(".git") if path == "." else dest
    target = Path(dest or ".").absolute()
    if os.path.lexists(target):
        raise ProjError(f"`{dest}` already exists", hint="name another directory: `proj clone NAME DEST`")
    if not target.parent.is_dir():
        raise ProjError(f"the directory `{os.path.dirname(dest.rstrip('/'))}` does not exist", hint="create it first")
    return target


def _copy_template(name: str, template: Path, target: Path) -> dict[str, str | None]:
    with workplace(target) as place:
        with writing(f"`{target}`"):
            shutil.copytree(template, place / "copy", ignore=_LEFT_OUT)
        _put(place / "copy", target)
    return {"template": name, "version": weaselish.__version__}


def _clone(source: Source, target: Path, *, sparse: bool) -> dict[str, str | None]:
    say(f"cloning from {without_secrets(source.repo)}")
    with workplace(target) as place:
        done = check_out(source, place, sparse=sparse, alive=lambda: None)
        if done.path.is_dir():
            remove(done.path / STATE)
        _put(done.path, target)
    return {"repo": without_secrets(source.repo), "branch": source.ref, "commit": done.commit}


def _put(copy: Path, target: Path) -> None:
    """Unlike a swap, this never replaces what came to be there meanwhile."""
    try:
        if os.path.lexists(target):
            raise FileExistsError(17, "it came to exist meanwhile")
        copy.rename(target)
    except OSError as error:
        raise ProjError(f"cannot make `{target}`: {error.strerror}") from None


def _not_cloned(error: ProjError, name: str, templates: Mapping[str, Path]) -> ProjError:
    close = near_match(name, templates)
    hint = f"did you mean the bundled template `{close}`?" if close else error.hint
    if templates and not hint:
        hint = "`proj clone --list` shows the bundled templates, which need no network"
    return ProjError(error.message, hint=hint)


def _keep_origin(target: Path, origin: Mapping[str, str | None]) -> None:
    with writing(f"`{target / STATE}`"):
        write_atomically(make_state_dir(target) / ORIGIN, [json.dumps(origin, indent=2).encode()])


def _show_cloned(name: str, target: Path, origin: str) -> None:
    shown = os.path.relpath(target)
    done(f"cloned `{name}` from {origin} into `{shown}`")
    if not (target / FILE).is_file():
        warn(f"there is no {FILE} in it")
        return
    hint(f"`cd {shown}`; then `proj assets` fetches its data, and `proj` shows its commands")


def bundled_templates() -> dict[str, Path]:
    """The templates that come with proj, by name: in a wheel inside the package, in a checkout beside it."""
    package = Path(str(files(weaselish)))
    for place in (package / "templates", package.parent / "templates"):
        found = {file.parent.name: file.parent for file in sorted(place.glob(f"*/{FILE}"))}
        if found:
            return found
    return {}


def list_templates(*, as_json: bool) -> int:
    """Print the bundled templates; and say what the project that we are in was cloned from."""
    titles = {name: load_project(directory).title for name, directory in bundled_templates().items()}
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json([{"name": name, "title": title} for name, title in titles.items()])
    elif titles:
        show_table(titles.items(), ("template", "title"))
    origin = _origin_of_this_project()
    if origin:
        say("this project was cloned from " + ", ".join(f"{key} {text}" for key, text in origin.items() if text))
    return 0


def _origin_of_this_project() -> dict[str, str]:
    try:
        data = json.loads((find_root() / STATE / ORIGIN).read_bytes())
    except (UsageError, OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


SUBCOMMANDS = (
    Subcommand(
        "clone",
        clone,
        "Copy a template, or a project from a git repository. NAME is a directory of the repository, `.` all of it.",
        (
            Option(
                "repo",
                ("--repo", "-r"),
                "A git repository; by default the templates, then Weasel's.",
                Takes.TEXT,
                "URL",
            ),
            Option("branch", ("--branch", "-b"), "A branch, tag or commit of the repository.", Takes.TEXT, "REF"),
            Option("sparse", ("--sparse", "-S"), "Fetch only the needed files."),
            Option("list_only", ("--list",), "List the templates that come with proj."),
            JSON,
        ),
        usage="NAME [DEST]",
        words_help="What to copy; the new directory, by default named after it.",
        most_words=2,
        examples=(
            "proj clone --list",
            "proj clone penguins birds",
            "proj clone . demo --repo https://example.org/demo.git",
        ),
    ),
)
