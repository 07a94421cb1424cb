"""The options of `proj run`: their declarations, and what they mean for `Project.run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.cli.arguments import member
from weaselish.cli.changes import CHANGES
from weaselish.cli.subcommand import EXECUTOR, JSON, Option, Takes, Values, dry
from weaselish.errors import UsageError
from weaselish.model.cache import OFF
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.cli.arguments import Extras
    from weaselish.cli.reporter import OutputMode
    from weaselish.cli.watching import WatchMode
    from weaselish.model.project import ProjectModel

OPTIONS = (
    dry("Print the lines that would run, and why; change nothing."),
    Option("force", ("--force", "-F"), "Run the named steps even if they are up to date."),
    Option("force_all", ("--force-all",), "Run the named steps and everything upstream, even if up to date."),
    Option("only", ("--only",), "Run only the named steps, not their dependencies."),
    Option(
        "from_step",
        ("--from",),
        "Leave out the steps before STEP: what they produced is used.",
        Takes.TEXT,
        "STEP",
        values=Values.COMMANDS,
    ),
    Option("until_step", ("--until",), "Leave out the steps after STEP.", Takes.TEXT, "STEP", values=Values.COMMANDS),
    Option(
        "jobs",
        ("--jobs", "-j"),
        "Steps at a time: a number or `auto`. Default: PROJ_JOBS, or 1.",
        Takes.TEXT,
        "N",
    ),
    Option(
        "gpus",
        ("--gpus",),
        "GPUs that steps may use: a number or `auto`. Default: PROJ_GPUS, or `auto`.",
        Takes.TEXT,
        "N",
    ),
    EXECUTOR._replace(help="Run all steps on this executor, whatever their commands name."),
    Option(
        "watch",
        ("--watch",),
        "Run again when a dep changes. A running step ends first; with `--watch=restart` it is interrupted.",
        Takes.TEXT,
        "[=restart]",
        values=("finish", "restart"),
        alone="finish",
    ),
    Option(
        "notify",
        ("--notify",),
        "When a run of over a minute ends, ring the terminal's bell, or run CMD. Default: PROJ_NOTIFY, as CMD.",
        Takes.TEXT,
        "[=CMD]",
        alone="\a",
    ),
    CHANGES,
    Option("keep_going", ("--keep-going", "-k"), "After a failure, run the steps that do not depend on it."),
    Option("yes", ("--yes", "-y"), "Answer yes when a command asks with `confirm`."),
    Option(
        "wait", ("--wait",), "Wait for other processes that run the same steps (default), or fail.", off="--no-wait"
    ),
    Option(
        "output",
        ("--output",),
        "How to show what scripts write: raw, prefix, group, quiet or live. Default: raw; with `-j`, live on a "
        "terminal and prefix elsewhere.",
        Takes.TEXT,
        "HOW",
        values=("raw", "prefix", "group", "quiet", "live"),
    ),
    Option("strict_env", ("--strict-env",), "Pass only declared variables of the environment, and a safe base."),
    Option("cache", ("--cache",), "Use this remote, or `local`, as run cache.", Takes.TEXT, "REMOTE"),
    Option("no_cache", ("--no-cache",), "Run without a run cache."),
    JSON,
    Option("json_lines", ("--json-lines",), "Print each event on stdout as a line of JSON, as it happens."),
    Option("show_help", ("--help", "-h"), "Show this message, or help for NAME."),
)


class Settings(NamedTuple):
    """The options of `proj run` that `Project.run` takes."""

    jobs: int
    only: bool
    from_step: str | None
    until_step: str | None
    force: bool
    force_all: bool
    keep_going: bool
    wait: bool
    strict_env: bool
    args: tuple[str, ...]
    cache: str | None
    gpus: str | None = None
    executor: str | None = None


def check_args(project: ProjectModel, targets: Sequence[str], extras: Extras) -> None:
    """Refuse arguments after `--` unless exactly one command with a script is named."""
    if not extras.args:
        return
    from weaselish.engine.run.planning import roles_take_no_args, sole_command

    command = project.commands[sole_command(project, targets)]
    if command.roles:
        raise roles_take_no_args(command.name)
    if not command.script:
        raise UsageError(f"`{command.name}` has no script that could take arguments")


def watch_mode(name: str) -> WatchMode:
    """Return what `--watch` does with a running step. Raises UnknownName."""
    from weaselish.cli.watching import WatchMode

    return member(WatchMode, "way to watch", name)


def cache_name(name: str | None, *, off: bool) -> str | None:
    """Return the cache that the options name, None if they name none."""
    if name is not None and off:
        raise UsageError("`--cache` and `--no-cache` exclude each other", hint="leave one of them out")
    return OFF if off else name


def output_mode(name: str | None) -> OutputMode | None:
    """Return the mode of that name. Raises UnknownName."""
    if name is None:
        return None
    from weaselish.cli.reporter import OutputMode

    return member(OutputMode, "output mode", name)
