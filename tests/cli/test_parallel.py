"""Several steps at a time, and several processes of `proj` in one project."""

from __future__ import annotations

import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import ProjectDir, wait_until

from weaselish.engine.run import step
from weaselish.engine.run.staleness import Staleness, check_staleness
from weaselish.model.project import Command
from weaselish.workspace import Workspace


def unstamped(lock: str) -> str:
    """project.lock without the run ids, which are times."""
    return re.sub(r"( run: )\d+", r"\1…", lock)


# -- in one process ---------------------------------------------------------------------------------------------------


def test_steps_that_do_not_need_each_other_run_at_the_same_time(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, shell: true, script: [touch b.go, sh wait.sh a]}
          - {name: b, shell: true, script: [touch a.go, sh wait.sh b]}
        """)
    project.write_wait()
    done = project.proj("run", "a", "b", "-j2")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [
        "a | Running command: sh wait.sh a",
        "a | Running command: touch b.go",
        "b | Running command: sh wait.sh b",
        "b | Running command: touch a.go",
    ]


def test_in_parallel_output_comes_in_whole_lines_with_the_name_before_it(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: short, script: [printf 'one\\ntw', printf 'o\\nthree']}
          - {name: longer-name, script: [seq 3]}
        """)
    lines = project.proj("run", "short", "longer-name", "-j2").out.splitlines()
    assert [line for line in lines if line.startswith("short ")] == [
        "short       | Running command: printf 'one\\ntw'",
        "short       | one",
        "short       | twRunning command: printf 'o\\nthree'",
        "short       | o",
        "short       | three",
    ]
    assert [line for line in lines if line.startswith("longer-name | ")][1:] == [
        f"longer-name | {n}" for n in (1, 2, 3)
    ]
    assert len(lines) == 9


def test_holders_of_one_mutex_never_run_at_the_same_time(project: ProjectDir) -> None:
    names = [f"step{number}" for number in range(8)]
    commands = "".join(
        f"  - {{name: {name}, shell: true, script: [mkdir held && echo {name} && rmdir held], mutex: [gpu, {name}]}}\n"
        for name in names
    )
    project.project(f"commands:\n{commands}")
    done = project.proj("run", *names, "-j8")
    assert (done.code, done.out.count("\n")) == (0, 16)


def test_a_mutex_delays_only_steps_that_share_it(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: holder, script: [sh wait.sh holder], mutex: [gpu]}
          - {name: waiting, script: [touch late], mutex: [gpu]}
          - {name: free, shell: true, script: [test ! -e late; touch holder.go]}
        """)
    project.write_wait()
    assert project.proj("run", "holder", "waiting", "free", "-j3").code == 0


GRAPH = """\
vars: {n: 3}
env: {mode: MODE}
commands:
  - {name: raw, script: [sh make.sh raw/a raw/b], deps: [make.sh], outputs: [raw]}
  - {name: left, script: [sh join.sh left raw], deps: [raw, join.sh], outputs: [left], env: {MODE: "${env.mode}"}}
  - {name: right, script: [sh join.sh right raw/a], deps: [raw/a], outputs: [right], outputs_no_cache: [right.log]}
  - {name: grow, shell: true, script: ["echo ${vars.n} >> log"], deps: [log], outputs: [log]}
  - {name: both, script: [sh join.sh both left right], deps: [left, right, "*.cfg"], outputs: [both]}
  - {name: check, script: [test -e both]}
  - {name: after, script: [sh join.sh after both], deps: [both], outputs: [after]}
  - {name: make1, shell: true, script: [echo 1 > x], outputs: [x]}
  - {name: use1, script: [cp x one], deps: [x], outputs: [one]}
  - {name: make2, shell: true, script: [echo 2 > x], outputs: [x]}
  - {name: use2, script: [cp x two], deps: [x], outputs: [two]}
workflows:
  all: [raw, left, right, grow, both, check, after, make1, use1, make2, use2]
