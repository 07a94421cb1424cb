"""Output of scripts as HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.serve.pages.ansi import as_html


def inside(text: str) -> str:
    """Return the only line of a log, without the element around it."""
    return as_html(text).removeprefix('<span class="l" id="L1">').removesuffix("\n</span>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
        ("\x1b[31mred\x1b[0m no", '<span class="c1">red</span> no'),
        ("\x1b[1;92mok", '<span class="c10 bold">ok</span>'),
        ("\x1b[1;4mx\x1b[22my\x1b[24mz", '<span class="bold underline">x</span><span class="underline">y</span>z'),
        ("\x1b[38;5;196mx", '<span class="c9">x</span>'),
        ("\x1b[48;2;0;0;255mx\x1b[49my", '<span class="g12">x</span>y'),
        ("\x1b[38;5mx\x1b[38mx\x1b[999mx", "xxx"),
        ("a\x1b[2Kb\x1b]0;title\x07c\x1b[3;4Hd", "abcd"),
        ("10%\r50%\r100%", "100%"),
        ("\x1b[32m10%\r100%", '<span class="c2">100%</span>'),
        ("done\r\n", "done"),
        ("ab\bc", "ac"),
        ("\x00\x07\u202e", "\\x00\\x07\\u202e"),
        ("\x1b[31m<i>\x1b", '<span class="c1">&lt;i&gt;</span>'),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert inside(text) == shown


def test_a_style_goes_on_in_the_next_line() -> None:
    assert as_html("\x1b[31ma\nb") == (
        '<span class="l" id="L1"><span class="c1">a</span>\n</span>'
        '<span class="l" id="L2"><span class="c1">b</span>\n</span>'
    )


@given(st.text(st.sampled_from("\x1b[]0123456789;m<>&\"'\r\n\b\tab\x07\x00\u202e")))
def test_no_text_makes_an_element_of_its_own(text: str) -> None:
    html = str(as_html(text))
    assert html.count("<") == html.count("<span class=") + html.count("</span>")
    assert html.count("<span class=") == html.count("</span>")
    assert "\x1b" not in html and "\u202e" not in html
