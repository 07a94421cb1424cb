"""The option `--set`: settings of commands that one call changes."""

from __future__ import annotations

from collections.abc import Sequence

from weaselish.cli.subcommand import Call, Option, Takes
from weaselish.errors import UsageError

CHANGES = Option(
    "changes",
    ("--set",),
    "Change `resources`, `replicas`, `restarts` or `retries` for this call: KEY=VALUE, or COMMAND.KEY=VALUE.",
    Takes.TEXTS,
    "KEY=VALUE",
)


def with_changes(call: Call, targets: Sequence[str], changes: Sequence[str]) -> Call:
    """Return the call with the settings of `--set` among its overrides. Raises UsageError."""
    if not changes:
        return call
    from weaselish.model.settings import BadSetting, setting_name

    overrides = dict(call.extras.overrides)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"`--set {change}` has no value", hint="for example `--set resources.memory=16GiB`")
        try:
            overrides[setting_name(key.strip(), targets)] = value.strip()
        except BadSetting as error:
            raise UsageError(error.message, hint=error.hint) from None
    return call._replace(extras=call.extras._replace(overrides=overrides))
