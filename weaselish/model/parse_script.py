"""Read what scripts consist of: their lines and their environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.script import shell_operator, unsplittable


def read_env(values: Values, path: Path, items: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the variables of `env` with their texts. `path` is that of the mapping that holds `env`."""
    for name, value in items.items():
        if not name or "=" in name or "\0" in name or name.startswith("env."):  # which is ${env.X} in fingerprints
            at = (*path, "env", name)
            values.problem(at, f"an environment variable cannot be named `{name}`", "rename it", key=True)
        text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
        replaced = values.interpolated((*path, "env", name), text)
        if replaced is not None and "\0" in replaced:
            values.problem((*path, "env", name), "the value contains a NUL character", "remove it")
        elif replaced is not None:
            yield name, replaced


def read_script(values: Values, path: Path, lines: Iterable[object], *, in_shell: bool) -> Iterator[str]:
    """Yield the lines of a script, and note those that cannot be run."""
    for index, line in enumerate(lines):
        at = (*path, index)
        if not isinstance(line, str):
            continue
        text = values.interpolated(at, line, in_shell=in_shell)
        if text is None:
            continue
        if "\0" in text:
            values.problem(at, "the script line contains a NUL character", "remove it")
        elif not in_shell and (reason := unsplittable(text)):
            values.problem(at, reason, "close the quote, or put a backslash before it" if text.strip() else None)
        elif not in_shell and (operator := shell_operator(line)):
            message = f"`{operator}` has no meaning without a shell"
            values.problem(at, message, "add `shell: true` to the command, or put the word in quotes")
        yield text
