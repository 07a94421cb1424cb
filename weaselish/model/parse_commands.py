"""Read the commands of project.yml."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from weaselish.model.locations import Path
from weaselish.model.matrix import check_outputs, read_matrix, step_name
from weaselish.model.parse_artifacts import ArtifactDeps
from weaselish.model.parse_executors import read_executor_name, read_image
from weaselish.model.parse_resources import read_resources
from weaselish.model.parse_roles import read_roles
from weaselish.model.parse_script import read_env, read_script
from weaselish.model.parse_values import YES, Values
from weaselish.model.path_rules import PathKind
from weaselish.model.paths import ancestors
from weaselish.model.project import Command, Matrix, Shell

LONGEST_TIMEOUT = 365 * 86400  # seconds
LOCK_SECTION = ".proj"  # of project.lock
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_commands(values: Values, artifacts: ArtifactDeps) -> tuple[dict[str, Command], dict[str, Matrix]]:
    """Read the commands by name, in the order of the file; and those that have a matrix.

    A command without a usable name is left out.
    """
    commands: dict[str, Command] = {}
    matrices: dict[str, Matrix] = {}
    for index, item in enumerate(values.data.get("commands") or ()):
        path: Path = ("commands", index)
        name = values.required_text((*path, "name"), within=item) if item is not None else ""
        values.name(path, name)
        if name in commands or name in matrices:
            values.problem((*path, "name"), f"a second command is named `{name}`", "rename one of them")
        elif name == LOCK_SECTION:
            hint = "rename it: project.lock has a section of that name"
            values.problem((*path, "name"), f"a command cannot be named `{name}`", hint)
        elif name and "matrix" in item:
            steps, text = _steps(values, artifacts, path, item, name, commands)
            commands.update(steps or {name: Command(name)})  # one with an error does not run
            if steps:
                matrices[name] = Matrix(tuple(steps), text)
        elif name:
            commands[name] = _command(values, artifacts, path, item, name)
    return commands, matrices


def _steps(
    values: Values,
    artifacts: ArtifactDeps,
    path: Path,
    item: Mapping[str, Any],
    name: str,
    others: Collection[str],
) -> tuple[dict[str, Command], str]:
    """Return the steps of a command with a matrix by name, none if it has an error; and the help of all of them."""
    steps: dict[str, Command] = {}
    with values.once():
        for combination in read_matrix(values, path, name, item):
            step = step_name(name, combination.values)
            if step in others:
                message = f"another command has the name of the step `{step}`"
                values.problem((*path, "matrix"), message, "rename one of the two commands", key=True)
            with values.interpolator.in_matrix(dict(combination.values)):
                steps[step] = _command(values, artifacts, path, item, step)._replace(matrix=combination)
            if values.is_faulty(path):
                return {}, ""
        check_outputs(values, path, item, steps.values())
        if values.is_faulty(path):
            return {}, ""
        for step in steps:
            values.locations.commands.setdefault(step, path)
        with values.interpolator.in_matrix({variable: f"{{{variable}}}" for variable, _ in combination.values}):
            return steps, values.text((*path, "help"), within=item)


def _command(values: Values, artifacts: ArtifactDeps, path: Path, item: Mapping[str, Any], name: str) -> Command:
    written: dict[str, str] = {}
    before: dict[str, None] = {}
    shell = _shell(item.get("shell", False))
    outputs, outputs_no_cache = (
        tuple(values.paths((*path, key), item.get(key) or (), PathKind.OUTPUT, written=written, before=before))
        for key in ("outputs", "outputs_no_cache")
    )
    metrics = tuple(_metrics(values, (*path, "metrics"), item.get("metrics") or (), written))
    workdir = values.text((*path, "workdir"), within=item) or "."
    resources, limits = read_resources(values, (*path, "resources"), item.get("resources"))
    deps = artifacts.paths((*path, "deps"), item.get("deps") or ())
    script = tuple(read_script(values, (*path, "script"), item.get("script") or (), in_shell=shell is not False))
    roles = read_roles(values, path, item, name=name.partition("@")[0], script=script, amounts=(resources, limits))
    return Command(
        name=name,
        help=values.text((*path, "help"), within=item),
        script=() if roles else script,
        deps=tuple(values.paths((*path, "deps"), deps, PathKind.DEP, written=written)),
        outputs=outputs,
        outputs_no_cache=(*outputs_no_cache, *_not_in(outputs + outputs_no_cache, metrics)),
        metrics=metrics,
        no_skip=item.get("no_skip", False) in YES,
        env=tuple(read_env(values, path, item.get("env") or {})),
        shell=shell,
        workdir=values.path((*path, "workdir"), workdir, PathKind.WORKDIR) or ".",
        timeout=_timeout(values, (*path, "timeout"), item.get("timeout")),
        retries=int(item.get("retries") or 0),
        mutex=tuple(values.texts((*path, "mutex"), item.get("mutex") or ())),
        confirm=values.text((*path, "confirm"), within=item) or None,
        interactive=item.get("interactive") is True,
        cache=item.get("cache", True) is not False,
        resources=resources,
        limits=limits,
        queue_timeout=_timeout(values, (*path, "queue_timeout"), item.get("queue_timeout")),
        executor=read_executor_name(values, (*path, "executor"), item),
        image=read_image(values, (*path, "image"), item.get("image")),
        roles=roles,
        written=tuple(written.items()),
    )


def _metrics(values: Values, path: Path, items: Iterable[object], written: dict[str, str]) -> Iterator[str]:
    return values.paths(path, items, PathKind.METRICS, written=written, before={})


def _not_in(outputs: tuple[str, ...], paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths that are neither among the outputs nor inside one."""
    return (path for path in paths if not {*ancestors(path), path} & {*outputs})


def _shell(value: object) -> Shell:
    value = value or False
    return ("sh" if value else False) if isinstance(value, bool) else str(value)


def _timeout(values: Values, path: Path, value: object) -> float | None:
    """Return a timeout in seconds, None if there is none."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9.]+) *([a-z]*)", str(value))
    seconds = (
        float(value) if isinstance(value, (int, float)) else float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    )
    if seconds > LONGEST_TIMEOUT:
        values.problem(path, f"`{path[-1]}` cannot be longer than {LONGEST_TIMEOUT // 86400} days", "leave the key out")
        return None
    return seconds
