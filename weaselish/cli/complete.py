"""`proj --complete`: what the completion scripts of the shells ask for at each press of Tab."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from weaselish.cli.candidates import Candidates, candidates
from weaselish.terminal import printable

_LISTING = ("33", "63", "64")  # bash's COMP_TYPE when it lists candidates instead of inserting one
_WIDEST = 60  # characters of a description
_PLAIN = "_@%+=:,./-"  # beside letters and digits, what bash needs no backslash for


def complete(shell: str, words: Sequence[str]) -> int:
    """Print candidates for the last of the words, which follow `proj`, one a line.

    A line is a candidate, a tab and its description; or a tab and what kind of path the shell is to complete.
    bash gives three words instead: COMP_TYPE, what it will replace, and the line up to the cursor. It gets the texts
    to insert.
    """
    if shell == "bash":
        _print(_lines_for_bash(*words))
    else:
        _print(_lines(words))
    return 0


def _lines(words: Sequence[str]) -> Iterator[str]:
    found = candidates(words)
    yield from (f"{word}\t{_short(text)}" for word, text in found.words.items())
    if not any(word.startswith(words[-1]) for word in found.words):
        yield from _paths(found)


def _lines_for_bash(kind: str, replaced: str, line: str) -> Iterator[str]:
    words, quote = _split(line)
    found = candidates(words[1:])
    kept = len(words[-1]) - len(replaced if quote else _split(replaced)[0][-1])  # characters that bash leaves in place
    fitting = {word: text for word, text in found.words.items() if word.startswith(words[-1])}
    if kind in _LISTING and len(fitting) > 1:
        column = max(map(len, fitting)) + 2
        yield from (
            f"{word.ljust(column)}{f'({_short(text)})' if text else ''}"[kept:] for word, text in fitting.items()
        )
        return
    yield from (word[kept:] if quote else _quoted(word[kept:]) for word in fitting)
    if not fitting:
        yield from _paths(found)


def _split(line: str) -> tuple[list[str], str]:
    """Split an unfinished line into words, the last of which may be empty; and return the quote that is open."""
    import shlex

    for quote in ("", '"', "'"):
        try:
            words = shlex.split(line.removesuffix("\\") + quote)
        except ValueError:
            continue
        return [*words, *([""] if not quote and (not line or line[-1].isspace()) else [])] or [""], quote
    return [""], ""


def _quoted(word: str) -> str:
    return "".join(char if char.isalnum() or char in _PLAIN else f"\\{char}" for char in word)


def _paths(found: Candidates) -> Iterator[str]:
    if found.paths is not None:
        yield f"\t{found.paths.value}"


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines if line.replace("\t", "").isprintable()))


def _short(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
