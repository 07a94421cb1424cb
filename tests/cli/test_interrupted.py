"""Runs that are interrupted or killed: which processes end, which records stay, what the next run reports."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from harness import Background, ProjectDir, is_alive, kill_line, wait_until

CHAIN = """\
commands:
  - {name: a, script: [touch a.out], outputs: [a.out]}
  - {name: b, script: [sh wait.sh b, touch b.out], deps: [a.out], outputs: [b.out]}
  - {name: c, script: [touch c.out], deps: [b.out], outputs: [c.out]}
"""


ENDING = [
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGXCPU,
    signal.SIGUSR1,
    signal.SIGUSR2,
]


@pytest.fixture
def chain(project: ProjectDir) -> ProjectDir:
    """Create three steps; the second waits to be let go."""
    project.project(CHAIN)
    project.write_wait()
    return project


def reasons(project: ProjectDir) -> dict[str, list[str]]:
    return {step["step"]: step["reasons"] for step in project.proj("status", "--json").json}


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_ends_the_running_script_and_starts_nothing_new(
    chain: ProjectDir, number: signal.Signals, jobs: str
) -> None:
    running = chain.start("run", "c", "-j", jobs)
    pid = chain.wait_for("b")
    running.signal(number)
    done = running.wait()
    assert done.code == 128 + number
    assert "✘ `b`, line 1 was interrupted\n" in done.err
    assert not is_alive(pid)
    assert chain.locked() == ["a"]
    assert reasons(chain) == {
        "a": [],
        "b": ["was interrupted"],
        "c": ["never ran", "upstream will run: b"],
    }
    chain.let_go("b")
    assert chain.proj("run", "c").code == 0
    assert reasons(chain) == {"a": [], "b": [], "c": []}


def test_the_kernels_cpu_limit_ends_the_running_script(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [sh wait.sh a & cat /dev/zero]}]")
    project.write_wait()
    running = project.start("run", "a", "--output", "quiet")
    pid = project.wait_for("a")
    resource.prlimit(running.pid, resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))  # of proj alone
    assert running.wait().code == 128 + signal.SIGXCPU
    assert not is_alive(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_the_parent_process_ignores_stays_ignored(chain: ProjectDir, number: signal.Signals) -> None:
    """nohup ignores SIGHUP, a shell without job control SIGINT of what it starts in the background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        running = chain.start("run", "c")
    finally:
        signal.signal(number, before)
    chain.wait_for("b")
    running.signal(number)
    chain.let_go("b")
    assert running.wait().code == 0
    assert reasons(chain) == {"a": [], "b": [], "c": []}


HUGE = 1 << 40  # bytes of a sparse file: hashing it takes half an hour


def is_hashing(running: Background) -> bool:
    counters = dict(line.split(": ") for line in Path(f"/proc/{running.pid}/io").read_text().splitlines())
    return int(counters["rchar"]) > 50_000_000


@pytest.fixture
def huge(project: ProjectDir) -> ProjectDir:
    """Create a step whose dep takes half an hour to hash."""
    project.project("commands: [{name: a, script: [touch out], deps: [huge], outputs: [out]}]")
    with open(project.path / "huge", "wb") as file:
        file.truncate(HUGE)
    return project


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
@pytest.mark.parametrize("words", [["status"], ["run", "a"], ["run", "a", "-j2"]], ids=" ".join)
def test_a_signal_ends_hashing_at_once(huge: ProjectDir, words: list[str], number: signal.Signals) -> None:
    running = huge.start(*words)
    wait_until(lambda: is_hashing(running))
    begun = time.monotonic()
    running.signal(number)
    done = running.wait()
    assert done.code == 128 + number
    assert time.monotonic() - begun < 5
    assert "Traceback" not in done.err
    assert not huge.exists("out")


@pytest.mark.parametrize("words", [["graph"], ["run", "a", "--dry"], ["lock", "accept", "a"]], ids=" ".join)
def test_sigterm_ends_every_other_subcommand_that_hashes(huge: ProjectDir, words: list[str]) -> None:
    huge.write("out")
    running = huge.start(*words)
    wait_until(lambda: is_hashing(running))
    running.signal(signal.SIGTERM)
    assert running.wait().code == 128 + signal.SIGTERM


