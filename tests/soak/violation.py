"""What a soak looks for."""

from __future__ import annotations


class Violation(AssertionError):
    """Something that must never happen did."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind
