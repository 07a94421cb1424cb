"""The error for a subcommand that does not exist, with what the user probably wants."""

from __future__ import annotations

from weaselish.cli.arguments import Extras
from weaselish.cli.subcommand import GROUPS, MODULES
from weaselish.errors import ProjError, UnknownName, near_match

_ELSEWHERE = {  # subcommands of other tools
    "list": "`proj` alone lists the commands, `proj ls` what a remote holds",
    "help": "`proj --help`, or `proj run NAME --help`",
    "version": "`proj --version`",
    "exec": "`proj run NAME -- ARGS` passes arguments to a command",
    "repro": "`proj run NAME` runs what is out of date",
    "stage": "add an entry under `commands:` in project.yml",
    "add": "add an entry under `commands:` in project.yml",
    "fetch": "`proj pull` downloads outputs, `proj assets` downloads assets",
    "checkout": "`proj pull` restores outputs",
    "dag": "`proj graph` shows the steps and their order",
    "new": "`proj init` writes a project.yml, `proj clone --list` shows templates",
}


def check_subcommand(name: str, extras: Extras) -> None:
    """Raise UnknownName, with a hint, unless the subcommand exists."""
    first, _, second = name.partition(" ")
    if name in MODULES or name in GROUPS:
        return
    if first in GROUPS:
        names = [known.partition(" ")[2] for known in MODULES if known.startswith(f"{first} ")]
        raise UnknownName(f"subcommand of `proj {first}`", second, names)
    subcommands = list(dict.fromkeys(known.partition(" ")[0] for known in MODULES))
    raise UnknownName("subcommand", first, subcommands, hint=_hint(first, subcommands, extras))


def _hint(name: str, subcommands: list[str], extras: Extras) -> str:
    targets = _targets(extras)
    if name in targets:
        return f"`proj run {name}`"
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    close = near_match(name, [*subcommands, *targets])
    if close:
        return f"did you mean `proj {'run ' if close in targets else ''}{close}`?"
    return "`proj --help` lists the subcommands"


def _targets(extras: Extras) -> list[str]:
    """Return the commands and workflows of the current project, if there is a readable one."""
    from weaselish.api.project import Project

    try:
        model = Project(overrides=extras.overrides).model
    except ProjError:
        return []
    return [*model.written, *model.commands, *model.workflows]
