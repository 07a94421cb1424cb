"""`proj init`: a project that runs, to be changed into one's own."""

from __future__ import annotations

from pathlib import Path

from weaselish.cli.console import say, say_hint
from weaselish.errors import UsageError
from weaselish.files.atomic import write_atomically
from weaselish.load import FILE

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
    help: Make it louder
    script: ["python -c \\"open('shout.txt', 'w').write(open('greeting.txt').read().upper() + '!')\\""]
    deps: [greeting.txt]
    outputs: [shout.txt]

workflows:
  all: [greet, shout]

remotes:
  default: ../{name}-remote    # `proj push` keeps outputs there: a directory, s3://, gs:// or az://
"""


def init(directory: str | None) -> int:
    """Write a starter project.yml; refuses where there is one."""
    root = Path(directory or ".").resolve()
    if (root / FILE).exists():
        raise UsageError(f"there is a {FILE} in `{directory or '.'}` already", hint="`proj` shows what it holds")
    root.mkdir(parents=True, exist_ok=True)
    title = root.name if root.name.replace("-", "").replace("_", "").isalnum() else f'"{root.name}"'
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in root.name)
    write_atomically(root / FILE, [_STARTER.format(title=title, name=name or "project").encode()])
    say(f"wrote {FILE}")
    say_hint(f"{'' if directory is None else f'cd {directory} && '}proj run all")
    return 0
