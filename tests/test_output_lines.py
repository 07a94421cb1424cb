"""Output of scripts, cut into lines while it comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.output_lines import LONGEST, PROGRESS_EVERY, OutputLines


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of(data: bytes, piece: int) -> list[bytes]:
    """Return the lines of `data` that comes in pieces of this size, all at the same time."""
    lines = OutputLines(Clock())
    shown = [line for start in range(0, len(data), piece) for line in lines.feed(data[start : start + piece])]
    return [*shown, *lines.end()]


@given(st.binary(max_size=200), st.integers(1, 20))
def test_the_pieces_do_not_matter(data: bytes, piece: int) -> None:
    assert lines_of(data, piece) == lines_of(data, max(len(data), 1))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"10%\r20%\r30%\n", [b"30%"]),
        (b"\r10%\r20%", [b"20%"]),
        (b"", []),
    ],
)
def test_a_line_is_what_a_terminal_would_show_at_its_end(data: bytes, lines: list[bytes]) -> None:
    assert lines_of(data, 1) == lines


def test_a_progress_bar_is_shown_now_and_then_and_at_its_end() -> None:
    clock = Clock()
    lines = OutputLines(clock)
    assert lines.feed(b"10%\r") == []
    clock.now += PROGRESS_EVERY
    assert lines.feed(b"20%\r") == [b"20%"]
    assert lines.feed(b"30%\r") == []
    clock.now += PROGRESS_EVERY
    assert lines.feed(b"100%\r") == [b"100%"]
    assert lines.feed(b"\n") == []  # as shown before
    assert lines.feed(b"100%\n") == [b"100%"]


def test_a_line_without_end_is_shown_in_pieces_and_each_byte_once() -> None:
    data = b"x" * (10 * LONGEST)
    shown = lines_of(data, 1000)
    assert b"".join(shown) == data
    assert max(map(len, shown)) < LONGEST + 1000