BLOCKED_THREAD = """
import sys, threading
from weaselish import __main__
from weaselish.cli import dispatch
from weaselish.errors import Cancelled

def cancelled(words, environ):
    threading.Thread(target=threading.Event().wait).start()
    print("said before")
    raise Cancelled(143)

dispatch.dispatch = cancelled
__main__.main()
"""


def test_a_blocked_thread_does_not_delay_the_end_of_a_cancelled_subcommand() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED_THREAD], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (143, "said before\n", "")


def test_a_parent_that_ignores_sigchld_loses_no_exit_code(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh -c 'exit 3']}]")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        running = project.start("run", "a")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert running.wait().code == 3


def test_keep_going_does_not_go_on_after_ctrl_c(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh wait.sh a]}, {name: b, script: [touch never]}]")
    project.write_wait()
    running = project.start("run", "a", "b", "-k")
    project.wait_for("a")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not project.exists("never")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_the_wait_for_another_process(chain: ProjectDir, jobs: str) -> None:
    holder = chain.start("run", "b")
    chain.wait_for("b")
    waiting = chain.start("run", "b", "-j", jobs)
    wait_until(lambda: "waiting for" in waiting.err)
    waiting.signal(signal.SIGINT)
    assert waiting.wait().code == 130
    chain.let_go("b")
    assert holder.wait().code == 0


def test_the_second_ctrl_c_ends_a_script_that_ignores_the_first(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [trap '' INT; sh wait.sh a]}]")
    project.write_wait()
    running = project.start("run", "a")
    pid = project.wait_for("a")
    running.signal(signal.SIGINT)
    wait_until(lambda: "Interrupting. Press Ctrl-C again to terminate.\n" in running.err)
    assert running.is_running and is_alive(pid)
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not is_alive(pid)


def shows(running: Background, message: str) -> bool:
    return message in running.err


def test_the_third_ctrl_c_kills_a_script_that_ignores_everything(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [trap '' INT TERM; sh wait.sh a]}]")
    project.write_wait()
    running = project.start("run", "a")
    pid = project.wait_for("a")
    for message in ("Interrupting.", "Terminating."):
        running.signal(signal.SIGINT)
        wait_until(partial(shows, running, message))
        assert is_alive(pid)
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not is_alive(pid)


def test_after_a_kill_records_stay_and_the_running_step_was_interrupted(chain: ProjectDir) -> None:
    running = chain.start("run", "c")
    pid = chain.wait_for("b")
    running.signal(signal.SIGKILL)
    running.wait()
    kill_line(pid)
    assert reasons(chain) == {"a": [], "b": ["was interrupted"], "c": ["never ran", "upstream will run: b"]}
    chain.let_go("b")
    done = chain.proj("run", "c", "--json")
    assert [(step["step"], step["result"]) for step in done.json["steps"]] == [
        ("a", "up to date"),
        ("b", "ran"),
        ("c", "ran"),
    ]
    assert chain.locked() == ["a", "b", "c"]


def test_a_step_that_another_process_runs_is_not_reported_as_interrupted(chain: ProjectDir) -> None:
    running = chain.start("run", "b")
    chain.wait_for("b")
    assert reasons(chain)["b"] == ["never ran"]
    chain.let_go("b")
    running.wait()
    assert reasons(chain)["b"] == []


@pytest.mark.parametrize("kept", [0, 1, 7, -1])
def test_a_journal_cut_anywhere_loses_only_its_last_line(chain: ProjectDir, kept: int) -> None:
    running = chain.start("run", "c")
    pid = chain.wait_for("b")
    running.signal(signal.SIGKILL)
    running.wait()
    kill_line(pid)
    [journal] = (chain.path / ".proj/runs").glob("*.jsonl")
    lines = journal.read_bytes().rstrip(b" ").splitlines(keepends=True)
    assert len(lines) >= 4  # began, a started, a recorded, b started
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:kept])
    assert reasons(chain)["a"] == []
    assert reasons(chain)["b"] == ["never ran"]
    chain.let_go("b")
    assert chain.proj("run", "c").code == 0
    assert reasons(chain) == {"a": [], "b": [], "c": []}


def test_nothing_remains_of_a_killed_run_after_the_next(chain: ProjectDir) -> None:
    running = chain.start("run", "c")
    pid = chain.wait_for("b")
    running.signal(signal.SIGKILL)
    running.wait()
    kill_line(pid)
    chain.let_go("b")
    chain.proj("run", "c")
    assert [path.name for path in (chain.path / ".proj/runs").iterdir() if path.suffix == ".jsonl"] == []
    leftovers = [path for path in chain.files() if "/." in path and not path.endswith((".gitignore",))]
    assert leftovers == []


