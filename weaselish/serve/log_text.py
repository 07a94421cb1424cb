"""Complete logs as text, with the project's secrets masked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

_LONGEST_LINE = 1 << 20  # bytes of a line that are held back


def masked_lines(blocks: Iterable[bytes], mask: Callable[[str], str]) -> Iterator[bytes]:
    """Yield a log with its secrets masked, some complete lines at a time."""
    rest = b""
    for block in blocks:
        lines, newline, rest = (rest + block).rpartition(b"\n")
        yield _masked(lines + newline, mask)
        if len(rest) > _LONGEST_LINE:
            yield _masked(rest, mask)
            rest = b""
    yield _masked(rest, mask)


def _masked(data: bytes, mask: Callable[[str], str]) -> bytes:
    return mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
