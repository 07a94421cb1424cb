"""project.lock: what it looks like, what git does with it, and what is done with one that is broken."""

from __future__ import annotations

import os
import re

import pytest
from harness import Done, ProjectDir

FOUR = "commands:\n" + "".join(
    f"  - {{name: {name}, script: [cp {name}.in {name}.out], deps: [{name}.in], outputs: [{name}.out]}}\n"
    for name in ("a", "b", "c", "d")
)


@pytest.fixture
def four(project: ProjectDir) -> ProjectDir:
    """Four commands that have nothing to do with each other, in a git repository that does not keep their outputs."""
    project.project(FOUR)
    for name in "abcd":
        project.write(f"{name}.in", "base\n")
    project.write(".gitignore", "*.out\n")
    project.git("init", "-q")
    return project


def commit(project: ProjectDir, message: str) -> None:
    project.git("add", "-A")
    project.git("commit", "-q", "-m", message)


def stale(project: ProjectDir) -> dict[str, list[str]]:
    """The commands that are not up to date, with why."""
    return {step["step"]: step["reasons"] for step in project.proj("status", "--json").json if step["reasons"]}


def rerun_on_branch(project: ProjectDir, branch: str, name: str, content: str) -> None:
    """From main, a branch on which a command's dep has another content and the command was run again."""
    project.git("checkout", "-q", "main")
    project.git("checkout", "-q", "-b", branch)
    for other in "abcd":
        project.write(f"{other}.out", "base\n")
    project.write(f"{name}.in", content)
    assert project.proj("run", name).code == 0
    commit(project, branch)


# -- its form ---------------------------------------------------------------------------------------------------------


