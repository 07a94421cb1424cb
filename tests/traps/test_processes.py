"""What peers get wrong where processes meet, die or leave something behind: one test per row."""

from __future__ import annotations

import signal

import pytest
from harness import ProjectDir, is_alive, kill_line, wait_until


def reasons(project: ProjectDir, name: str) -> list[str]:
    """Why a command is stale; nothing if it is up to date."""
    return [reason for step in project.proj("status", name, "--json").json for reason in step["reasons"]]


def test_r4_all_twelve_succeed_all_twelve_are_recorded(project: ProjectDir) -> None:
    names = [f"step{number:02}" for number in range(12)]
    commands = "".join(
        f"  - {{name: {name}, script: [cp in.txt {name}.txt], deps: [in.txt], outputs: [{name}.txt]}}\n"
        for name in names
    )
    project.project(f"commands:\n{commands}")
    project.write("in.txt", "one")
    running = [project.start("run", name) for name in names]
    assert [done.err for process in running if (done := process.wait()).code] == []
    assert project.locked() == names
    assert project.proj("status", "--check").code == 0


def test_r8_next_time_was_interrupted_push_refuses_it(project: ProjectDir) -> None:
    project.project("""\
        remotes: {default: ../remote}
        commands:
          - name: make
            script: [cp in.txt out.txt, sh wait.sh make, touch end.txt]
            deps: [in.txt]
            outputs: [out.txt, end.txt]
        """)
    project.write_wait()
    project.write("in.txt", "one")
    project.let_go("make")
    project.proj("run", "make")
    assert reasons(project, "make") == []
    for path in ("make.go", "make.running"):
        project.remove(path)
    project.write("in.txt", "two")
    running = project.start("run", "make")
    pid = project.wait_for("make")
    running.signal(signal.SIGKILL)
    assert running.wait().code == -signal.SIGKILL
    kill_line(pid)
    assert reasons(project, "make") == ["was interrupted", "dep changed: in.txt", "output changed: out.txt"]
    project.write("in.txt", "one")
    project.write("out.txt", "one")  # all is as the last success left it, but what else the script did is unknown
    assert reasons(project, "make") == ["was interrupted"]
    assert project.proj("push").err.startswith("– make: not pushed: was interrupted\n")
    assert project.path.parent.joinpath("remote").exists() is False
    project.let_go("make")
    assert "\nmake: was interrupted\n" in project.proj("run", "make").err
    assert reasons(project, "make") == []


GRANDCHILDREN = """\
sh -c 'echo $$ > grandchild.new && mv grandchild.new grandchild; sleep 1000' &
sh wait.sh child
"""


def test_r14_the_whole_process_group_ends_exit_130_state_consistent(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: before, script: [touch one], outputs: [one]}
          - {name: tree, script: [sh tree.sh], deps: [one], outputs: [two]}
        """)
    project.write_wait()
    project.write("tree.sh", GRANDCHILDREN)
    running = project.start("run", "tree")
    child = project.wait_for("child")
    wait_until(lambda: project.exists("grandchild"))
    grandchild = int(project.read("grandchild"))
    assert is_alive(child) and is_alive(grandchild)
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not is_alive(child) and not is_alive(grandchild)
    assert project.locked() == ["before"]
    assert reasons(project, "before") == []
    assert reasons(project, "tree")[0] == "was interrupted"


def test_r16_the_kernel_releases_ours_no_unlock_command_exists(project: ProjectDir) -> None:
    project.project("commands: [{name: make, script: [sh wait.sh make, touch out], outputs: [out]}]")
    project.write_wait()
    running = project.start("run", "make")
    pid = project.wait_for("make")
    busy = project.proj("run", "make", "--no-wait")
    assert busy.code == 1
    assert f"✘ `make` would have to wait for `make` of process {running.pid}\n" in busy.err
    running.signal(signal.SIGKILL)
    running.wait()
    assert project.proj("run", "make", "--no-wait").code == 1, "the script still runs, and holds what it makes"
    kill_line(pid)
    project.let_go("make")
    assert project.proj("run", "make").code == 0
    assert "unlock" not in project.proj("--help").out + project.proj("lock", "--help").out


@pytest.mark.parametrize("damage", [b"", b"\x00" * 100, b'{"digest": 3', None], ids=["empty", "zeros", "other", "cut"])
def test_r17_caches_are_thrown_away_and_rebuilt(project: ProjectDir, damage: bytes | None) -> None:
    project.project("commands: [{name: read, script: [touch out], deps: [data, in.txt], outputs: [out]}]")
    project.write("in.txt")
    project.write("data/a.txt", "one")
    project.proj("run", "read")
    project.proj("status")
    caches = [path for path in (project.path / ".proj/cache").iterdir() if path.name != "clock"]
    assert len(caches) >= 5
    for cache in caches:
        content = cache.read_bytes()
        cache.write_bytes(content[: len(content) // 2] if damage is None else damage)
    for journal in (project.path / ".proj/runs").rglob("*.jsonl"):
        journal.write_bytes(journal.read_bytes()[:-20])
    assert project.proj("status", "--check").code == 0
    project.write("data/a.txt", "two")
    assert reasons(project, "read")[0].startswith("dep changed: data")
    assert project.proj("run", "read").code == 0
    assert reasons(project, "read") == []


def test_r17_a_broken_lock_is_said_with_its_line_counts_as_empty_and_is_kept_beside(project: ProjectDir) -> None:
    project.project("commands: [{name: make, script: [touch out], outputs: [out]}]")
    project.proj("run", "make")
    broken = project.read("project.lock").replace("  script:\n", "  script: }\n")
    project.write("project.lock", broken)
    told = "warning: project.lock:3:11: this is not YAML: "
    done = project.proj("status")
    assert (done.code, done.err[: len(told)]) == (0, told)
    assert "; it counts as empty\n" in done.err
    assert project.read("project.lock") == broken
    done = project.proj("run", "make")
    assert done.code == 0
    assert done.err.startswith(told)
    assert project.read("project.lock.broken-1") == broken
    assert project.locked() == ["make"]
    assert reasons(project, "make") == []


def test_r17_merge_conflict_markers_are_resolved_to_entries_that_verify(project: ProjectDir) -> None:
    project.project("commands: [{name: copy, script: [cp in.txt out.txt], deps: [in.txt], outputs: [out.txt]}]")
    sides = []
    for content in ("one", "two"):
        project.write("in.txt", content)
        project.proj("run", "copy")
        sides.append((content, project.read("project.lock"), project.read("out.txt")))
    conflict = f"<<<<<<< ours\n{sides[0][1]}=======\n{sides[1][1]}>>>>>>> theirs\n"
    for content, lock, out in sides:
        project.write("project.lock", conflict)
        project.write("in.txt", content)
        project.write("out.txt", out)
        assert reasons(project, "copy") == []
        assert project.proj("run", "copy").code == 0
        assert project.read("project.lock") == lock
