"""project.lock: its form, merges in git, broken ones, and `proj lock`."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from harness import Done, ProjectDir, wait_until

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


@pytest.mark.parametrize(("compat", "resolve"), [("", None), ("", "ours"), ("", "theirs"), ("compat: weasel\n", None)])
def test_a_mixture_of_two_entries_that_git_merged_counts_for_nothing(
    four: ProjectDir, compat: str, resolve: str | None
) -> None:
    """One branch changes a variable, the other one a dep: the entry gets the script of one and the dep of the other."""
    four.write(
        "project.yml",
        compat
        + "vars: {n: 1}\n"
        + 'commands: [{name: copy, script: ["sh copy.sh ${vars.n}"], deps: [copy.sh, in], outputs: [out]}]\n',
    )
    four.write("copy.sh", "(cat in; echo $1) > out\n")
    four.write("in", "old\n")
    four.write(".gitignore", "/out\n/.proj\n")
    four.proj("run", "copy")
    commit(four, "base")
    four.git("checkout", "-q", "-b", "theirs")
    four.write("project.yml", four.read("project.yml").replace("n: 1", "n: 2"))
    four.proj("run", "copy")
    commit(four, "theirs")
    four.git("checkout", "-q", "-b", "ours", "HEAD~")
    four.write("in", "new\n")
    four.proj("run", "copy")
    commit(four, "ours")
    four.git("merge", "-q", "theirs", check=False)
    assert "<<<<<<<" in four.read("project.lock")
    if resolve:
        four.write("project.lock", side_of(four.read("project.lock"), resolve))
    assert stale(four).keys() == {"copy"}
    assert four.proj("run", "copy").code == 0
    assert four.read("out") == "new\n2\n"
    assert stale(four) == {}


def side_of(text: str, side: str) -> str:
    """Return a lock as an editor resolves its conflicts, all to one side."""
    kept = r"\1" if side == "ours" else r"\2"
    return re.sub(r"<{7}.*?\n(.*?)={7}\n(.*?)>{7}.*?\n", kept, text, flags=re.DOTALL)


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


BROKEN = [
    (b"a: [\n", "project.lock:2:1: this is not YAML: "),
    (b"- a\n", "project.lock:1:1: a lock file is a mapping of commands"),
    (b"a: \xff\n", "project.lock:1:4: this is not YAML in UTF-8: "),
    (b"a: " + b"[" * 5000, "project.lock"),
]


@pytest.mark.parametrize(("broken", "problem"), BROKEN, ids=["cut off", "a list", "not UTF-8", "nested deeply"])
def test_a_broken_lock_is_reported_with_its_line_and_kept_beside(four: ProjectDir, broken: bytes, problem: str) -> None:
    four.proj("run", "a")
    (four.path / "project.lock").write_bytes(broken)
    done = four.proj("run", "a")
    assert (done.code, done.err[: len(problem) + 9]) == (0, f"warning: {problem}")
    assert four.files()["project.lock.broken-1"] == broken
    assert four.locked() == ["a"]


@pytest.mark.parametrize(
    "words",
    [
        *([], ["status"], ["status", "--json"], ["log"], ["run", "a", "--dry"], ["push", "--dry"], ["pull", "--dry"]),
        *(
            ["run", "a"],
            ["push"],
            ["pull"],
            ["lock", "accept", "a"],
            ["lock", "accept", "--all"],
            ["lock", "reset", "a"],
        ),
    ],
    ids=" ".join,
)
def test_every_subcommand_reports_a_broken_lock_once(four: ProjectDir, words: list[str]) -> None:
    four.project("remotes: {default: ../remote}\n" + FOUR)
    four.proj("run", "a")
    four.write("project.lock", "a: [\n")
    done = four.proj(*words)
    assert done.code == 0
    assert done.err.count("project.lock:2:1: this is not YAML") == 1, done.err
    if four.read("project.lock") != "a: [\n":
        assert four.read("project.lock.broken-1") == "a: [\n"


@pytest.mark.parametrize(
    "lock",
    [
        "a: {script: 2026-01-01}\n",
        "a: {script: [.nan, .inf]}\n",
        "a: {1: 2, x: 3}\n",
        "1: {script: [x]}\n",
        f"a: {{script: [{10**40}]}}\n",
        "a: " + "{a: " * 20 + "1" + "}" * 20 + "\n",
        '.proj: {format: 1, commands: {a: {entry: "0", run: .nan}}}\n',
        f".proj: {{format: 1, commands: {{a: {{run: {10**40}}}}}}}\n",
    ],
)
def test_values_that_no_lock_holds_count_for_nothing(four: ProjectDir, lock: str) -> None:
    four.proj("run", "a")
    four.write("project.lock", lock)
    for words in (["status"], ["run", "b"], ["lock", "reset", "c"], ["log"], ["status"]):
        assert four.proj(*words).code == 0
    assert "b" in four.lock()


@pytest.mark.parametrize("kind", ["directory", "fifo", "unreadable"])
def test_a_lock_that_is_not_a_readable_file_is_an_error(four: ProjectDir, kind: str) -> None:
    four.proj("run", "a")
    four.remove("project.lock")
    _make(four.path / "project.lock", kind)
    for words in (["status"], ["run", "b"], ["lock", "reset", "a"]):
        done = four.proj(*words)
        assert (done.code, done.err.count("project.lock cannot be read")) == (1, 1)
    assert four.proj("log").code == 0


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling"])
def test_a_journal_or_log_that_is_not_a_readable_file_is_skipped(four: ProjectDir, kind: str) -> None:
    four.proj("run", "a")
    _make(four.path / ".proj/runs/1-1-aa.jsonl", kind)
    _make(four.path / ".proj/runs/past/2-1-aa.jsonl", kind)
    (log,) = (four.path / ".proj/logs").iterdir()
    log.unlink()
    _make(log, kind)
    for words in (
        ["status"],
        ["run", "b"],
        ["log"],
        ["log", "--verbose"],
        ["log", "-v", "--json"],
        ["lock", "reset", "a"],
    ):
        done = four.proj(*words)
        assert done.code == 0, done.err
    assert [run["command"] for run in four.proj("log", "--json").json] == ["a", "b"]


def _make(path: Path, kind: str) -> None:
    """Make something that is not a readable file."""
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere" if kind == "dangling" else "/proc/self/mem")


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


# -- accept and reset -------------------------------------------------------------------------------------------------


def exist(project: ProjectDir, *names: str) -> None:
    for name in names:
        project.write(f"{name}.out", "committed\n")


def test_accept_all_takes_every_command_whose_outputs_exist(four: ProjectDir) -> None:
    four.proj("run", "d")
    exist(four, "a", "b")
    done = four.proj("lock", "accept", "--all")
    assert done.code == 0
    assert [line for line in done.err.splitlines() if line.startswith("✔")] == [
        "✔ a: accepted, though: never ran",
        "✔ b: accepted, though: never ran",
    ]
    assert stale(four).keys() == {"c"}
    again = four.proj("lock", "accept", "--all")
    assert again == Done(0, "", "nothing to accept: no command is out of date whose outputs and deps all exist\n")


def test_accept_takes_the_steps_of_a_workflow_and_reports_each_that_it_cannot(four: ProjectDir) -> None:
    four.project(FOUR + "  - {name: e, script: [echo]}\nworkflows: {all: [a, b, e]}\n")
    exist(four, "a")
    done = four.proj("lock", "accept", "all")
    assert done.code == 1
    assert "✔ a: accepted, though: never ran" in done.err
    assert "✘ `b` cannot be accepted: its output `b.out` does not exist" in done.err
    assert stale(four).keys() == {"b", "c", "d", "e"}


def test_accept_without_names_and_without_a_terminal_names_all(four: ProjectDir) -> None:
    exist(four, "a", "c")
    assert four.proj("lock", "accept") == Done(
        2, "", "error: the names of commands are missing\n  hint: name them, or accept `a`, `c` with `--all`\n"
    )
    assert not four.exists("project.lock")
    assert four.proj("lock", "accept", "a", "--all").code == 2


def test_accept_all_leaves_out_what_failed_or_was_interrupted(four: ProjectDir) -> None:
    four.project("commands: [{name: a, script: [cp a.in a.out, 'false'], deps: [a.in], outputs: [a.out]}]")
    assert four.proj("run", "a").code == 1
    assert "nothing to accept" in four.proj("lock", "accept", "--all").err
    assert four.proj("lock", "accept", "a").code == 0
    assert stale(four) == {}


def test_accept_waits_visibly_and_ends_at_ctrl_c(four: ProjectDir) -> None:
    four.write_wait()
    four.project("commands: [{name: a, script: [sh wait.sh a], outputs: [a.out]}]")
    exist(four, "a")
    running = four.start("run", "a")
    four.wait_for("a")
    accepting = four.start("lock", "accept", "a")
    wait_until(lambda: "a: waiting for `a` of process" in accepting.err, "the wait")
    accepting.signal(signal.SIGINT)
    assert accepting.wait().code == 130
    four.let_go("a")
    assert running.wait().code == 0


def test_reset_makes_a_command_count_as_never_run(four: ProjectDir) -> None:
    four.proj("run", "a", "b")
    done = four.proj("lock", "reset", "a")
    assert done == Done(0, "", "✔ a: counts as never run; its outputs stay\n")
    assert (four.locked(), four.exists("a.out")) == (["b"], True)
