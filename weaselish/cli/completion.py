"""`proj completion`: the scripts that make shells complete `proj`."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.cli.console import hint
from weaselish.cli.subcommand import Argument, Call, Subcommand
from weaselish.errors import UnknownName, UsageError

_SHELLS = ("bash", "zsh", "fish")
_STARTS = {  # where and how a user switches it on
    "bash": ("~/.bashrc", 'eval "$(proj completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(proj completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "proj completion fish | source"),
}


def completion(call: Call) -> int:
    """Print the script of a shell."""
    if not call.words:
        shell = os.path.basename(os.environ.get("SHELL", ""))
        line = f"proj completion {shell if shell in _SHELLS else _SHELLS[0]}"
        raise UsageError("the name of the shell is missing", hint=f"`{line}`")
    [shell] = call.words
    if shell not in _SHELLS:
        raise UnknownName("shell for completion", shell, _SHELLS)
    print((Path(__file__).parent / "shells" / f"proj.{shell}").read_text("utf-8"), end="")
    if os.isatty(1):
        file, line = _STARTS[shell]
        hint(f"add this line to {file}: {line}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "completion",
        completion,
        "Print the script for completion in bash, zsh or fish.\n\n"
        + "\n\n".join(f"{shell}: add `{line}` to {file}." for shell, (file, line) in _STARTS.items()),
        arguments=(Argument("SHELL", "The shell: bash, zsh or fish.", _SHELLS, is_required=True),),
        examples=("proj completion bash", "proj completion fish | source"),
    ),
)
