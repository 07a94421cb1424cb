"""Split script lines into words, and find in them what only a shell would understand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from weaselish.named_tuple import NamedTuple

_QUOTING = re.compile(r"""['"\\]""")
_WORD = re.compile(r"[^ \t\r\n]+")
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_MASK = "\0"


def split_words(line: str) -> list[str]:
    """Return the words of a script line, as the slower shlex.split. Raises ValueError."""
    return shlex.split(line) if _QUOTING.search(line) else _WORD.findall(line)


def unsplittable(line: str) -> str | None:
    """Return why a script line cannot be split into words, None if it can."""
    try:
        words = split_words(line)
    except ValueError as error:
        return f"the script line cannot be split into words: {str(error).lower()}"
    return None if words else "the script line is empty"


def shell_operator(line: str) -> str | None:
    """Return the first word of a script line that is or begins with an operator of the shell, unquoted."""
    for match in _WORD.finditer(_masked(line)):
        word = match[0]
        if word in ("&&", "||", "|", ";", "&") or word.startswith((">", "<", "2>")) or word.endswith(";"):
            return line[match.start() : match.end()]
    return None


# -- words that a shell would replace ---------------------------------------------------------------------------------


class ShellWord(NamedTuple):
    """A word that a shell would replace or execute, and that a line without a shell passes on as it is."""

    message: str
    hint: str


_SHELL = "or add `shell: true`"
_BUILTINS = {
    "cd": f"use `workdir:`, {_SHELL}",
    "export": f"use `env:`, {_SHELL}",
    **dict.fromkeys(("source", ".", "set", "unset", "alias", "eval", "if", "for", "while"), "add `shell: true`"),
}
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_UNCLOSED = re.compile(r"\$\{[^{}]*(?:$|(?=\$\{))")
_TEMPLATE = re.compile(r"\{\{ *([^{}]*?) *\}\}")
_BRACES = re.compile(r"\{[^{}\s:\0]*(?:,|\.\.)[^{}\s:\0]*\}")
_SET = re.compile(r"\[[^\]\s]+\]|\?")  # of characters: also in URLs, in lists and in what pip installs
_PATTERN_HINT = f"name the files, {_SHELL}"


def shell_words(line: str, exists: Callable[[str], bool]) -> Iterator[ShellWord]:
    """Yield what a shell would replace in a script line without one.

    `exists` says whether a path exists: a file of that very name is what the word means.
    """
    masked = _masked(line)
    matches = list(_WORD.finditer(masked))
    if matches:
        yield from _first_word(matches[0][0])
    is_install = "install" in masked
    for match in matches:
        written = line[match.start() : match.end()]
        yield from _replaced_word(match[0], written, exists, is_install=is_install)
    for variable in _VARIABLE.finditer(_without_single_quoted(line)):
        name = variable[1]
        hint = f"write `${{env.{name.lower()}}}` with `{name.lower()}: {name}` under `env:`, {_SHELL}"
        yield ShellWord(f"`${name}` is not replaced without a shell", hint)
    if unclosed := _UNCLOSED.search(line):
        yield ShellWord(f"`{unclosed[0].split()[0]}` is not closed, and stays as written", "close it with `}`")


def _first_word(word: str) -> Iterator[ShellWord]:
    if word in _BUILTINS:
        yield ShellWord(f"`{word}` is a command of the shell, and there is none here", _BUILTINS[word])
    if assignment := _ASSIGNMENT.match(word):
        hint = f"set `{assignment[1]}` under `env:` of the command, {_SHELL}"
        yield ShellWord(f"`{assignment[0]}…` sets no variable without a shell", hint)


def _replaced_word(
    masked: str, written: str, exists: Callable[[str], bool], *, is_install: bool
) -> Iterator[ShellWord]:
    """Yield what a shell would replace in one word; in `masked` its quoted characters are hidden."""
    if masked.startswith("#"):
        yield ShellWord(f"`{written}` does not begin a comment without a shell", "remove it")
    elif masked.startswith("~") and not exists(written):
        hint = f"write `${{env.home}}` with `home: HOME` under `env:`, {_SHELL}"
        yield ShellWord(f"`{written}` is not replaced by a home directory without a shell", hint)
    elif template := _TEMPLATE.search(masked):
        yield ShellWord(f"`{template[0]}` is not replaced", f"did you mean `${{{_reference(template[1])}}}`?")
    elif "$(" in masked or "`" in masked:
        yield ShellWord(f"`{written}` is not replaced by the output of a command without a shell", "add `shell: true`")
    elif _BRACES.search(masked):
        yield ShellWord(f"`{written}` is one word without a shell", "write each word, or add `shell: bash`")
    elif _is_pattern(masked, is_install=is_install) and not exists(written):
        yield ShellWord(f"`{written}` is not replaced by the files that match it without a shell", _PATTERN_HINT)


def _is_pattern(word: str, *, is_install: bool) -> bool:
    """Return whether a shell would probably replace a word by the names of files."""
    if "://" in word or word.startswith("-"):
        return False
    if "*" in word:
        return True
    match = _SET.search(word)
    is_path = match is not None and ("/" in word or "." in word[match.end() :])
    return is_path and "=" not in word and not is_install


def _reference(name: str) -> str:
    return name if "." in name else f"vars.{name or 'NAME'}"


def _masked(line: str) -> str:
    """Return the line with each quoted or escaped character replaced by NUL."""
    return _QUOTED.sub(lambda match: _MASK * len(match[0]), line) if _QUOTING.search(line) else line


def _without_single_quoted(line: str) -> str:
    """Return the line with each single-quoted or escaped character replaced by NUL: a shell reads the rest."""
    return _QUOTED.sub(lambda match: match[0] if match[0].startswith('"') else _MASK * len(match[0]), line)