def test_an_entry_has_weasels_four_keys_and_ours_lie_apart(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: b, script: [touch x], outputs: [x]}
          - {name: a, script: [cp x y], deps: [x], outputs: [y], outputs_no_cache: [log], env: {E: "1"}, workdir: ./}
        """)
    project.proj("run", "a")
    lock = project.lock()
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    assert list(lock) == ["b", "a", ".proj"]
    assert lock["a"] == {
        "cmd": "proj run a",
        "script": ["cp x y"],
        "deps": [{"path": "x", "md5": empty}],
        "outs": [{"path": "y", "md5": empty}, {"path": "log", "md5": None}],
    }
    block = lock[".proj"]["commands"]["a"]
    assert block.keys() == {"entry", "run", "key", "env", "outputs_no_cache"}
    assert lock[".proj"]["format"] == 1


def test_nothing_in_it_tells_of_the_host_the_place_or_the_user(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, script: [cp in out], deps: [in], outputs: [out], env: {H: '${env.h}'}}]\nenv: {h: HOME}"
    )
    project.write("in")
    project.proj("run", "a")
    text = project.read("project.lock")
    for telling in (str(project.path), os.uname().nodename, project.environ["HOME"]):
        assert telling not in text


def test_a_run_that_changes_nothing_leaves_it_untouched(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    before = os.stat(four.path / "project.lock")
    four.proj("run", "a", "b")
    after = os.stat(four.path / "project.lock")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_entries_stand_in_the_order_of_the_file_whatever_ran_first(four: ProjectDir) -> None:
    for name in "dbac":
        four.proj("run", name)
    assert four.locked() == ["a", "b", "c", "d"]


def test_an_entry_of_a_command_that_is_no_more_is_kept(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    entry = four.lock()["a"]
    four.project(FOUR.replace("name: a", "name: renamed"))
    four.proj("run", "c")
    assert four.locked() == ["b", "c", "a"]
    assert four.lock()["a"] == entry


def test_an_entry_that_was_edited_counts_only_as_far_as_it_verifies(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    digest = four.lock()["a"]["deps"][0]["md5"]
    text = four.read("project.lock")
    four.write("project.lock", text.replace(digest, "0" * 32, 1))
    assert stale(four).keys() == {"a", "c", "d"}
    assert stale(four)["a"] == ["dep changed: a.in"]


def test_a_clone_without_our_state_knows_what_the_lock_says(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    other = four.beside("other")
    for path, content in four.files().items():
        if not path.startswith((".proj", ".git")) and content is not None:
            (other.path / path).write_bytes(content)
    assert stale(other).keys() == {"c", "d"}
    assert not other.exists(".proj")


def test_without_a_lock_all_counts_as_never_run(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    four.remove("project.lock")
    assert stale(four)["a"] == ["never ran"]


# -- git --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("b", "c"), ("a", "d"), ("d", "a")])
def test_two_branches_that_ran_different_commands_merge_cleanly(four: ProjectDir, one: str, other: str) -> None:
    four.proj("run", "a", "b", "c", "d")
    commit(four, "base")
    rerun_on_branch(four, "ours", one, "ours\n")
    rerun_on_branch(four, "theirs", other, "theirs\n")
    four.git("checkout", "-q", "ours")
    four.git("merge", "-q", "theirs", "-m", "merged")
    for name in "abcd":
        four.write(f"{name}.out", four.read(f"{name}.in"))
    assert four.locked() == ["a", "b", "c", "d"]
    assert stale(four) == {}


@pytest.mark.parametrize("style", ["merge", "diff3"])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_conflict_is_resolved_to_the_entry_that_verifies(four: ProjectDir, style: str, side: str) -> None:
    four.proj("run", "a", "b", "c", "d")
    commit(four, "base")
    rerun_on_branch(four, "ours", "b", "ours\n")
    rerun_on_branch(four, "theirs", "b", "theirs\n")
    four.git("checkout", "-q", "ours")
    four.git("-c", f"merge.conflictStyle={style}", "merge", "-q", "theirs", check=False)
    assert "<<<<<<<" in four.read("project.lock")
    four.git("checkout", f"--{side}", "b.in")
    four.write("b.out", f"{side}\n")
    assert stale(four) == {}
    assert "<<<<<<<" in four.read("project.lock"), "a question changes nothing"
    assert four.proj("run", "b") == Done(0, "", "✔ all up to date (1 step)\n")
    assert four.read("project.lock") == four.git("show", f"{side}:project.lock")


def test_a_conflict_that_nothing_on_the_disk_bears_out_is_a_reason_to_run(four: ProjectDir) -> None:
    four.proj("run", "a", "b", "c", "d")
    commit(four, "base")
    rerun_on_branch(four, "ours", "b", "ours\n")
    rerun_on_branch(four, "theirs", "b", "theirs\n")
    four.git("checkout", "-q", "ours")
    four.git("merge", "-q", "theirs", check=False)
    four.write("b.in", "both\n")
    assert stale(four).keys() == {"b"}
    assert stale(four)["b"][0] == "dep changed: b.in"
    assert four.proj("run", "b").code == 0
    assert stale(four) == {}
    assert four.locked() == ["a", "b", "c", "d"]
    assert not re.search("^[<=>|]{7}", four.read("project.lock"), re.MULTILINE)


def test_branches_that_each_ran_a_command_for_the_first_time_conflict_and_both_are_kept(four: ProjectDir) -> None:
    four.proj("run", "a")
    commit(four, "base")
    four.git("checkout", "-q", "-b", "ours")
    four.proj("run", "b")
    commit(four, "ours")
    four.git("checkout", "-q", "main")
    four.git("checkout", "-q", "-b", "theirs")
    four.proj("run", "c")
    commit(four, "theirs")
    four.git("merge", "-q", "ours", check=False)
    assert stale(four).keys() == {"d"}
    assert four.proj("run", "d").code == 0
    assert four.locked() == ["a", "b", "c", "d"]
    assert stale(four) == {}


# -- one that cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (b"a: [\n", "project.lock:2:1: this is not YAML: "),
        (b"- a\n", "project.lock:1:1: a lock file is a mapping of commands"),
        (b"a: \xff\n", "project.lock: this is not YAML in UTF-8: "),
    ],
)
def test_a_broken_lock_is_said_with_its_place_counts_as_empty_and_is_kept_beside(
    four: ProjectDir, broken: bytes, told: str
) -> None:
    four.proj("run", "a")
    (four.path / "project.lock").write_bytes(broken)
    for words in (["status"], ["run", "a", "--dry"], []):
        done = four.proj(*words)
        assert done.code == 0
        assert four.files()["project.lock"] == broken
    assert four.proj("status").err.startswith(f"warning: {told}")
    done = four.proj("run", "a")
    assert (done.code, done.err[: len(told) + 9]) == (0, f"warning: {told}")
    assert four.files()["project.lock.broken-1"] == broken
    assert four.locked() == ["a"]


@pytest.mark.parametrize(
    "lock", ["a: 1\n", "a: {script: 3}\n", ".proj: []\n", ".proj: {format: x, commands: {a: {run: x}}}\n", "# empty\n"]
)
def test_entries_that_make_no_sense_count_for_nothing(four: ProjectDir, lock: str) -> None:
    four.write("project.lock", lock)
    assert four.proj("status", "a").code == 0
    assert four.proj("run", "a").code == 0
    assert four.lock()["a"]["cmd"] == "proj run a"
    assert stale(four).keys() == {"b", "c", "d"}


def test_a_lock_of_a_later_format_is_refused_and_left_as_it_is(four: ProjectDir) -> None:
    four.proj("run", "a")
    text = four.read("project.lock").replace("format: 1", "format: 2")
    four.write("project.lock", text)
    told = "error: project.lock was written by a newer proj (format 2)\n  hint: update proj\n"
    for words in (["status"], ["run", "a"], ["run", "b"]):
        assert four.proj(*words) == Done(1, "", told)
    assert four.read("project.lock") == text
