"""Secrets in text and in streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weaselish.model.masking import Masker, masked


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("the password is hunter2!", ["hunter2"], "the password is ***!"),
        ("hunter2hunter2", ["hunter2"], "******"),
        ("nothing here", [], "nothing here"),
        ("abcdef abcd", ["abcd", "abcdef"], "*** ***"),
        ("xabcdefx", ["abcd", "cdef"], "x***x"),
        ("abc abc", ["abc"], "abc abc"),
        ("äöüß", ["äöüß"], "***"),
        ("one\r\ntwo and one\ntwo", ["one\ntwo"], "*** and ***"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, secrets: list[str], shown: str) -> None:
    assert masked(text, secrets) == shown


def test_the_end_of_a_piece_is_held_back_only_if_it_may_begin_a_secret() -> None:
    masker = Masker(["hunter2"])
    assert masker.mask(b"password: ") == b"password: "
    assert masker.mask(b"is hun") == b"is "
    assert masker.mask(b"gry") == b"hungry"
    assert masker.mask(b"hunter") == b""
    assert masker.flush() == b"hunter"
    assert masker.mask(b"2") == b"2"


secrets_of_two_letters = st.lists(st.text("ab", min_size=4, max_size=7), max_size=3)


@given(secrets_of_two_letters, st.text("abc", max_size=40), st.lists(st.integers(0, 40), max_size=6))
@example(["aaaa"], "aaaaaaaaaaab", [4, 5, 6, 7])
@example(["abab", "baba"], "cababac", [4, 5])
def test_a_stream_in_pieces_is_masked_as_its_text(secrets: list[str], text: str, cuts: list[int]) -> None:
    masker = Masker(secrets)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [masker.mask(text[start:stop].encode()) for start, stop in pairwise(places)]
    assert (b"".join(pieces) + masker.flush()).decode() == expected(secrets, text)


def expected(secrets: list[str], text: str) -> str:
    """Return `text` with one mask for each run of characters that overlapping secrets cover."""
    ranges = sorted(
        (start, start + len(secret))
        for secret in secrets
        for start in range(len(text))
        if text.startswith(secret, start)
    )
    shown, end = "", 0
    for start, stop in ranges:
        if start >= end:
            shown += text[end:start] + "***"
        end = max(end, stop)
    return shown + text[end:]
