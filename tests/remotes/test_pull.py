"""What pull restores, and what it leaves alone."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from harness import ProjectDir, wait_until

from .samples import (
    clone,
    edit_record,
    leftovers,
    lines_of,
    objects,
    outputs,
    pipeline,
    records,
    states,
    twin,
    twins,
)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def test_a_pull_waits_for_a_run_and_does_not_replace_what_it_made(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    text = other.read("project.yml")
    other.write_wait()
    other.project(text.replace("[sh make.sh]", "[sh make.sh, sh wait.sh make]"))
    project.project(other.read("project.yml"))  # the same command, which is let go at once
    project.write_wait()
    project.let_go("make")
    project.proj("run", "make")
    project.proj("push")

    running = other.start("run", "make")
    other.wait_for("make")
    pulling = other.start("pull")
    wait_until(lambda: "waiting for" in pulling.err, "the pull's waiting")
    mine = twin(other)
    other.let_go("make")
    assert running.wait().code == 0
    done = pulling.wait()
    assert (done.code, lines_of(done)) == (0, {"make": "already present"})
    assert twin(other) == mine != twin(project)


def test_a_command_that_was_renamed_is_recorded_under_its_name(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    other.project(other.read("project.yml").replace("name: make", "name: fetch"))
    assert lines_of(other.proj("pull")) == {"fetch": "pulled one.txt, two"}
    assert (other.locked(), states(other)) == (["fetch"], {"fetch": "up to date"})


def test_a_lock_that_was_reset_does_not_hide_what_was_pulled_since(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    assert project.proj("lock", "reset", "make").code == 0
    assert states(project) == {"make": "unrecorded"}
    assert lines_of(project.proj("pull")) == {"make": "already present"}
    assert states(project) == {"make": "up to date"}


def test_a_swap_that_fails_leaves_what_was_there_and_its_record(
    project: ProjectDir, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    other.proj("pull")
    before, old = twin(other), other.read("make.sh")
    project.write("make.sh", f"{old}# another\n")
    project.proj("run", "make")
    project.proj("push")
    other.write("make.sh", project.read("make.sh"))

    rename = os.rename

    def fails(source: Path, target: Path) -> None:
        if target == other.path / "two":
            monkeypatch.undo()
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails)
    done = other.proj("pull")
    assert (done.code, "cannot replace" in done.err, "busy" in done.err) == (1, True, True)
    assert (twin(other), leftovers(other)) == (before, [])
    other.write("make.sh", old)
    assert states(other) == {"make": "up to date"}
    other.write("make.sh", project.read("make.sh"))
    assert lines_of(other.proj("pull")) == {"make": "pulled one.txt, two"}
    assert twin(other) == twin(project)


def test_a_run_killed_half_way_is_mended_by_a_pull(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other", with_lock=True)
    other.project(other.read("project.yml").replace("[sh make.sh]", "[sh make.sh]\n    deps: [make.sh, flag]"))
    shutil.copy(project.path / "project.yml", other.path)
    other.write("wait.sh", "kill -9 $PPID\n")
    other.project(project.read("project.yml").replace("[sh make.sh]", "[sh make.sh, sh wait.sh]"))
    assert other.process("run", "make").code == -9
    shutil.copy(project.path / "project.yml", other.path)
    assert other.proj("status", "--json").json[0]["reasons"][0] == "was interrupted"
    done = other.proj("pull", "--force")
    assert (done.code, lines_of(done)) == (0, {"make": "pulled one.txt, two"})
    assert (states(other), twin(other)) == ({"make": "up to date"}, twin(project))
    assert other.proj("run", "make").err == "✔ all up to date (1 step)\n"


def test_an_output_that_is_kept_nowhere_may_be_absent_but_not_another_run_s(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch out, cp in log], deps: [in], outputs: [out], outputs_no_cache: [log]}}]
        """)
    project.write("in", "one\n")
    project.proj("run", "make")
    project.proj("push")
    other = clone(project, "other")
    other.write("in", "one\n")
    done = other.proj("pull")
    assert (done.code, lines_of(done), states(other)) == (0, {"make": "pulled out"}, {"make": "up to date"})
    assert other.proj("run", "make").err == "✔ all up to date (1 step)\n"

    third = clone(project, "third")
    third.write("in", "one\n")
    third.write("log", "of another run\n")
    done = third.proj("pull")
    assert "  hint: make: `log` is not from this run, so the step will run again\n" in done.err
    assert third.proj("status", "--json").json[0]["reasons"] == ["output changed: log"]


def test_a_log_that_the_run_did_not_write_is_named_too(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch out], outputs: [out], outputs_no_cache: [log]}}]
        """)
    project.proj("run", "make")
    project.proj("push")
    other = clone(project, "other")
    other.write("log", "of another run\n")
    assert "  hint: make: `log` is not from this run, so the step will run again\n" in other.proj("pull").err
    assert other.proj("status", "--json").json[0]["reasons"] == ["output changed: log"]


@pytest.mark.parametrize("with_file", [True, False])
def test_the_metrics_of_a_run_come_with_its_outputs(project: ProjectDir, remote: Path, with_file: bool) -> None:
    """Also if project.lock names the run already, as in a clone in which git keeps the metrics file."""
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands:
          - name: make
            shell: true
            script: ["echo 1 > out; echo '{{\\"accuracy\\": 0.5}}' > metrics.json"]
            outputs: [out]
            metrics: [metrics.json]
        """)
    assert project.proj("run", "make").code == 0
    project.proj("push")
    other = clone(project, "other", with_lock=True)
    if with_file:
        shutil.copy(project.path / "metrics.json", other.path)
    lock = other.read("project.lock")
    assert lines_of(other.proj("pull"))["make"] == "pulled out"
    (measured,) = other.proj("log", "--metrics", "--json").json
    assert measured["values"] == {"accuracy": 0.5}
    assert states(other) == {"make": "up to date"}
    if with_file:
        assert other.read("project.lock") == lock


