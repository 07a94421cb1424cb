"""`proj document`: the section, and how it gets into a README."""

from __future__ import annotations

import os

import pytest
from harness import ProjectDir

from weaselish.engine.readme import END, START

PROJECT = """\
title: Lines of ${env.who}
description: Counts lines. <!-- not a comment -->
vars: {lines: 2}
env: {who: WHO}
assets:
  - {dest: raw.txt, description: "one | two"}
  - {dest: gone.txt}
  - {dest: words.txt, url: "https://example.org/words.txt"}
  - {dest: recipes, git: {repo: "https://example.org/recipes.git"}}
commands:
  - {name: take, help: "The first ${vars.lines}\\nlines | rows", script: [echo], deps: [raw.txt], outputs: [data.txt]}
  - {name: "a|b `c`", script: [echo], deps: [data.txt], outputs: [count.txt]}
workflows:
  all: [take, "a|b `c`"]
remotes:
  default: s3://bucket/prefix
  lab: {url: "https://ada:secret@example.org/x?sig=abc"}
"""
SECTION = """\
<!-- WEASEL: AUTO-GENERATED DOCS START (do not remove) -->

# Lines of ${env.who}

Counts lines. &lt;!-- not a comment -->

## project.yml

`project.yml` says which files the commands read and produce. `proj` alone lists them. `proj run NAME` runs one of \
them, and whatever it depends on, if out of date.

### Commands

| Command | Description |
| --- | --- |
| `take` | The first 2<br>lines \\| rows |
| `` a\\|b `c` `` |  |

### Workflows

| Workflow | Steps |
| --- | --- |
| `all` | `take` &rarr; `` a\\|b `c` `` |

### Graph

```mermaid
flowchart LR
  s0["take"]
  s1["a|b &#96;c&#96;"]
  s0 --> s1
```

### Assets

| File | Source | Description |
| --- | --- | --- |
| [`raw.txt`](<raw.txt>) | Local | one \\| two |
| `gone.txt` | Local |  |
| `words.txt` | URL |  |
| `recipes` | Git |  |

### Remotes

| Remote | Place |
| --- | --- |
| `default` | `s3://bucket/prefix` |
| `lab` | `https://example.org/x` |

<!-- WEASEL: AUTO-GENERATED DOCS END (do not remove) -->
"""
OLD = {"WEASEL": (START, END), "spaCy": tuple(mark.replace("WEASEL", "SPACY PROJECT") for mark in (START, END))}


@pytest.fixture
def documented(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    project.write("raw.txt")
    return project


def test_the_section(documented: ProjectDir) -> None:
    done = documented.proj("document", "-NE", env={"WHO": "Ada"})
    assert (done.code, done.err) == (0, "")
    assert done.out == SECTION


def test_emoji_stand_in_headings_only(documented: ProjectDir) -> None:
    with_emoji = documented.proj("document").out.splitlines()
    without = documented.proj("document", "--no-emoji").out.splitlines()
    different = [(one, other) for one, other in zip(with_emoji, without, strict=True) if one != other]
    assert len(different) == 7
    assert all(one.startswith("#") and one.split()[2:] == other.split()[1:] for one, other in different)


def test_a_small_project_has_no_empty_tables(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo]}]")
    out = project.proj("document", "-NE").out
    assert [line for line in out.splitlines() if line.startswith("#")] == [
        "# Project",
        "## project.yml",
        "### Commands",
    ]
    project.project("title: T")
    assert "|" not in project.proj("document", "-NE").out


def test_commands_in_a_circle_are_documented_without_one(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, script: [x], deps: [b], outputs: [a]}, {name: b, script: [x], deps: [a], outputs: [b]}]"
    )
    done = project.proj("document")
    assert (done.code, "s0 --> s1" in done.out) == (0, True)


def test_overrides_count(documented: ProjectDir) -> None:
    assert "The first 9<br>" in documented.proj("document", "--vars.lines", "9").out
    assert "The first 8<br>" in documented.proj("document", env={"WEASEL_CONFIG_OVERRIDES": "--vars.lines 8"}).out


