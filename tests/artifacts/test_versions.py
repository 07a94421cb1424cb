"""Which version a selector takes."""

from __future__ import annotations

import pytest

from weaselish.errors import UsageError
from weaselish.model.versions import bumped, choose, in_order, parse_selector, range_problem, version_problem

LATEST = [  # the project's version, the versions on the remote, what LATEST takes
    ("1.5.0", "", None),
    ("1.5.0", "1.5.0", "1.5.0"),
    ("1.5.0", "1.4.0 1.5.0 1.6.0", "1.5.0"),
    ("1.5.0", "1.6.0 2.0.1", None),
    ("1.5.0", "0.9.0 2.0.0", None),
    ("1.5.0", "1.9.0 1.10.0", None),
    ("1.99.0", "1.9.0 1.10.0 1.2.0", "1.10.0"),
    ("1.10.0", "1.9.0 1.10.0 1.11.0", "1.10.0"),
    ("1.5.0", "1.5.0-rc.1", None),
    ("1.5.0", "1.4.9 1.5.0-rc.1", "1.4.9"),
    ("1.5.0-rc.1", "1.4.0 1.5.0-rc.1", "1.4.0"),
    ("1.5.0-rc.1", "1.5.0", None),
    ("2.0.0", "1.0.0 1.9.9", None),
    ("2.0.0", "2.0.0 1.9.9", "2.0.0"),
    ("2.3.4", "2.0.0 2.3.3 2.3.5 3.0.0", "2.3.3"),
    ("0.5.0", "0.1.0 0.4.9 0.6.0", "0.4.9"),
    ("0.5.0", "0.1.0", "0.1.0"),
    ("0.0.3", "0.0.1 0.0.2 0.0.4", "0.0.2"),
    ("0.1.0", "1.0.0", None),
    ("1.0.0", "0.9.9", None),
    ("1.0.0", "1.0.0 1.0.1", "1.0.0"),
    ("1.0.1", "1.0.0 1.0.1 1.0.2", "1.0.1"),
    ("1.2.3", "1.2.3+build.5", "1.2.3+build.5"),
    ("1.2.3", "1.2.2 1.2.3+a 1.2.3+b", "1.2.3+b"),
    ("10.0.0", "9.9.9 10.0.0", "10.0.0"),
    ("1.5.0", "v1.4.0 1.3.0", "1.3.0"),
    ("1.5.0", "1.4 1.3.0", "1.3.0"),
    ("1.5.0", "01.4.0 1.3.0", "1.3.0"),
    ("1.5.0", "latest 1.0.0.0 1.0.0", "1.0.0"),
    ("1.5.0", "1.5.0-alpha 1.5.0-beta 1.4.0-rc.1 1.0.0", "1.0.0"),
    ("1.18446744073709551616.0", "1.18446744073709551615.0", "1.18446744073709551615.0"),
    ("3.1.4", "3.1.4-rc.1 3.1.4-rc.2 3.1.3+x", "3.1.3+x"),
]

SELECTED = [  # what is asked for, the versions on the remote, what it takes
    ("newest", "1.9.0 1.10.0 2.0.0-rc.1", "1.10.0"),
    ("newest", "2.0.0-rc.1", None),
    ("newest", "", None),
    ("^1.2", "1.1.9 1.2.0 1.9.3 2.0.0", "1.9.3"),
    ("^1.2", "1.3.0-rc.1 1.2.0", "1.2.0"),
    ("^0.3", "0.3.1 0.4.0", "0.3.1"),
    ("^0.0.3", "0.0.3 0.0.4", "0.0.3"),
    ("~1.4", "1.4.0 1.4.7 1.5.0", "1.4.7"),
    (">=1,<3", "0.9.0 2.9.9 3.0.0", "2.9.9"),
    (">= 1, < 3", "0.9.0 2.9.9 3.0.0", "2.9.9"),
    (">=2.0.0-rc.1", "2.0.0-rc.1 2.0.0-rc.2 1.0.0", "2.0.0-rc.2"),
    ("1.4", "1.4.0 1.4.2 1.5.0", "1.4.2"),
    ("*", "0.1.0 3.0.0 4.0.0-a", "3.0.0"),
    ("1.4.0", "1.4.0 1.4.1", "1.4.0"),
    ("2.0.0-rc.1", "2.0.0-rc.1 2.0.0", "2.0.0-rc.1"),
    ("1.4.0", "1.4.1", None),
]


@pytest.mark.parametrize(("project", "versions", "expected"), LATEST)
def test_latest_is_the_highest_compatible_version(project: str, versions: str, expected: str | None) -> None:
    assert choose(parse_selector("LATEST"), versions.split(), project=project) == expected
    assert choose(parse_selector("LATEST"), versions.split()[::-1], project=project) == expected


@pytest.mark.parametrize(("wanted", "versions", "expected"), SELECTED)
def test_a_selector_takes_the_highest_version_that_fits(wanted: str, versions: str, expected: str | None) -> None:
    assert choose(parse_selector(wanted), versions.split()) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("latest", "write `LATEST`"),
        ("Newest", "write `newest`"),
        ("v1.4.0", "leave out the `v`: `1.4.0`"),
        ("one", "ranges are"),
        ("^", "ranges are"),
        ("1.2.3.4", "ranges are"),
        ("", "ranges are"),
    ],
)
def test_what_selects_nothing_is_refused_with_the_nearest_form(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selector(text)
    assert hint in str(caught.value.hint)


def test_versions_and_ranges_have_problems_with_hints() -> None:
    assert version_problem("1.4.0") is version_problem("1.4.0-rc.1+x") is range_problem("^1.2") is None
    assert version_problem("1.4") == ("`1.4` is not a version: it needs three numbers", "for example `1.4.0`")
    assert version_problem("1." + "4" * 300 + ".0") is not None
    assert range_problem("about 1") is not None


def test_versions_are_ordered_as_their_specification_says() -> None:
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.9.0",
        "1.10.0",
    ]
    assert in_order(reversed(ordered)) == ordered


def test_a_bump_raises_one_number() -> None:
    assert [bumped("1.4.2", part) for part in ("major", "minor", "patch")] == ["2.0.0", "1.5.0", "1.4.3"]
    assert bumped("1.5.0-rc.1", "patch") == bumped("1.5.0-rc.1", "minor") == "1.5.0"
