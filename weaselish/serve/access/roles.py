"""The roles of visitors, and the visitor that a request comes from."""

from __future__ import annotations

from enum import IntEnum

from weaselish.errors import UnknownName
from weaselish.named_tuple import NamedTuple


class Role(IntEnum):
    """What a visitor may do. Each role may do what those below it may."""

    VIEWER = 1  # read
    RUNNER = 2  # start and stop runs, accept, push, pull
    ADMIN = 3  # see the audit log, manage accounts

    @property
    def label(self) -> str:
        """The word for it in settings and pages."""
        return self.name.lower()

    @classmethod
    def named(cls, word: str) -> Role:
        """Return the role of a word. Raises UnknownName."""
        names = [role.label for role in cls]
        if word not in names:
            raise UnknownName("role", word, names)
        return cls[word.upper()]


class Visitor(NamedTuple):
    """A visitor. `session` is None if the request has a token instead of a cookie."""

    name: str
    role: Role
    session: str | None = None
