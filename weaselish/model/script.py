"""Script lines as text: how they are split into words, and what in them only a shell would understand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_QUOTING = re.compile(r"""['"\\]""")
_WORD = re.compile(r"[^ \t\r\n]+")


def split_words(line: str) -> list[str]:
    """The words of a script line, as shlex.split, which takes its time. Raises ValueError."""
    return shlex.split(line) if _QUOTING.search(line) else _WORD.findall(line)


def shell_word(line: str) -> str | None:
    """The first unquoted word of a script line that only a shell would understand."""
    for word in _bare_words(line):
        if word in ("&&", "||", "|", ";", "&") or word.startswith((">", "<", "2>")):
            return word
        if word.endswith(";") and not word.endswith("\\;"):
            return word
    return None


def _bare_words(line: str) -> Iterator[str]:
    """The words of a line that hold no quote. A backslash keeps its character and stays visible."""
    if not _QUOTING.search(line):
        yield from line.split()
        return
    word, quote, quoted = "", "", False
    position = 0
    while position < len(line):
        char = line[position]
        if char == "\\" and quote != "'":
            word += line[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote, quoted = char, True
        elif char.isspace():
            if word and not quoted:
                yield word
            word, quoted = "", False
        else:
            word += char
        position += 1
    if word and not quoted:
        yield word


def unsplittable(line: str) -> str | None:
    """What keeps a script line from being split into words, in one sentence."""
    try:
        words = split_words(line)
    except ValueError as error:
        return f"the script line cannot be split into words: {str(error).lower()}"
    return None if words else "the script line is empty"
