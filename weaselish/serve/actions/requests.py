"""What a visitor may ask for, checked against project.yml, and the words of `proj` that do it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.errors import InvalidOverride, UnknownName, UsageError
from weaselish.resolved_secrets import MASK
from weaselish.terminal import printable

if TYPE_CHECKING:
    from weaselish.model.project import ProjectModel

_MOST = 50  # names
_LONGEST = 4096  # characters of a value
_OVERRIDE = re.compile(r"(?:vars|env)\.[^\s=\0]{1,200}")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Run targets as `proj run` does. `overrides` such as `{"vars.epochs": "5"}`; `yes` answers `confirm`."""

    targets: tuple[str, ...]
    overrides: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    force_all: bool = False
    only: bool = False
    from_step: str | None = None
    until_step: str | None = None
    keep_going: bool = False
    jobs: int = 1
    yes: bool = False

    kind = "run"


@dataclass(frozen=True, slots=True)
class AcceptRequest:
    """Record the current outputs of commands, as `proj lock accept` does."""

    commands: tuple[str, ...]

    kind = "accept"


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Push to or pull from a remote of project.yml. Without commands, it takes all. `force`: only for a pull."""

    kind: str  # `push` or `pull`
    remote: str = "default"
    commands: tuple[str, ...] = ()
    force: bool = False


ActionRequest = RunRequest | AcceptRequest | TransferRequest


def words_of(request: ActionRequest, directory: Path) -> tuple[str, ...]:
    """Return the arguments of `proj`. Raises ProjError for what the project does not have."""
    match request:
        case RunRequest():
            return tuple(_run_words(request, directory))
        case AcceptRequest():
            model = _model(directory, {})
            _check_names(request.commands, {*model.commands, *model.workflows}, "command or workflow")
            return ("lock", "accept", *request.commands)
        case TransferRequest():
            return tuple(_transfer_words(request, directory))


def form_of(request: ActionRequest) -> tuple[str, ...]:
    """Return the options for how `proj` reports to the dashboard."""
    match request:
        case RunRequest():
            return ("--output", "quiet", "--json")
        case AcceptRequest():
            return ()
        case TransferRequest():
            return ("--json",)


def shown(request: ActionRequest, mask: Callable[[str], str]) -> str:
    """Return what was asked for in short, before it is checked, with secrets masked."""
    match request:
        case RunRequest():
            words = [*request.targets, *(f"--{name}={value}" for name, value in request.overrides.items())]
        case AcceptRequest():
            words = list(request.commands)
        case TransferRequest():
            words = [request.remote, *request.commands, *(["--force"] if request.force else [])]
    return printable(mask(" ".join(shown_words(words))))


def shown_words(words: Collection[str]) -> tuple[str, ...]:
    """Return the words with the values of secret variables masked."""

    return tuple(_shown(word) for word in words)


def _shown(word: str) -> str:
    from weaselish.model.interpolate import is_secret

    name, equals, _ = word.partition("=")
    return f"{name}={MASK}" if equals and name.startswith("--") and is_secret(name.partition(".")[2]) else word


def _run_words(request: RunRequest, directory: Path) -> Iterator[str]:
    _check_overrides(request.overrides)
    model = _model(directory, request.overrides)
    _check_names(request.targets, {*model.commands, *model.workflows, *model.written}, "command or workflow")
    if not 1 <= request.jobs <= 256:
        raise UsageError(
            f"`{request.jobs}` is not a valid number of steps at a time", hint="give a number from 1 to 256"
        )
    yield "run"
    yield from request.targets
    for name, given in (
        ("--force", request.force),
        ("--force-all", request.force_all),
        ("--only", request.only),
        ("--keep-going", request.keep_going),
        ("--yes", request.yes),
    ):
        if given:
            yield name
    for name, step in (("--from", request.from_step), ("--until", request.until_step)):
        if step is not None:
            _check_names((step,), model.commands, "command")
            yield from (name, step)
    if request.jobs > 1:
        yield from ("--jobs", str(request.jobs))
    for name, value in request.overrides.items():
        yield f"--{name}={value}"  # one word, so that a value such as `--force` stays a value


def _transfer_words(request: TransferRequest, directory: Path) -> Iterator[str]:
    model = _model(directory, {})
    _check_names((request.remote,), model.remotes, "remote")
    if request.commands:
        _check_names(request.commands, {*model.commands, *model.written}, "command")
    yield from (request.kind, request.remote)
    for command in request.commands:
        yield from ("--command", command)
    if request.force and request.kind == "pull":
        yield "--force"


def _model(directory: Path, overrides: Mapping[str, str]) -> ProjectModel:
    from weaselish.api.project import Project

    return Project.load(directory, overrides=overrides).model


def _check_names(names: Collection[str], defined: Collection[str], kind: str) -> None:
    """Raise UnknownName for a name that the project does not have: no other word reaches the command line."""
    if not 1 <= len(names) <= _MOST:
        raise UsageError(f"name at least one {kind}" if not names else f"name at most {_MOST} at once")
    for name in names:
        if name not in defined or name.startswith("-"):
            raise UnknownName(kind, name, sorted(defined))


def _check_overrides(overrides: Mapping[str, str]) -> None:
    for name, value in overrides.items():
        if not _OVERRIDE.fullmatch(name):
            raise InvalidOverride(f"`{name}` is not a variable", name=name, hint="names are such as `vars.epochs`")
        if len(value) > _LONGEST or "\0" in value:
            raise InvalidOverride(f"the value of `{name}` is too long or holds a null byte", name=name)
