"""Versions by Semantic Versioning 2.0.0, and what selects one of them: a number, a range, `LATEST`, `newest`, `@alias`.

The library semantic-version parses and compares them. It is imported on use.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from weaselish.errors import UsageError
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from semantic_version import Version  # type: ignore[import-untyped]

LATEST, NEWEST = "LATEST", "newest"
PARTS = ("major", "minor", "patch")
_LONGEST = 200  # characters: the version is part of file names
_NAMES_PRERELEASE = re.compile(r"\d-[0-9A-Za-z]")
_RANGES = "ranges are `^1.2`, `~1.4`, `>=1,<3` or `1.4.0`"


class SelectorKind(enum.Enum):
    EXACT = "version"
    RANGE = "range"
    LATEST = "latest compatible version"
    NEWEST = "highest version"
    ALIAS = "alias"


class Selector(NamedTuple):
    """What selects a version. `text` is the version, the range, or the alias without `@`."""

    kind: SelectorKind
    text: str

    def __str__(self) -> str:
        return f"@{self.text}" if self.kind is SelectorKind.ALIAS else self.text


def is_version(text: str) -> bool:
    return len(text) <= _LONGEST and _parsed(text) is not None


def version_problem(text: str) -> tuple[str, str] | None:
    """Return message and hint if the text is not a version, else None."""
    if is_version(text):
        return None
    bare = text.removeprefix("v").removeprefix("V")
    if bare != text and is_version(bare):
        return f"`{text}` is not a version", f"leave out the `v`: `{bare}`"
    if re.fullmatch(r"\d+(\.\d+)?", bare):
        full = bare + ".0" * (2 - bare.count("."))
        return f"`{text}` is not a version: it needs three numbers", f"for example `{full}`"
    return f"`{text}` is not a version", "write three numbers as `1.4.0`, or `1.4.0-rc.1` for a pre-release"


def range_problem(text: str) -> tuple[str, str] | None:
    """Return message and hint if the text is not a range, else None."""
    from semantic_version import SimpleSpec

    try:
        SimpleSpec(_without_blanks(text))
    except ValueError:
        return f"`{text}` is not a range of versions", _RANGES
    return None


def after_at(text: str) -> str:
    """Return what follows the `@` of `model@1.4.0` or `model@champion` as a word by itself: `1.4.0`, `@champion`."""
    is_known = text in (LATEST, NEWEST) or text.startswith("@") or range_problem(text) is None
    return text if is_known or text[:1].isdigit() else f"@{text}"


def parse_selector(text: str) -> Selector:
    """Return what a user typed as a version. Raises UsageError."""
    if text.startswith("@"):
        return Selector(SelectorKind.ALIAS, text[1:])
    if text in (LATEST, NEWEST):
        return Selector(SelectorKind.LATEST if text == LATEST else SelectorKind.NEWEST, text)
    if is_version(text):
        return Selector(SelectorKind.EXACT, text)
    for word in (LATEST, NEWEST):
        if text.lower() == word.lower():
            raise UsageError(f"`{text}` is not a version", hint=f"write `{word}`")
    if range_problem(text) is None:
        return Selector(SelectorKind.RANGE, _without_blanks(text))
    problem = version_problem(text)
    hint = problem[1] if problem and text.lower().startswith("v") else None
    raise UsageError(
        f"`{text}` is neither a version nor a range of versions",
        hint=hint or f"{_RANGES}; `{LATEST}`, `{NEWEST}` and `@alias` select a version, too",
    )


class Best:
    """The best of the versions that are offered one after the other, by a selector that is not an alias.

    `project` is the version of the project, which `LATEST` needs. Memory does not grow with the versions.
    """

    def __init__(self, selector: Selector, project: str | None = None) -> None:
        from semantic_version import SimpleSpec

        self.version: str | None = None
        self._kind = selector.kind
        self._text = selector.text
        self._key: tuple[Any, tuple[str, ...]] | None = None
        self._spec = SimpleSpec(selector.text) if selector.kind is SelectorKind.RANGE else None
        self._takes_prereleases = _NAMES_PRERELEASE.search(selector.text) is not None
        self._project = _parsed(project) if project else None

    def offer(self, text: str) -> None:
        """Take a version if the selector allows it and it is higher than those before."""
        if self._kind is SelectorKind.EXACT:
            self.version = text if text == self._text else self.version
            return
        version = _parsed(text)
        if version is None or not self._allows(version):
            return
        key = _order(version)
        if self._key is None or key > self._key:
            self.version, self._key = text, key

    def _allows(self, version: Version) -> bool:
        if version.prerelease and not self._takes_prereleases:
            return False
        if self._spec is not None:
            return bool(self._spec.match(version))
        if self._kind is SelectorKind.LATEST:
            own = self._project
            return own is not None and version.major == own.major and version <= own
        return True


def choose(selector: Selector, versions: Iterable[str], *, project: str | None = None) -> str | None:
    """Return the version that a selector other than an alias takes, None if it takes none."""
    best = Best(selector, project)
    for version in versions:
        best.offer(version)
    return best.version


def in_order(versions: Iterable[str]) -> list[str]:
    """Return versions from the lowest to the highest."""
    parsed = [(_order(version), text) for text in versions if (version := _parsed(text)) is not None]
    return [text for _, text in sorted(parsed)]


def bumped(version: str, part: str) -> str:
    """Return the next version; `part` is one of PARTS. A pre-release becomes the release it precedes, if that fits."""
    parsed = _parsed(version)
    assert parsed is not None, "the caller checks it"
    return str(getattr(parsed, f"next_{part}")())


def _order(version: Version) -> tuple[Any, tuple[str, ...]]:
    """Return what versions are sorted by. The specification does not order builds; their text does."""
    return version.truncate("prerelease"), version.build


def _parsed(text: str) -> Version | None:
    from semantic_version import Version

    try:
        return Version(text)
    except ValueError:
        return None


def _without_blanks(text: str) -> str:
    return "".join(text.split())
