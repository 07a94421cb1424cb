"""`proj version`: the version of the project."""

from __future__ import annotations

from weaselish.cli.console import done, show
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import JSON, Argument, Call, Subcommand
from weaselish.errors import UnknownName, UsageError
from weaselish.model.versions import PARTS

_BUMP = "bump"


def version(call: Call, *, as_json: bool) -> int:
    """Show the project's version, or raise a part of it."""
    words = list(call.words)
    part = _part(words) if words[:1] == [_BUMP] else None
    directory = words[0] if words else None
    project = open_project(call, directory)
    old, new = (None, project.version) if part is None else project.bump(part)
    if as_json:
        from weaselish.cli.json_output import print_json

        print_json({"version": new, "old": old})
    elif old is None:
        show(new)
    else:
        done(f"{old} → {new}")
    return 0


def _part(words: list[str]) -> str:
    """Remove `bump PART` from the words, and return the part. Raises UsageError."""
    del words[0]
    if not words:
        raise UsageError("the part to bump is missing", hint="`major`, `minor` or `patch`")
    part = words.pop(0)
    if part not in PARTS:
        raise UnknownName("part of a version", part, PARTS)
    return part


SUBCOMMANDS = (
    Subcommand(
        "version",
        version,
        "Show the project's version, or bump it.\n\n"
        "It is `version:` in project.yml, or in the file that this key names. `proj --version` shows the version of "
        "`proj`.",
        (JSON,),
        arguments=(
            Argument("bump", "Raise the version.", (_BUMP,)),
            Argument("PART", "`major`, `minor` or `patch`.", PARTS),
            Argument("DIR", "The project's directory, if it is not the current one."),
        ),
        examples=("proj version", "proj version bump minor"),
    ),
)
