"""`proj init`: writes a small project that runs."""

from __future__ import annotations

from pathlib import Path

from weaselish.cli.console import hint, say
from weaselish.cli.subcommand import Argument, Call, Subcommand, Values
from weaselish.errors import UsageError

_STARTER = """\
title: {title}

vars:
  greeting: Hello

commands:
  - name: greet
    help: Write a greeting into a file
    script: ["python -c \\"open('greeting.txt', 'w').write('${{vars.greeting}}, world')\\""]
    outputs: [greeting.txt]

  - name: shout
    help: Write the greeting in capitals
    script: ["python -c \\"open('shout.txt', 'w').write(open('greeting.txt').read().upper() + '!')\\""]
    deps: [greeting.txt]
    outputs: [shout.txt]

workflows:
  all: [greet, shout]

remotes:
  default: ../{name}-remote    # where `proj push` stores outputs: a directory, s3://, gs:// or az://
"""


def init(call: Call) -> int:
    """Write a starter project.yml; refuse to replace one."""
    from weaselish.files.atomic import write_atomically, writing
    from weaselish.load import FILE

    directory = call.directory
    root = Path(directory or ".").absolute()
    if (root / FILE).exists():
        raise UsageError(f"`{directory or '.'}` already has a {FILE}", hint="`proj` lists its commands")
    title = root.name if root.name.replace("-", "").replace("_", "").isalnum() else f'"{root.name}"'
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in root.name)
    with writing(f"`{directory or '.'}`"):
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / FILE, [_STARTER.format(title=title, name=name or "project").encode()])
    say(f"wrote {FILE}")
    hint(f"{'' if directory is None else f'cd {directory} && '}proj run all")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "init",
        init,
        "Write a starter project.yml that runs.",
        arguments=(Argument("DIR", "Where to write it, by default the current directory.", Values.DIRECTORIES),),
        examples=("proj init", "proj init demo"),
    ),
)
