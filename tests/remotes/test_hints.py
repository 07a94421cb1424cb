"""Each hint of push and pull helps: these tests do what it says."""

from __future__ import annotations

import gzip
import os
import pwd
from pathlib import Path

import pytest
from harness import ProjectDir

from .samples import clone, intact_runs, lines_of, objects, records, twin, twins


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def test_repair_replaces_a_broken_object_of_the_right_size(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (path,) = objects(remote, "one.txt")
    intact = path.read_bytes()
    path.write_bytes(intact[:-9] + b"x" + intact[-8:])
    broken = f"broken: `{path.relative_to(remote)}` is not what it should be (`--repair` replaces it)"
    assert lines_of(project.proj("push", "--verify")) == {"make": f"not pushed: {broken}"}
    assert lines_of(project.proj("push", "--repair", "--dry")) == {"make": "would push 1 output, 19.5 KiB"}
    assert lines_of(project.proj("push", "--repair")) == {"make": "pushed 1 output, 19.5 KiB"}
    assert path.read_bytes() == intact
    assert lines_of(project.proj("push", "--verify")) == {"make": "already on the remote"}


@pytest.mark.parametrize("words", [["--repair"], ["--repair", "-c", "make"], ["--repair", "--verify"]], ids=" ".join)
def test_repair_replaces_a_truncated_object_and_a_broken_record(
    project: ProjectDir, remote: Path, words: list[str]
) -> None:
    twins(project, remote).proj("push")
    (path,) = objects(remote, "two")
    path.write_bytes(path.read_bytes()[:100])
    (record,) = records(remote)
    record.write_bytes(b"{")
    assert project.proj("push").code == 1
    assert lines_of(project.proj("push", *words)) == {"make": "pushed 1 output, 19.5 KiB"}
    assert len(intact_runs(remote)) == 1


def test_repair_leaves_intact_objects_unchanged(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    before = {path: path.stat().st_ino for path in remote.rglob("*") if path.is_file()}
    assert lines_of(project.proj("push", "--repair")) == {"make": "already on the remote"}
    assert {path: path.stat().st_ino for path in remote.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("subcommand", ["push", "pull", "ls"])
def test_the_home_of_an_unknown_user_is_an_error_with_the_other_meaning(
    project: ProjectDir, remote: Path, subcommand: str
) -> None:
    twins(project, remote)
    done = project.proj(subcommand, "~no-such-user/store")
    hint = "  hint: a directory of that name is `./~no-such-user/store`\n"
    assert (done.code, done.err) == (
        1,
        f"error: `~no-such-user/store`: there is no user `no-such-user` here\n{hint}",
    )
    (project.path / "~no-such-user").mkdir()
    assert project.proj("push", "./~no-such-user/store").code == 0
    assert objects(project.path / "~no-such-user/store", "one.txt")


@pytest.mark.parametrize("words", [["push"], ["push", "~/store"], ["status", "--remote", "default"]], ids=" ".join)
def test_an_unknown_home_directory_is_an_error(
    project: ProjectDir, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that runs as a number without a name."""

    def no_user(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    twins(project, Path("~/store"))
    del project.environ["HOME"]
    monkeypatch.setattr(pwd, "getpwuid", no_user)
    done = project.proj(*words)
    message = "`~/store`: your home directory is not known\n  hint: set HOME, or write an absolute path\n"
    assert done.code == 1
    assert message in done.err
    assert not project.exists("~")


def test_verify_reads_what_no_record_vouches_for(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (record,) = records(remote)
    record.unlink()
    (path,) = objects(remote, "one.txt")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 0))  # another size, the same content
    assert "(`--verify` reads it)" in lines_of(project.proj("push"))["make"]
    assert lines_of(project.proj("push", "--verify")) == {"make": "recorded"}
    assert len(intact_runs(remote)) == 1


def test_force_replaces_what_exists_only_locally(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    other.write("one.txt", "mine")
    assert "(`--force` replaces it)" in lines_of(other.proj("pull"))["make"]
    assert lines_of(other.proj("pull", "--force")) == {"make": "pulled one.txt, two"}
    assert twin(other) == twin(project)


def test_a_remote_can_be_defined_or_named_by_its_path(project: ProjectDir, remote: Path) -> None:
    twins(project, remote)
    text = project.read("project.yml").replace(f"remotes:\n  default: {remote}\n", "")
    project.project(text)
    done = project.proj("push")
    assert "hint: define it in project.yml: `remotes: {default: ../cache}`, or name a path" in done.err
    assert lines_of(project.proj("push", "./cache")) == {"make": "pushed 2 outputs, 39.1 KiB"}
    project.project("remotes: {default: ../cache}\n" + text)
    assert lines_of(project.proj("push")) == {"make": "pushed 2 outputs, 39.1 KiB"}
    assert len(intact_runs(project.path.parent / "cache")) == 1


def test_removing_read_only_allows_the_push(project: ProjectDir, remote: Path) -> None:
    twins(project, remote)
    text = project.read("project.yml")
    project.project(text.replace(f"default: {remote}", f"default: {{url: '{remote}', read_only: true}}"))
    assert "hint: remove `read_only: true` to push to it" in project.proj("push").err
    project.project(project.read("project.yml").replace(", read_only: true", ""))
    assert project.proj("push").code == 0


@pytest.mark.parametrize("has_log", [True, False], ids=["with the log", "without the log"])
def test_a_pull_keeps_the_run_id_only_if_the_outputs_that_are_not_cached_agree(
    project: ProjectDir, remote: Path, *, has_log: bool
) -> None:
    """Without the log, the local state is not the one of that run: it gets an id of its own."""
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch out, cp in log], deps: [in], outputs: [out], outputs_no_cache: [log]}}]
        """)
    project.write("in", "one\n")
    project.proj("run", "make")
    project.proj("push")
    (record,) = records(remote)
    other = clone(project, "other")
    other.write("in", "one\n")
    if has_log:
        other.write("log", "one\n")
    assert lines_of(other.proj("pull")) == {"make": "pulled out"}
    (step,) = other.proj("status", "--json").json
    assert step["state"] == "up to date"
    assert (step["run"] == int(record.stem)) == has_log
    assert os.path.exists(other.path / "log") == has_log
    assert lines_of(other.proj("push"))["make"] in ("already on the remote", "recorded")


def test_all_remotes_are_tested_even_after_a_failure(project: ProjectDir) -> None:
    project.write("file")
    project.project("remotes: {first: ./file, default: ../remote}")
    done = project.proj("remote", "test")
    assert done.code == 1
    assert "  write: failed\ndefault: ../remote\n" in done.out
    assert done.out.count(": ok, ") == 5
    assert done.err.startswith("error: remote `first`")
    project.project("commands: []")
    assert project.proj("remote", "test").code == 2