"""


def test_the_lock_is_the_same_whatever_the_number_of_jobs(project: ProjectDir) -> None:
    wide = project.beside("wide")
    for each, jobs in ((project, "1"), (wide, "8")):
        each.project(GRAPH)
        each.write("make.sh", 'for file; do mkdir -p "${file%/*}"; echo "$file" > "$file"; done\n')
        each.write("join.sh", 'to=$1; shift; find "$@" -type f | sort | xargs cat > $to\n')
        each.write("one.cfg")
        each.write("log", "0\n")
        assert each.proj("run", "all", "-j", jobs, env={"MODE": "x"}).code == 0
    assert (project.read("one"), project.read("two")) == ("1\n", "2\n")
    assert unstamped(wide.read("project.lock")) == unstamped(project.read("project.lock"))
    assert wide.locked() == project.locked()
    assert [wide.read(name) for name in ("one", "two", "after", "log")] == [
        project.read(name) for name in ("one", "two", "after", "log")
    ]


# -- in several processes ---------------------------------------------------------------------------------------------


def test_a_step_waits_for_another_process_that_makes_the_same_and_need_not_run_then(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, shell: true, script: [echo x >> ran; sh wait.sh a; touch out], outputs: [out]}]"
    )
    project.write_wait()
    first = project.start("run", "a")
    project.wait_for("a")
    second = project.start("run", "a")
    wait_until(lambda: second.err == f"a: waiting for `a` of process {first.pid}\n")
    project.let_go("a")
    assert first.wait().code == second.wait().code == 0
    assert second.err.endswith("\n✔ all up to date (1 step)\n")
    assert project.read("ran") == "x\n"


def test_a_step_waits_for_the_producers_of_its_deps(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: make, shell: true, script: [sh wait.sh make; echo 2 > x], deps: [in], outputs: [x]}
          - {name: use, script: [cp x y], deps: [x], outputs: [y]}
        """)
    project.write_wait()
    project.write("in")
    project.write("x", "1\n")
    first = project.start("run", "make")
    project.wait_for("make")
    second = project.start("run", "use", "--only")
    wait_until(lambda: "use: waiting for `make` of process" in second.err)
    project.let_go("make")
    assert first.wait().code == second.wait().code == 0
    assert project.read("y") == "2\n"
    assert project.proj("status", "--check").code == 0


def test_a_step_that_may_not_wait_fails_and_says_for_whom(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh wait.sh a, touch out], outputs: [out]}]")
    project.write_wait()
    first = project.start("run", "a")
    project.wait_for("a")
    done = project.proj("run", "a", "--no-wait")
    assert done.code == 1
    assert done.err.startswith(f"✘ `a` would have to wait for `a` of process {first.pid}\n")
    assert project.proj("status", "a").code == 0, "a question waits for nobody"
    project.let_go("a")
    assert first.wait().code == 0


def test_many_outputs_and_deps_need_few_file_descriptors(project: ProjectDir) -> None:
    names = [f"{number:04}" for number in range(1_000)]
    outputs = ", ".join(f"out/{name}" for name in names)
    project.project(f"""\
        remotes: {{default: ./remote}}
        commands:
          - {{name: make, script: [sh make.sh], outputs: [{outputs}]}}
          - {{name: use, script: [sh use.sh], deps: [{outputs}], outputs: [used]}}
        """)
    project.write("make.sh", "mkdir -p out; for i in $(seq -w 0 999); do echo $i > out/0$i; done\n")
    project.write("use.sh", "cat out/* > used\n")
    with open_files(300):
        done = [project.process(*words) for words in (["run", "use", "-j2"], ["push"])]
        shutil.rmtree(project.path / "out")
        done += [project.process(*words) for words in (["pull"], ["status", "--check"])]
    assert [one.code for one in done] == [0, 0, 0, 0]
    assert project.read("used").split() == [name[1:] for name in names]


def test_no_more_steps_run_at_a_time_than_may_open_their_files(project: ProjectDir) -> None:
    """Each has outputs in directories of their own, and every directory on the way is locked as well."""
    project.project(
        "commands:\n"
        + "".join(
            f"  - {{name: c{step}, script: [sh make.sh {step}], outputs: [{', '.join(made(step))}]}}\n"
            for step in range(40)
        )
    )
    project.write("make.sh", "for i in 0 1 2 3 4; do mkdir -p out/$1/$i; echo x > out/$1/$i/x; done; sleep 0.1\n")
    with open_files(200):
        done = project.process("run", *(f"c{step}" for step in range(40)), "-j40", "--output", "quiet")
    assert (done.code, done.err.count("✔ c"), done.err.count("✘")) == (0, 40, 0)
    assert "waiting for other steps to end: no more than 200 files may be open (`ulimit -n`)\n" in done.err
    assert done.err.count("waiting for") < 40, "some run at the same time"


def made(step: int) -> list[str]:
    return [f"out/{step}/{number}/x" for number in range(5)]


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """Processes that start during the block inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_look_is_made_again_if_a_record_was_read_while_it_was_made(
    project: ProjectDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another thread of this process may do, after another process has run the step."""
    project.project("commands: [{name: a, shell: true, script: [echo ran >> ran; echo x > out], outputs: [out]}]")
    looks: list[bool] = []

    def look(workspace: Workspace, command: Command, **options: Any) -> Staleness:
        found = check_staleness(workspace, command, **options)
        looks.append(bool(found.reasons))
        if len(looks) == 1:
            assert project.process("run", "a").code == 0
            workspace.records.refresh()
        return found

    monkeypatch.setattr(step, "check_staleness", look)
    assert project.proj("run", "a").code == 0
    assert looks == [True, False]
    assert project.read("ran") == "ran\n"