@pytest.mark.parametrize("whose", OLD)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_section_is_replaced_in_place(documented: ProjectDir, whose: str, newline: str) -> None:
    start, end = OLD[whose]
    before, after = b"# Mine\xff\t ", b" and more  \n\n".replace(b"\n", newline.encode())
    readme = documented.path / "README.md"
    readme.write_bytes(before + newline.join([start, "old", end]).encode() + after)
    done = documented.proj("document", "-NE", "-o", "README.md", env={"WHO": "Ada"})
    assert (done.code, done.out, done.err) == (0, "", "wrote `README.md`\n")
    assert readme.read_bytes() == before + SECTION.rstrip("\n").replace("\n", newline).encode() + after
    assert documented.proj("document", "-NE", "-o", "README.md").err == "`README.md` is up to date\n"


def test_a_new_or_empty_file_is_written(documented: ProjectDir) -> None:
    documented.write("empty.md", "\n")
    for name in ("new.md", "empty.md"):
        assert documented.proj("document", "-NE", "--output", name).code == 0
        assert documented.read(name) == SECTION


def test_the_file_is_named_from_where_one_stands(documented: ProjectDir) -> None:
    elsewhere = documented.beside("elsewhere")
    assert elsewhere.proj("document", str(documented.path), "-o", "README.md").code == 0
    assert elsewhere.exists("README.md")
    assert not documented.exists("README.md")


def test_a_file_without_a_section_is_kept_but_with_force(documented: ProjectDir) -> None:
    documented.write("README.md", "mine\n")
    done = documented.proj("document", "-o", "README.md")
    assert (done.code, documented.read("README.md")) == (1, "mine\n")
    assert done.err == (
        "error: `README.md` has no section to replace\n"
        "  hint: add the two markers that `proj document` prints, or replace the entire file with `--force`\n"
    )
    assert documented.proj("document", "-NE", "-o", "README.md", "--force").code == 0
    assert documented.read("README.md") == SECTION


@pytest.mark.parametrize(
    "text",
    [START, END, f"{END}\n{START}", f"{START}{START}{END}", f"{START}{END}{START}{END}"],
    ids=["start", "end", "reversed", "two starts", "two sections"],
)
def test_markers_that_are_not_plain_are_refused(documented: ProjectDir, text: str) -> None:
    documented.write("README.md", text)
    done = documented.proj("document", "-o", "README.md")
    assert (done.code, documented.read("README.md")) == (1, text)
    assert "does not have exactly one start marker" in done.err


@pytest.mark.parametrize("whose", ["WEASEL", "SPACY PROJECT"])
def test_a_file_may_ask_to_be_left_alone(documented: ProjectDir, whose: str) -> None:
    text = f"{START}\n{END}\n<!-- {whose}: IGNORE -->\n"
    documented.write("README.md", text)
    done = documented.proj("document", "-o", "README.md", "--force")
    assert (done.code, documented.read("README.md")) == (0, text)
    assert done.err == "warning: `README.md` contains the marker that keeps it unchanged; nothing is written\n"


def test_a_link_stays_a_link(documented: ProjectDir) -> None:
    documented.write("docs/README.md", f"{START}{END}")
    os.symlink("docs/README.md", documented.path / "README.md")
    assert documented.proj("document", "-NE", "-o", "README.md").code == 0
    assert documented.read("docs/README.md") == SECTION.rstrip("\n")
    assert (documented.path / "README.md").is_symlink()


def test_a_place_that_cannot_be_written_is_an_error(documented: ProjectDir) -> None:
    done = documented.proj("document", "-o", "no/such/README.md")
    assert (done.code, done.err) == (1, "error: `no/such/README.md` cannot be written: no such file or directory\n")
    done = documented.proj("document", "-o", ".")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: `.` is a directory, not a file")


def test_text_of_the_project_cannot_end_the_section(project: ProjectDir) -> None:
    project.project(f"title: 'T {END}'\ncommands: [{{name: a, help: '{START}', script: [echo]}}]")
    for _ in range(2):
        assert project.proj("document", "-o", "README.md").code == 0
    assert project.read("README.md").count("(do not remove) -->") == 4
    assert project.read("README.md").count("<!--") == 2


@pytest.mark.parametrize("key", ["title", "description"])
def test_text_of_the_project_cannot_steer_the_terminal(project: ProjectDir, key: str) -> None:
    project.write(
        "project.yml",
        f'{{"{key}": "\\u001b]0;x\\u0007 \\u202e", '
        '"commands": [{"name": "a", "help": "\\u001b[2J", "script": ["echo"]}]}',
    )
    done = project.proj("document")
    assert (done.code, "\x1b" in done.out, "\u202e" in done.out) == (0, False, False)
    assert r"\x1b]0;x\x07 \u202e" in done.out and r"\x1b[2J" in done.out
