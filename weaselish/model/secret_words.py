"""Masks the values of secrets in script lines and arguments that are shown side by side."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from weaselish.model.interpolate import MASK, is_secret
from weaselish.model.masking import masked

_NUMBER = re.compile(r"[-+]?[\d_.]+(?:[eE][-+]?\d+)?")  # `--max-tokens 4096`: not a secret
_OPTION = re.compile(r"-{0,2}([A-Za-z_][\w.-]*)")
_ASSIGNMENT = re.compile(r"(-{0,2}([A-Za-z_][\w.-]*)=)(.+)", re.DOTALL)


def secret_vars(variables: Mapping[str, object], *, secret: bool = False) -> Iterator[str]:
    """Yield the texts in `vars` whose names, or the names around them, are those of secrets."""
    for name, value in variables.items():
        is_hidden = secret or is_secret(str(name))
        if isinstance(value, Mapping):
            yield from secret_vars(value, secret=is_hidden)
        elif is_hidden and isinstance(value, str) and not _NUMBER.fullmatch(value):
            yield value


def masked_words(words: Sequence[str], secrets: Collection[str]) -> list[str]:
    """Return the words with each secret masked: known values, and what follows `--token`, `--token=` or `TOKEN=`."""
    shown: list[str] = []
    for index, word in enumerate(words):
        option = _OPTION.fullmatch(words[index - 1]) if index and words[index - 1].startswith("-") else None
        assigned = _ASSIGNMENT.fullmatch(word)
        if option and is_secret(option[1]) and not word.startswith("-") and not _NUMBER.fullmatch(word):
            shown.append(MASK)
        elif assigned and is_secret(assigned[2]) and not _NUMBER.fullmatch(assigned[3]):
            shown.append(f"{assigned[1]}{MASK}")
        else:
            shown.append(masked(word, secrets))
    return shown


def masked_changes(lines: Sequence[str], secrets: Collection[str]) -> tuple[str, ...]:
    """Return lines of a comparison with the secrets in them masked; their blanks stay.

    Only the current values of secrets are known. Where one was added, words that were removed count as secret.
    """
    shown = [masked_line(line, secrets) for line in lines]
    added = [line for line in lines if line.startswith("+ ")]
    if [line for line in shown if line.startswith("+ ")] != added:
        kept = {word for line in added for word in line.split()}
        for index, line in enumerate(lines):
            if line.startswith("- "):
                removed = {word for word in line[2:].split() if word not in kept}
                shown[index] = "- " + masked_line(line[2:], {*secrets, *removed})
    return tuple(shown)


def masked_line(line: str, secrets: Collection[str]) -> str:
    """Return a line with the secrets in it masked; its blanks stay."""
    pieces = re.split(r"(\s+)", line)
    pieces[::2] = masked_words(pieces[::2], secrets)
    return "".join(pieces)
