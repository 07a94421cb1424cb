"""The promises of every executor, as a test class to inherit from."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Executor, Job, JobId, Line, Outcome

MARK = "EXECUTOR_TEST"  # an environment variable that marks the processes of one test
FOREVER = "while :; do sleep 0.01; done"  # unlike in `sleep 1000`, dash never loses SIGINT in this


class Console:
    """A JobOutput that collects what it gets, and acts once when it has got a certain text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self.programs: list[str] = []
        self.replicas: dict[str, Console] = {}
        self._awaited: list[tuple[bytes, Callable[[], object]]] = []

    @property
    def text(self) -> bytes:
        return bytes(self._text)

    def when(self, text: str, action: Callable[[], object]) -> None:
        self._awaited.append((text.encode(), action))

    def start_line(self, line: Line, program: str) -> None:
        self.programs.append(program)
        self.write(f"[{line.announced}]\n".encode())

    def write(self, data: bytes) -> None:
        self._text += data
        due = [awaited for awaited in self._awaited if awaited[0] in self._text]
        self._awaited = [awaited for awaited in self._awaited if awaited not in due]
        for _, action in due:
            action()

    def replica(self, name: str) -> Console:
        return self.replicas.setdefault(name, Console())


def living(mark: str) -> list[str]:
    """Return the command lines of all processes that have `mark` in their environment."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{MARK}={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes():
                found.append(Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass
    return found


def end(mark: str) -> None:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{MARK}={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes():
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            pass


class ExecutorContract:
    """Subclasses give an `executor` of the project directory `self.folder`, with a short grace time (0.3 s)."""

    name = "local"
    environ: ClassVar = {"PATH": os.environ["PATH"], "OUTER": "of the caller"}  # which the executor was given
    many = 200  # jobs that it runs at once within seconds
    much = 200_000_000  # bytes of output that it passes on within seconds
    passes_on_environ = True  # whether jobs see the caller's environment
    keeps_left_behind = True  # whether what a successful line leaves behind lives on

    @pytest.fixture
    def executor(self) -> Executor:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, executor: Executor) -> Iterator[None]:
        self._executor, self.folder, self.mark = executor, tmp_path, uuid.uuid4().hex
        self.console, self.cancel = Console(), Cancel()
        yield
        end(self.mark)
        executor.close()
        self.cancel.close()

    def job(self, *lines: str | tuple[str, ...], **changes: Any) -> Job:
        """Return a job of shell scripts, or of lines given as words. They are announced as `line 0`, `line 1` …"""
        words = [("sh", "-c", line) if isinstance(line, str) else line for line in lines]
        script = tuple(Line(line, f"line {n}", f"logged {n}") for n, line in enumerate(words))
        env = {MARK: self.mark, **changes.pop("env", {})}
        return Job(JobId("test", "key", 1), script, env=env, **changes)

    def run(self, *lines: str | tuple[str, ...], **changes: Any) -> Outcome:
        """Run a job and return its outcome without the facts about the place, which every outcome must name."""
        outcome = self._executor.run(self.job(*lines, **changes), output=self.console, cancel=self.cancel)
        assert outcome.executor == self.name
        assert outcome.host
        assert outcome.attempt == 1
        return outcome._replace(executor="", host="", python=None, image=None)

    def request_at(self, text: str, level: Level) -> None:
        self.console.when(text, lambda: self.cancel.request(level))

    # --- lines

    def test_a_job_without_lines_succeeds(self) -> None:
        assert self.run() == Outcome(Ending.EXITED, 0)

    def test_lines_run_in_order_and_each_is_announced_before_its_output(self) -> None:
        assert self.run(("echo", "a b"), ("echo", "c")).succeeded
        assert self.console.text == b"[line 0]\na b\n[line 1]\nc\n"
        assert [os.path.basename(program) for program in self.console.programs] == ["echo", "echo"]
        assert all(map(os.path.isabs, self.console.programs))

    def test_the_first_failing_line_ends_the_job_with_its_exit_code(self) -> None:
        assert self.run("true", "exit 3", "echo never") == Outcome(Ending.EXITED, 3, line=1)
        assert b"never" not in self.console.text

    def test_a_line_killed_by_a_signal_is_128_plus_its_number(self) -> None:
        assert self.run("kill -SEGV $$") == Outcome(Ending.SIGNALLED, 139, line=0)

    def test_lines_get_the_variables_of_the_job_over_those_of_the_caller(self) -> None:
        assert self.run('echo "$OUTER, $OWN"', env={"OWN": "of the job"}).succeeded
        assert self.run('echo "$OUTER, $OWN"', env={"OUTER": "over", "OWN": ""}).succeeded
        first = b"of the caller, of the job" if self.passes_on_environ else b", of the job"
        assert self.console.text.splitlines()[1::2] == [first, b"over, "]

    def test_a_shell_gets_each_line_as_one_text_and_stops_at_a_failing_command(self) -> None:
        assert self.run(('echo "a  $0"; echo b',), shell="sh").succeeded
        assert self.console.text == b"[line 0]\na  sh\nb\n"
        assert self.run(("exit 7 | cat",), shell="bash") == Outcome(Ending.EXITED, 7, line=0)
        assert self.run(("false; touch never",), shell="sh") == Outcome(Ending.EXITED, 1, line=0)
        assert not (self.folder / "never").exists()

    def test_nothing_comes_from_a_null_standard_input(self) -> None:
        assert self.run(("cat",)).succeeded

    # --- what cannot be started

    def test_a_program_that_is_not_on_the_path_of_the_job_is_127(self) -> None:
        outcome = self.run(("true",), ("no-such-program",))
        assert outcome == Outcome(Ending.NOT_STARTED, 127, 1, "`no-such-program` was not found on PATH")

    def test_a_program_is_found_on_the_path_of_the_job(self) -> None:
        self.script("only-here", "#!/bin/sh\necho found")
        assert self.run(("only-here",), env={"PATH": f"nowhere:{self.folder}"}).succeeded
        assert self.console.text.endswith(b"\nfound\n")

    def test_a_null_byte_in_a_line_is_126(self) -> None:
        outcome = self.run(("echo", "a\0b"))
        assert (outcome.ended, outcome.exit_code) == (Ending.NOT_STARTED, 126)

    def script(self, name: str, text: str, mode: int = 0o755) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    # --- output

    def test_both_streams_arrive_in_the_order_written(self) -> None:
        assert self.run("for i in 1 2 3; do echo out$i; echo err$i >&2; done").succeeded
        assert self.console.text.split()[-6:] == [b"out1", b"err1", b"out2", b"err2", b"out3", b"err3"]

    def test_half_a_line_of_output_arrives_at_once(self) -> None:
        self.console.when("half...", (self.folder / "go").touch)
        wait = f"until [ -e {self.folder}/go ]; do sleep 0.01; done"
        assert self.run(f"printf half; printf ...; {wait}; echo line").succeeded
        assert self.console.text.endswith(b"half...line\n")

    def test_much_output_arrives_intact(self) -> None:
        class Count(Console):
            size = 0

            def write(self, data: bytes) -> None:
                self.size += len(data)

        count = Count()
        job = self.job(("head", "-c", str(self.much), "/dev/zero"))
        assert self._executor.run(job, output=count, cancel=self.cancel).succeeded
        assert count.size == len(b"[line 0]\n") + self.much

    def test_a_line_that_closes_its_output_runs_to_its_end(self) -> None:
        assert self.run(f"exec >&- 2>&-; sleep 0.1; echo done > {self.folder}/file; exit 5").exit_code == 5
        assert (self.folder / "file").exists()

    def test_an_exception_of_the_receiver_ends_the_job_and_is_raised(self) -> None:
        def fail() -> None:
            raise BrokenPipeError("no reader")

        self.console.when("ready", fail)
        with pytest.raises(BrokenPipeError, match="no reader"):
            self.run("trap '' TERM; sleep 1000 & echo ready; yes")
        assert living(self.mark) == []

    # --- cancel

    def test_nothing_starts_after_a_request_to_cancel(self) -> None:
        self.cancel.request(Level.INTERRUPT)
        assert self.run("touch file") == Outcome(Ending.INTERRUPTED, 130, line=0)
        assert not (self.folder / "file").exists()

    @pytest.mark.parametrize("level", [Level.INTERRUPT, Level.TERMINATE, Level.KILL])
    def test_each_level_ends_a_line_that_has_no_signal_handlers(self, level: Level) -> None:
        self.request_at("ready", level)
        assert self.run(f"echo ready; {FOREVER}", "echo never") == Outcome(Ending.INTERRUPTED, 130, line=0)
        assert living(self.mark) == []

    def test_every_process_of_the_group_gets_the_interrupt(self) -> None:
        self.request_at("ready", Level.INTERRUPT)
        script = f"sh -c 'trap \"echo child; exit\" INT; echo ready; {FOREVER}'; echo on"
        assert self.run(f"trap 'echo parent' INT; {script}").ended is Ending.INTERRUPTED
        assert set(self.console.text.split()[-3:]) == {b"child", b"parent", b"on"}

    def test_a_line_that_exits_0_after_a_request_to_cancel_is_interrupted(self) -> None:
        self.request_at("ready", Level.INTERRUPT)
        outcome = self.run(f"trap 'echo saved; exit 0' INT; echo ready; {FOREVER}")
        assert outcome == Outcome(Ending.INTERRUPTED, 130, line=0)
        assert self.console.text.endswith(b"saved\n")

    def test_a_line_that_ignores_one_level_lives_until_the_next(self) -> None:
        self.request_at("ready", Level.INTERRUPT)
        self.request_at("got INT", Level.TERMINATE)
        self.request_at("got TERM", Level.KILL)
        traps = "trap 'echo got INT' INT; trap 'echo got TERM' TERM"
        outcome = self.run(f"{traps}; echo ready; {FOREVER}")
        assert outcome == Outcome(Ending.INTERRUPTED, 130, line=0)
        assert living(self.mark) == []

    def test_a_success_before_a_request_to_cancel_is_a_success(self) -> None:
        assert self.run("true").succeeded
        self.cancel.request(Level.INTERRUPT)
        assert self.run("true").ended is Ending.INTERRUPTED

    # --- timeout

    def test_a_timeout_ends_the_tree_with_124(self) -> None:
        outcome = self.run("sleep 1000 & sleep 1000", timeout=0.1)
        assert outcome == Outcome(Ending.TIMED_OUT, 124, line=0)
        assert living(self.mark) == []

    def test_a_timeout_is_for_all_lines_together(self) -> None:
        outcome = self.run(*["sleep 0.1"] * 100, timeout=0.3)
        assert (outcome.ended, outcome.exit_code) == (Ending.TIMED_OUT, 124)

    def test_a_line_that_ignores_the_timeout_is_killed_after_the_grace_time(self) -> None:
        outcome = self.run(f"trap '' TERM; sleep 1000 & {FOREVER}", timeout=0.1)
        assert outcome == Outcome(Ending.TIMED_OUT, 124, line=0)
        assert living(self.mark) == []

    # --- what a line leaves behind

    def test_processes_that_a_failed_line_left_behind_are_ended(self) -> None:
        script = f"sleep 1000 & (trap '' TERM; echo deaf; {FOREVER}) & read x < {self.folder}/fifo; exit 7"
        os.mkfifo(self.folder / "fifo")
        self.console.when("deaf\n", lambda: (self.folder / "fifo").write_text("x\n"))
        assert self.run(script) == Outcome(Ending.EXITED, 7, line=0)
        assert living(self.mark) == []

    def test_a_process_that_a_successful_line_left_behind_lives_and_delays_nothing(self) -> None:
        assert self.run("sleep 1000 & echo started").succeeded  # it holds the line's output open
        assert self.console.text.endswith(b"\nstarted\n")
        left = ["sleep 1000 "] if self.keeps_left_behind else []
        assert living(self.mark) == left
        self._executor.close()
        assert living(self.mark) == left

    def test_a_process_left_behind_that_goes_on_writing_delays_nothing(self) -> None:
        assert self.run("yes & echo started").succeeded

    # --- many at once

    def test_many_threads_may_run_jobs_at_once(self) -> None:
        def run(number: int) -> tuple[int, str | None, list[bytes]]:
            console = Console()
            job = self.job(f"echo {number}; exit {number % 7}")
            outcome = self._executor.run(job, output=console, cancel=self.cancel)
            return outcome.exit_code, outcome.message, console.text.split()[-1:]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(run, range(self.many)))
        assert found == [(number % 7, None, [str(number).encode()]) for number in range(self.many)]

    def test_one_request_ends_all_jobs(self) -> None:
        def run(number: int) -> Ending:
            console = Console()
            console.when("ready", lambda: (self.folder / f"{number}").touch())
            both = f"[ -e {self.folder}/1 -a -e {self.folder}/2 ]"
            job = self.job("echo ready; sleep 1000" if number else f"until {both}; do sleep 0.01; done")
            outcome = self._executor.run(job, output=console, cancel=self.cancel)
            if number == 0:
                self.cancel.request(Level.TERMINATE)
            return outcome.ended

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(run, range(3))) == [Ending.EXITED, Ending.INTERRUPTED, Ending.INTERRUPTED]
        assert living(self.mark) == []

    def test_an_executor_may_be_closed_twice(self) -> None:
        self._executor.close()
        self._executor.close()


class SharedDirectoryContract(ExecutorContract):
    """The further promises of executors that run jobs in the project directory."""

    def test_lines_run_in_the_working_directory_inside_the_project(self) -> None:
        (self.folder / "sub/dir").mkdir(parents=True)
        assert self.run("pwd -P").succeeded
        assert self.run("pwd -P", workdir="sub/dir").succeeded
        folders = [os.fsencode(self.folder.resolve()), os.fsencode(self.folder.resolve() / "sub/dir")]
        assert self.console.text.splitlines()[1::2] == folders

    def test_python_and_pip_are_those_of_the_place_where_the_line_runs(self) -> None:
        self.script("venv/bin/python", '#!/bin/sh\necho "ours $*"\n')
        env = {"VIRTUAL_ENV": str(self.folder / "venv")}
        assert self.run(("python", "x"), ("python3", "y"), ("pip", "list"), ("pip3",), env=env).succeeded
        outputs = self.console.text.splitlines()[1::2]
        assert outputs == [b"ours x", b"ours y", b"ours -m pip list", b"ours -m pip"]
        assert {os.path.basename(program) for program in self.console.programs} == {"python"}

    def test_a_relative_program_is_found_in_the_working_directory(self) -> None:
        self.script("run.sh", "#!/bin/sh\necho found")
        assert self.run(("./run.sh",)).succeeded
        assert self.run(("./no.sh",)) == Outcome(Ending.NOT_STARTED, 127, 0, "`./no.sh` was not found")

    def test_a_file_without_permission_to_run_is_126(self) -> None:
        self.script("run.sh", "#!/bin/sh\n", mode=0o644)
        message = "`./run.sh` is not executable (`chmod +x ./run.sh`?)"
        assert self.run(("./run.sh",)) == Outcome(Ending.NOT_STARTED, 126, 0, message)

    def test_a_script_without_interpreter_is_126(self) -> None:
        self.script("run.sh", "echo hello")
        message = "`./run.sh` is neither a program for this machine nor a script that begins with `#!`"
        assert self.run(("./run.sh",)) == Outcome(Ending.NOT_STARTED, 126, 0, message)

    def test_a_script_whose_interpreter_is_missing_is_126(self) -> None:
        self.script("run.sh", "#!/nowhere/python\n")
        outcome = self.run(("./run.sh",))
        assert (outcome.ended, outcome.exit_code) == (Ending.NOT_STARTED, 126)
        assert outcome.message and "the interpreter that its first line names was not found" in outcome.message

    def test_a_directory_is_not_a_program(self) -> None:
        (self.folder / "bin").mkdir()
        assert self.run(("./bin",)) == Outcome(Ending.NOT_STARTED, 126, 0, "`./bin` is a directory")

    def test_the_message_names_a_working_directory_that_does_not_exist(self) -> None:
        outcome = self.run(("true",), workdir="gone")
        assert (outcome.ended, outcome.exit_code) == (Ending.NOT_STARTED, 126)
        assert outcome.message and f"working directory `{self.folder}/gone` does not exist" in outcome.message
