"""Parse project.yml's data into a ProjectModel, or report all its problems together, each with its location."""

from __future__ import annotations

from collections.abc import Mapping

from weaselish.errors import InvalidProject, in_file_order, near_match
from weaselish.model import schema
from weaselish.model.locations import Locations
from weaselish.model.parse_artifacts import ArtifactDeps, check_imported, read_artifacts, read_version
from weaselish.model.parse_assets import read_assets
from weaselish.model.parse_commands import read_commands
from weaselish.model.parse_executors import read_executors
from weaselish.model.parse_remotes import read_cache, read_remotes
from weaselish.model.parse_values import Values
from weaselish.model.parse_workflows import read_workflows
from weaselish.model.path_rules import PathKind
from weaselish.model.paths import ProjectRoot, project_name_problem
from weaselish.model.project import Algorithm, ProjectModel

_LEGACY = {
    "spacy_version": "is ignored: declare what you need in requirements.txt",
    "check_requirements": "is ignored: requirements are not checked",
}


def parse(
    data: object, locations: Locations, overrides: Mapping[str, str] | None = None, root: ProjectRoot | None = None
) -> ProjectModel:
    """Return the project that `data` describes, with `overrides` applied.

    `root` is the project's directory: absolute paths that lead into it become relative. Errors that are confined to
    one command, workflow, asset, remote or variable become the project's `faults`. Raises InvalidProject with all
    problems if any other error is among them, UsageError for an override that cannot be applied.
    """
    values = Values(data, locations, overrides or {}, root)
    project = _project(values)
    _warn_of_top_level_keys(values)
    problems = in_file_order(values.problems)
    if any(not problem.is_warning and problem.confined_to is None for problem in problems):
        raise InvalidProject(problems)
    values.check_overrides_are_used()
    return project._replace(
        warnings=tuple(problem for problem in problems if problem.is_warning),
        faults=tuple(problem for problem in problems if not problem.is_warning),
    )


def _project(values: Values) -> ProjectModel:
    data = values.data
    variables = {name: values.value(("vars", name), value) for name, value in values.mapping("vars").items()}
    assets = read_assets(values)
    artifacts = ArtifactDeps(values, read_artifacts(values))
    commands, matrices = read_commands(values, artifacts)
    check_imported(values, artifacts.artifacts, commands, assets)
    remotes = read_remotes(values)
    return ProjectModel(
        name=_name(values),
        title=values.text(("title",)),
        description=values.text(("description",)),
        compat=data.get("compat") == "weasel",
        digest=_algorithm(values),
        dotenv=tuple(values.texts(("dotenv",), data.get("dotenv") or ())),
        env_files=tuple(values.paths(("env_files",), data.get("env_files") or (), PathKind.ENV_FILE, before={})),
        vars=variables,
        env={name: str(value) for name, value in values.mapping("env").items()},
        directories=tuple(values.paths(("directories",), data.get("directories") or (), PathKind.DIRECTORY)),
        assets=assets,
        commands=commands,
        matrices=matrices,
        workflows=read_workflows(values, ProjectModel(commands=commands, matrices=matrices)),
        remotes=remotes,
        cache=read_cache(values, remotes),
        executors=read_executors(values),
        version=read_version(values),
        artifacts=artifacts.artifacts,
    )


def _name(values: Values) -> str:
    name = values.text(("name",))
    problem = project_name_problem(name) if name else None
    if problem:
        values.problem(("name",), f"`{name}` cannot name a project: {problem}")
    return name


def _algorithm(values: Values) -> Algorithm:
    algorithm: Algorithm = "blake3" if values.data.get("digest") == "blake3" else "md5"
    if algorithm != "md5" and values.data.get("compat"):
        message = "`digest: blake3` and `compat: weasel` exclude each other"
        values.problem(("digest",), message, "Weasel knows MD5 only")
    return algorithm


def _warn_of_top_level_keys(values: Values) -> None:
    keys = schema.top_level_keys()
    used = {name.split(".")[1] for name in values.interpolator.used if name.startswith("project.")}
    for key in values.data:
        if key in _LEGACY:
            values.warn((key,), f"`{key}` {_LEGACY[key]}", key=True)
        elif key not in keys and not str(key).startswith("x-") and key not in used:
            close = near_match(str(key), keys)
            hint = f"did you mean `{close}`?" if close else "begin its name with `x-` to keep it without this warning"
            values.warn((key,), f"unknown key `{key}` is ignored", hint, key=True, always_shown=True)
