"""Names from project.yml, disk, scripts and remotes cannot steer the terminal."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.terminal import printable

EVIL = "e\x1b[2J\x07\u202ev\nil"
SHOWN = "e\\x1b[2J\\x07\\u202ev\\nil"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße → ☃ 👩\u200d🔬 a\u00a0b", "Grüße → ☃ 👩\u200d🔬 a\u00a0b"),
        (EVIL, SHOWN),
        ("\r\t\x00\x9b\x7f", "\\r\\t\\x00\\x9b\\x7f"),
        ("\u2066a\u2069\u2028\u200e", "\\u2066a\\u2069\\u2028\\u200e"),
        ("\udcff", "\\udcff"),
    ],
)
def test_control_characters_and_direction_marks_are_escaped_once(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_line_ends_may_be_kept() -> None:
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.fixture
def evil(project: ProjectDir) -> ProjectDir:
    """A project whose texts, dep and output hold control characters."""
    project.project("""\
        title: "e\\e[2J\\a\\u202ev"
        description: "e\\e[2J"
        vars: {x: "e\\e[2J"}
        commands:
          - name: "e\\e[2J\\a\\u202ev"
            help: "e\\e[2J"
            script: [touch out]
            deps: ["e\\e[2J\\a\\u202ev"]
            outputs: [out]
          - {name: missing, script: [touch x], deps: ["not\\e[2J"], outputs: [x], confirm: "e\\e[2J"}
        workflows: {"all\\e[2J": ["e\\e[2J\\a\\u202ev"]}
        remotes: {default: ../remote}
        """)
    project.write("e\x1b[2J\x07\u202ev")
    return project


NAME = "e\x1b[2J\x07\u202ev"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["run", NAME],
        ["run", NAME, "-j2"],
        ["run", "missing"],
        ["run", NAME, "--dry"],
        ["run", NAME, "--help"],
        ["run", "e\x1b[2J"],
        ["status"],
        ["status", "--json"],
        ["log"],
        ["graph"],
        ["graph", "--dot"],
        ["graph", "--mermaid"],
        ["vars"],
        ["validate"],
        ["push"],
        ["pull"],
        ["ls"],
        ["lock", "accept", NAME],
        ["lock", "reset", NAME],
        ["\x1b[2J"],
        ["push", "\x1b[2J"],
        ["run", "--\x1b[2J"],
    ],
    ids=repr,
)
def test_no_subcommand_prints_a_control_character(evil: ProjectDir, words: list[str]) -> None:
    evil.proj("run", NAME)
    evil.proj("push")
    done = evil.proj(*words)
    for char in ("\x1b", "\x07", "\u202e"):
        assert char not in done.out + done.err