def test_a_failing_step_leaves_its_files_in_place(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [echo half > out, exit 1], outputs: [out]}]")
    assert project.proj("run", "a").code == 1
    assert project.read("out") == "half\n"
    assert reasons(project)["a"] == ["last run failed (exit code 1)"]


def test_a_script_that_ignores_its_timeout_is_killed(project: ProjectDir) -> None:
    project.project(
        "commands: [{name: a, shell: true, script: [trap '' TERM; while :; do sleep 1; done], timeout: 0.2}]"
    )
    begun = time.monotonic()
    assert project.proj("run", "a").code == 124
    assert time.monotonic() - begun < 30


def test_an_interrupt_at_exit_prints_no_traceback(tmp_path: Path) -> None:
    """Python would report it as an ignored exception."""
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    program = f"{late}import sys; from weaselish.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert done.stdout.startswith("proj ")


GIVING_UP = """
import signal, sys
from weaselish.cancel import Cancel
from weaselish.cli.signals import cancelling_at_once
from weaselish.errors import Cancelled

with cancelling_at_once(Cancel()):
    try:
        signal.raise_signal(signal.SIGINT)
    except Cancelled as cancelled:
        for _ in range(int(sys.argv[1])):
            signal.raise_signal(signal.SIGINT)
        print("cleaned up", flush=True)
        sys.exit(cancelled.exit_code)
"""


@pytest.mark.parametrize(
    ("more", "out", "code"), [(0, "cleaned up\n", 130), (2, "cleaned up\n", 130), (3, "", -signal.SIGINT)]
)
def test_only_the_fourth_ctrl_c_ends_a_clean_up(more: int, out: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", GIVING_UP, str(more)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("Cleaning up. ")) == (code, out, min(more, 2))


@pytest.mark.parametrize("call", ["set_threshold", "freeze"])
def test_ctrl_c_at_the_very_beginning_or_end_prints_no_traceback(chain: ProjectDir, call: str) -> None:
    """During the first or the last call of `main`."""
    code = (
        "import gc, os, signal, sys\n"
        "from weaselish.__main__ import main\n"
        f"gc.{call} = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "status"], cwd=chain.path, env=chain.environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (130, "")


# -- a step that runs proj ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_step_that_would_wait_for_itself_fails_at_once(project: ProjectDir, jobs: str) -> None:
    project.project(f"""\
        commands:
          - {{name: a, script: ["{sys.executable} -m weaselish run a"], outputs: [out]}}
          - {{name: b, shell: true, script: ["sh -c '{sys.executable} -m weaselish run c'; true"], outputs: [dir]}}
          - {{name: c, script: [touch dir/file], outputs: [dir/file]}}
          - {{name: d, script: ["{sys.executable} -m weaselish run e"]}}
          - {{name: e, script: [touch other], outputs: [other]}}
        """)
    done = project.process("run", "a", jobs)
    assert done.code == 1
    assert "`a` would wait forever: this `proj` was started by step `a`, which holds what it needs\n" in done.out
    assert "`c` would wait forever: this `proj` was started by step `b`" in project.process("run", "b", jobs).out
    assert project.process("run", "d", jobs).code == 0


@pytest.mark.parametrize("words", ["run --only a", "lock accept a", "clean a --yes", "run all"])
def test_whatever_would_wait_for_the_step_that_calls_it_fails_at_once(project: ProjectDir, words: str) -> None:
    script = f"touch out; {sys.executable} -m weaselish {words}; touch out"
    project.project(f"""\
        commands:
          - {{name: a, shell: true, script: ["{script}"], outputs: [out]}}
        workflows: {{all: [a]}}
        """)
    done = project.process("run", "a")
    assert (done.code, done.out.count("`a` would wait forever")) == (1, 1)


def test_a_signal_in_a_callback_that_drops_exceptions_shows_no_traceback() -> None:
    script = """
import signal, weakref
from weaselish.cancel import Cancel
from weaselish.cli.signals import cancelling_at_once

class Referent: pass

with Cancel() as cancel, cancelling_at_once(cancel):
    referent = Referent()
    reference = weakref.ref(referent, lambda _: signal.raise_signal(signal.SIGTERM))
    del referent
    print(cancel.level.name)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("INTERRUPT\n", "")
