"""The values of the secrets that this process has resolved. No text that it shows may contain one."""

from __future__ import annotations

SHORTEST = 4  # characters: masking a shorter value would spoil more than it hides
MASK = "***"  # shown in place of a secret

_values: dict[str, None] = {}  # each in the forms that texts may have it in, the longest first; replaced, not changed


def register_secret(value: str) -> None:
    """Mask `value` from now on in everything that this process shows or logs."""
    global _values
    if len(value) >= SHORTEST and value not in _values:
        from urllib.parse import quote

        forms = {value, quote(value), quote(value, safe=""), repr(value)[1:-1]}
        _values = dict.fromkeys(sorted({*_values, *forms}, key=lambda form: (-len(form), form)))


def resolved_secrets() -> tuple[str, ...]:
    """Return all values, each in the forms that texts may have it in."""
    return tuple(_values)


def without_resolved(text: str) -> str:
    """Return `text` with each resolved secret masked."""
    for value in _values:
        if value in text:
            text = text.replace(value, MASK)
    return text
