"""project.yml and dotenv files may be anything: each subcommand reports what is wrong, and none hangs or crashes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import ProjectDir

SUBCOMMANDS = [
    [], ["run"], ["run", "a"], ["run", "a", "--dry"], ["status"], ["validate"], ["vars"], ["graph"], ["log"],
    ["document"], ["assets"], ["push"], ["pull"], ["remote", "list"], ["ls"], ["lock", "accept", "a"],
    ["lock", "reset", "a"], ["dvc", "."],
]  # fmt: skip
PROJECT = "dotenv: [.env]\nenv: {x: X}\ncommands: [{name: a, script: ['echo ${env.x}'], outputs: [o]}]\n"


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        current = os.getcwd()
        os.chdir(path.parent)
        server.bind(path.name)
        os.chdir(current)


def huge(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(100 << 20)


def latin_1(path: Path) -> None:
    path.write_bytes("A=1\nB=\u00fc\n".encode("latin-1"))


def identity(path: Path) -> tuple[int, int, int]:
    status = os.lstat(path)
    return status.st_ino, status.st_mode, status.st_size


ODD: dict[Callable[[Path], None], str] = {
    directory: "is a directory, not a file",
    pipe: "is a named pipe, not a file",
    dangling_link: "is a link to `nowhere`, which does not exist",
    link_to_itself: "cannot be read: Too many levels of symbolic links",
    unix_socket: "is a socket, not a file",
    huge: "is larger than",
}


def check_every_subcommand(project: ProjectDir, message: str, place: str = "") -> None:
    for words in SUBCOMMANDS:
        done = project.proj(*words)
        assert (done.code, done.out) == (2, ""), words
        assert f"{place}error: " in done.err
        assert message in done.err
        assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize("make", ODD)
def test_a_project_yml_that_is_not_a_file_of_text_is_an_error(
    project: ProjectDir, make: Callable[[Path], None]
) -> None:
    make(project.path / "project.yml")
    check_every_subcommand(project, f"`project.yml` {ODD[make]}")


def test_a_project_yml_in_another_encoding_is_an_error_with_its_location(project: ProjectDir) -> None:
    (project.path / "project.yml").write_bytes("title: x\nvars: {a: ü}\n".encode("latin-1"))
    check_every_subcommand(project, "this is not YAML in UTF-8: byte 0xfc", "project.yml:2:11: ")


def test_a_project_yml_in_utf_16_is_read(project: ProjectDir) -> None:
    (project.path / "project.yml").write_bytes("commands: [{name: ü, script: ['echo ü']}]".encode("utf-16"))
    assert project.proj("run", "ü").out.endswith("ü\n")


@pytest.mark.parametrize("make", ODD)
def test_a_dotenv_file_that_is_not_a_file_of_text_is_an_error(
    project: ProjectDir, make: Callable[[Path], None]
) -> None:
    project.project(PROJECT)
    make(project.path / ".env")
    check_every_subcommand(project, f"`.env` {ODD[make]}")


def test_a_dotenv_file_in_another_encoding_is_an_error_with_its_location(project: ProjectDir) -> None:
    project.project(PROJECT)
    latin_1(project.path / ".env")
    check_every_subcommand(project, "`.env` is not text in UTF-8: byte 0xfc", ".env:2:3: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X=" + "y" * 200_000, "the value of `X` is longer than 128 KiB"),
        ("\n".join(f"X{n}=0123456789" + f"${{X{n - 1}}}" * 10 for n in range(12)), "`X5` is longer than"),
        ("X=a\0b", "the value of `X` contains a NUL character"),
    ],
)
def test_a_value_in_a_dotenv_file_that_no_process_can_have_is_an_error(
    project: ProjectDir, text: str, message: str
) -> None:
    project.project(PROJECT)
    project.write(".env", text)
    check_every_subcommand(project, message)


def test_a_dotenv_file_may_be_missing_or_empty_or_have_odd_lines(project: ProjectDir) -> None:
    project.project(PROJECT)
    assert project.proj("run", "a", "--dry").code == 0
    for text in ("", "X\n", "\ufeffX=1\n", "=\n'\n\"\n"):
        project.write(".env", text)
        assert project.proj("vars").code == 0


def test_a_dotenv_file_is_read_as_python_dotenv_reads_it(project: ProjectDir) -> None:
    project.project("dotenv: [.env]\nenv: {x: X, y: Y}\ncommands: []\n")
    project.write(".env", "export W=1\nX='a b' # remark\nY=${W}-${HOME_OF_NOBODY:-z}-${X}\n")
    values = {row["name"]: row["value"] for row in project.proj("vars", "--json").json}
    assert values == {"env.x": "a b", "env.y": "1-z-a b"}


LONG = "x" * 300


@pytest.mark.parametrize("word", [LONG, "x/" * 3000, "a\udcffb", "\u00fc" * 200, "'", "a\nb"], ids=range(6))
def test_a_word_of_a_script_line_may_be_any_text(project: ProjectDir, word: str) -> None:
    project.project(
        "commands: [{name: a, script: [\"echo '${vars.word}' ${vars.word}\"], outputs: [x]}]\nvars: {word: x}"
    )
    for words in (["validate"], ["status"], ["run", "a", "--dry"], ["graph"], ["document"]):
        done = project.proj(*words, "--vars.word", word)
        assert done.code in (0, 2)
        assert "Traceback" not in done.err


def test_a_word_on_the_command_line_may_be_any_text(project: ProjectDir) -> None:
    project.project(PROJECT.partition("\n")[2])
    for word in (LONG, "x/" * 3000, "a\udcffb"):
        for words in (["run"], ["status"], ["assets"], ["dvc"], ["push"], ["pull"], ["graph"], ["log"], ["vars"]):
            done = project.proj(*words, word)
            assert done.code in (1, 2), (words, word)


@pytest.mark.parametrize("words", [["document", "-o", "dvc.yaml"], ["dvc"]], ids=" ".join)
@pytest.mark.parametrize("make", [make for make in ODD if make is not dangling_link])
def test_a_file_to_replace_that_is_not_a_file_of_text_is_an_error(
    project: ProjectDir, make: Callable[[Path], None], words: list[str]
) -> None:
    project.project("commands: [{name: a, script: [touch o], outputs: [o]}]\nworkflows: {all: [a]}")
    make(project.path / "dvc.yaml")
    before = identity(project.path / "dvc.yaml")
    done = project.proj(*words, "--force")
    assert (done.code, done.out) == (2, "")
    assert f"error: `dvc.yaml` {ODD[make]}" in done.err
    assert identity(project.path / "dvc.yaml") == before


@pytest.mark.parametrize("path", ["/dev/null", "."])
def test_a_device_is_never_replaced_by_a_document(project: ProjectDir, path: str) -> None:
    project.project("commands: [{name: a, script: ['true']}]")
    before = os.stat(path).st_mode
    done = project.proj("document", "-o", path, "--force")
    assert done.code in (1, 2) and "error: " in done.err
    assert os.stat(path).st_mode == before