def test_outputs_that_are_the_same_already_are_not_downloaded(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    other = clone(project, "other")
    shutil.copytree(project.path / "data", other.path / "data", symlinks=True)
    (objects(remote, "data")[0]).unlink()
    done = other.proj("pull", "--command", "prepare")
    assert lines_of(done) == {"prepare": "pulled linked, list of words.txt"}


def test_what_stands_in_place_of_an_output_is_replaced_only_by_force(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    (other.path / "one.txt").mkdir()
    other.write("one.txt/mine", "precious")
    other.write("two", "a file where a directory should be")
    assert other.proj("pull").code == 1
    assert other.read("one.txt/mine") == "precious"
    assert lines_of(other.proj("pull", "--force")) == {"make": "pulled one.txt, two"}
    assert twin(other) == twin(project)


def test_a_dangling_link_in_place_of_an_output_is_not_followed(
    project: ProjectDir, remote: Path, tmp_path: Path
) -> None:
    twins(project, remote).proj("push")
    other = clone(project, "other")
    (other.path / "one.txt").symlink_to(tmp_path / "elsewhere")
    done = other.proj("pull")
    assert (done.code, twin(other)) == (0, twin(project))
    assert not (other.path / "one.txt").is_symlink() and not (tmp_path / "elsewhere").exists()


def test_all_candidates_are_said_and_the_newest_whole_one_is_taken(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    for name in ("second", "third"):
        other = clone(project, name)
        other.proj("run", "make")
        other.proj("push")
    last = clone(project, "last")
    newest = records(remote)[-1]
    done = last.proj("pull", "--dry")
    assert f"  hint: make: 3 runs match: restored {newest.stem}\n" in done.err
    edit_record(newest, outputs=[])
    second = records(remote)[1]
    os.utime(second, (2_000_000_000, 2_000_000_000))
    assert f"  hint: make: 2 runs match: restored {second.stem}\n" in last.proj("pull").err


def test_files_of_other_tools_on_the_remote_are_left_alone(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    for path in (
        "README",
        "data/README",
        ".DS_Store",
        ".proj/runs/note.txt",
        ".proj/runs/0/1.json",
        "x/y/z/a/b",
        "a b/c/d",
    ):
        (remote / path).parent.mkdir(parents=True, exist_ok=True)
        (remote / path).write_bytes(b"\xff\xfe not ours")
    (key,) = {record.parent for record in records(remote) if b'"train"' in record.read_bytes()}
    for name in ("1.json", "two words", "\x1b[2J.json"):
        (key / name).write_bytes(b"\x00{")
    other = clone(project, "other")
    assert lines_of(other.proj("pull"))["train"] == "pulled model.bin"
    assert len(other.proj("ls", "--json").json) == 2
    assert lines_of(project.proj("push"))["train"] == "already on the remote"
    assert outputs(other) == outputs(project)


def test_many_small_and_odd_files_survive_the_way(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [sh make.sh], deps: [make.sh], outputs: [out dir]}}]
        """)
    project.write(
        "make.sh",
        """\
        mkdir -p 'out dir/ein Ü' 'out dir/a/b/c/d' 'out dir/none/at all'
        for i in $(seq 200); do echo $i > "out dir/a/b/$i"; done
        : > 'out dir/empty'
        echo x > 'out dir/100 %25 +plus&=?#'
        printf y > "$(printf 'out dir/nicht-utf8-\\377')"
        ln -s ../a/b/1 'out dir/ein Ü/link'
        echo z > "out dir/$(printf 'n%.0s' $(seq 200))"
        """,
    )
    assert project.proj("run", "make").code == 0
    project.proj("push")
    other = clone(project, "other")
    assert lines_of(other.proj("pull")) == {"make": "pulled out dir"}
    assert outputs(other) == outputs(project)
    assert len(outputs(other)) > 205
    assert (states(other), leftovers(other)) == ({"make": "up to date"}, [])


# -- what a command reads ---------------------------------------------------------------------------------------------


def test_deps_pulls_what_a_command_reads_and_nothing_else(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote)
    assert project.proj("push").code == 0
    other = clone(project, "other", with_lock=True)
    dry = other.proj("pull", "-c", "train", "--deps", "--dry")
    assert (dry.code, lines_of(dry)) == (0, {"prepare": "would pull data, linked, list of words.txt"})
    assert not other.exists("data")
    done = other.proj("pull", "-c", "train", "--deps", "--json")
    assert done.code == 0, done.err
    assert [one["command"] for one in done.json] == ["prepare"]
    assert other.exists("data/a.txt") and not other.exists("model.bin")
    assert states(other) == {"prepare": "up to date", "train": "out of date"}


def test_deps_needs_a_command_and_says_if_it_reads_nothing(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote)
    done = project.proj("pull", "--deps")
    assert (done.code, "`--deps` needs a command" in done.err) == (2, True)
    done = project.proj("pull", "-c", "prepare", "--deps")
    assert (done.code, done.err) == (0, "nothing to pull: `prepare` reads no outputs of others\n")


def test_deps_that_are_on_no_remote_are_an_error(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote)
    assert project.proj("push", "-c", "train").code == 0
    other = clone(project, "other", with_lock=True)
    done = other.proj("pull", "-c", "train", "--deps")
    assert done.code == 1
    assert "prepare: not pulled" in done.err
