"""Makes text from project.yml, disks, scripts and remotes safe to show on a terminal."""

from __future__ import annotations

from weaselish.resolved_secrets import without_resolved

_JOINERS = "\u200c\u200d\u00ad"  # invisible, harmless, and part of words and emoji


def printable(text: str, *, keep: str = "") -> str:
    """Return `text` with control characters, line ends and direction marks escaped, except those in `keep`.

    Resolved secrets are masked.

    Escaped text passes through unchanged, so it does no harm to call this twice.
    """
    text = without_resolved(text)
    if text.isprintable():
        return text
    return "".join(char if char in keep or _is_harmless(char) else _escaped(char) for char in text)


def without_sequences(text: str) -> str:
    """Return what a program wrote to a terminal without escape sequences: colours, moves of the cursor, titles."""
    if "\x1b" not in text:
        return text
    import re

    return re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z^-~]?)", "", text)


def _is_harmless(char: str) -> bool:
    import unicodedata

    return char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
