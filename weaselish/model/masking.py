"""Replaces secrets in text that is shown or stored, also in a stream that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weaselish.resolved_secrets import MASK, SHORTEST

_MASK = MASK.encode()


class Masker:
    """Masks secrets in one stream of bytes, even where a secret is split between two pieces.

    The end of a piece that may be the beginning of a secret is held back until the next piece, or `flush`.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({form for secret in secrets for form in _forms(secret)})
        self._longest = max(map(len, self._secrets), default=0)
        self._held = b""
        self._masked = 0  # bytes at the start of `_held` for which a mask was already returned

    def mask(self, data: bytes) -> bytes:
        """Return what may be passed on of the stream after `data`."""
        if not self._secrets:
            return data
        data = self._held + data
        return self._pass_on(data, self._start_of_possible_secret(data))

    def flush(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        return self._pass_on(self._held, len(self._held))

    def _pass_on(self, data: bytes, end: int) -> bytes:
        """Mask `data` up to `end` and hold back the rest."""
        pieces = []
        position = self._masked
        for start, stop in self._secret_ranges(data):
            if start >= end:
                break
            if start >= position:
                pieces += [data[position:start], _MASK]
            position = max(position, stop)
        pieces.append(data[position:end])
        self._held, self._masked = data[end:], max(0, position - end)
        return b"".join(pieces)

    def _secret_ranges(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the ranges of `data` that hold secrets, in order. Overlapping ones are joined."""
        begin, end = 0, 0
        for start, stop in sorted(found for secret in self._secrets for found in _occurrences(secret, data)):
            if start < end:
                end = max(end, stop)
                continue
            if end:
                yield begin, end
            begin, end = start, stop
        if end:
            yield begin, end

    def _start_of_possible_secret(self, data: bytes) -> int:
        return min((_start_at_end(secret, data) for secret in self._secrets), default=len(data))


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with all secrets masked."""
    masker = Masker(secrets)
    data = text.encode("utf-8", "surrogateescape")
    return (masker.mask(data) + masker.flush()).decode("utf-8", "surrogateescape")


def _forms(secret: str) -> Iterator[bytes]:
    """Yield the bytes by which a secret appears in output. A terminal writes a line feed as two bytes."""
    if len(secret) >= SHORTEST:
        data = secret.encode("utf-8", "surrogateescape")
        yield data
        if b"\n" in data:
            yield data.replace(b"\n", b"\r\n")


def _occurrences(secret: bytes, data: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = data.find(secret, start + 1)


def _start_at_end(secret: bytes, data: bytes) -> int:
    """Return where the end of `data` may be the beginning of `secret`; its length if nowhere."""
    start = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while start >= 0 and not secret.startswith(data[start:]):
        start = data.find(secret[:1], start + 1)
    return start if start >= 0 else len(data)
