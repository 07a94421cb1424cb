"""The error for a subcommand that does not exist, with what the user probably wants."""

from __future__ import annotations

import shlex

from weaselish.cli.subcommand import GROUPS, MODULES
from weaselish.errors import UnknownName, UsageError, near_match

_ADD = "add an entry under `commands:` in project.yml"
_LIST = "`proj` alone lists the commands and workflows"
_PACKAGES = "proj installs no packages; `proj clone TEMPLATE --setup` does so for a template"
_RUN = "`proj run NAME` runs a command or workflow"
ELSEWHERE = {  # subcommands of Weasel, DVC, Snakemake, go-task, make, just, npm and poe that proj does not have
    "add": _ADD,
    "build": _RUN,
    "check": "`proj validate` checks project.yml, `proj status --check` whether a step must run",
    "checkout": "`proj pull` restores outputs",
    "ci": _PACKAGES,
    "commit": "`proj lock accept NAME` records the current outputs",
    "config": "`proj vars` shows the variables; everything is set in project.yml",
    "create": "`proj init` writes a project.yml, `proj clone --list` shows templates",
    "dag": "`proj graph` shows the steps and their order",
    "default": _RUN,
    "delete": "`proj clean` removes outputs, `proj lock reset` records",
    "doc": "`proj document` describes the project in a README",
    "docs": "`proj document` describes the project in a README",
    "download": "`proj assets` downloads assets, `proj pull` outputs",
    "dry-run": "`proj run NAME --dry` shows what would run",
    "exp": "`proj log --metrics` compares runs, `matrix:` in project.yml runs a command with several values",
    "experiments": "`proj log --metrics` compares runs, `matrix:` in project.yml runs a command with several values",
    "fetch": "`proj pull` downloads outputs, `proj assets` downloads assets",
    "force": "`proj run NAME --force` runs a command even if it is up to date",
    "help": "`proj --help`, or `proj run NAME --help`",
    "history": "`proj log` shows past runs",
    "install": _PACKAGES,
    "lint": "`proj validate` checks project.yml",
    "list": f"{_LIST}, `proj ls` what a remote holds",
    "logs": "`proj log -v NAME` shows the output of past runs",
    "ls-files": f"{_LIST}, `proj ls` what a remote holds",
    "ls-steps": _LIST,
    "metrics": "`proj log --metrics` compares runs",
    "move": "change the path in project.yml",
    "new": "`proj init` writes a project.yml, `proj clone --list` shows templates",
    "params": "`proj vars` shows the variables",
    "plots": "`proj log --plot METRIC` draws a metric over the runs",
    "prune": "`proj gc` removes old results from a remote",
    "queue": "`proj run NAME --jobs N` runs N steps at a time",
    "remove": "remove its entry from project.yml; `proj lock reset NAME` deletes its record",
    "repro": "`proj run NAME` runs what is out of date",
    "reproduce": "`proj run NAME` runs what is out of date",
    "rerun": "`proj run NAME --force` runs a command even if it is up to date",
    "restore": "`proj pull` restores outputs from a remote, `proj run NAME` also from the run cache",
    "show": "`proj run NAME --help` shows a command, `proj log -v NAME` its past runs",
    "stage": _ADD,
    "start": _RUN,
    "summary": "`proj status` shows each step with its state",
    "sync": "`proj pull` downloads outputs, `proj push` stores them",
    "task": _RUN,
    "tasks": _LIST,
    "test": _RUN,
    "touch": "`proj lock accept NAME` records the current outputs as up to date",
    "tree": "`proj graph` shows the steps and their order",
    "unlock": "proj needs no unlocking: a lock ends with the process that holds it",
    "update": "`proj assets --update` fetches newer commits of assets",
    "upload": "`proj push` stores outputs on a remote",
    "watch": "`proj run NAME --watch` runs again whenever a dep changes",
    "which": "`proj graph` shows what writes what, `proj why NAME` why a command would run",
}
_NO_PROJECT = (
    "no project.yml in the current directory or in one above: `cd` into a project; "
    "or `proj init` writes one, and `proj clone --list` shows templates"
)


def check_subcommand(name: str) -> None:
    """Raise UnknownName, with a hint, unless the subcommand exists. A name of several words begins with a group's."""
    if name in MODULES or name in GROUPS:
        return
    group, _, last = name.rpartition(" ")
    if group not in GROUPS:
        raise unknown_subcommand(name)
    names = [known.removeprefix(f"{group} ") for known in MODULES if known.startswith(f"{group} ")]
    raise UnknownName(f"subcommand of `proj {group}`", last, names)


def unknown_subcommand(word: str) -> UnknownName:
    """Return the error for a first word that names no subcommand. It may contain blanks, if the user quoted it."""
    subcommands = list(dict.fromkeys(known.partition(" ")[0] for known in MODULES))
    return UnknownName("subcommand", word, subcommands, hint=_hint(word, subcommands))


def _hint(name: str, subcommands: list[str]) -> str:
    targets = _targets()
    if targets and name in targets:
        return f"`proj run {shlex.quote(name)}`"
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    if name.partition(" ")[0] in subcommands:
        return f"without quotes: `proj {name}`"
    close = near_match(name, [*subcommands, *(targets or ())])
    if close in subcommands:
        return f"did you mean `proj {close}`?"
    if close:
        return f"did you mean `proj run {shlex.quote(close)}`?"
    return _NO_PROJECT if targets is None else "`proj --help` lists the subcommands, `proj` alone the commands"


def _targets() -> list[str] | None:
    """Return the commands and workflows of the current project, even of a broken one; None outside a project."""
    from weaselish.engine.outline import outline
    from weaselish.load import find_root

    try:
        find_root()
    except UsageError:
        return None
    found = outline()
    return [*found.commands, *found.workflows]
