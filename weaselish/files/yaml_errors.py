"""Explain why a text is not YAML: what is wrong, where, and what its writer probably meant."""

from __future__ import annotations

import re

import yaml

from weaselish.errors import Problem
from weaselish.files.text_file import position_of

_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORGOT_QUOTES = "did you forget quotes? "


def undecodable(data: bytes, error: UnicodeDecodeError) -> Problem:
    """Return the problem of bytes that are not UTF-8."""
    message = f"this is not YAML in UTF-8: byte 0x{data[error.start]:02x} is not valid here"
    return Problem(*position_of(data, error.start), message, "save the file in UTF-8")


def explain(error: yaml.YAMLError, text: str) -> Problem:
    """Return the problem that PyYAML found in `text`."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _marked(error, text)
    control = _CONTROL.search(text)
    if control is not None:
        data = text.encode("utf-8", "surrogatepass")
        location = position_of(data, len(text[: control.start()].encode("utf-8", "surrogatepass")))
        return Problem(*location, f"this is not YAML: control character {control[0]!r}", "remove it")
    return Problem(0, 0, f"this is not YAML in UTF-8: {getattr(error, 'reason', None) or error}")


def _marked(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    message = ", ".join(part for part in (error.context, error.problem) if part)
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "unknown escape" in message:
        message += f" `\\{written[column - 1 :].lstrip(chr(92))[:1]}`"  # libyaml's mark is at the backslash
    begin = error.context_mark
    if begin is not None and mark is not None and begin.line < mark.line:
        message += f"; this part begins in line {begin.line + 1}"
    return Problem(line, column, f"this is not YAML: {message}", _hint(message, written, column))


def _hint(message: str, line: str, column: int) -> str | None:
    """Return what the writer of a line probably forgot."""
    if line[column - 1 : column] == "\t":
        return "indent with spaces, not tabs"
    if line.startswith("- ") and column == 1:
        return "is `commands:` missing above it? Under `commands:`, indent all entries alike"
    if "unknown escape" in message:
        return "write the backslash twice, or use single quotes"
    if "parsing a flow" in message and (reference := re.search(r"\$\{[^}]*\}?", line)):
        return f'{_FORGOT_QUOTES}"{reference[0]}"'
    if "mapping values are not allowed" in message:
        return f"{_FORGOT_QUOTES}A text with `: ` in it needs them"
    if "could not find expected ':'" in message or "parsing a block" in message:
        return "check the indentation of this line and of the one before"
    if "alias" in message or "scanning for the next token" in message:
        return f"{_FORGOT_QUOTES}A text may not begin with `*`, `&`, `@`, `%` or a backtick"
    return None
