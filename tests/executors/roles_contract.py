"""The promises of every executor that runs roles, as a test class to inherit from."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Executor, Job, JobId, JobRole, Line, Outcome

from .contract import FOREVER, MARK, Console, end, living

SERVE = """
import os, socket
with socket.create_server(("", int(os.environ["PS_NODES"].rpartition(":")[2]))) as server:
    while True:
        client, _ = server.accept()
        with client:
            client.sendall(client.recv(100).upper())
"""
ASK = """
import os, socket, time
host, port = os.environ["PS_NODES"].rsplit(":", 1)
until = time.monotonic() + 60
while True:
    try:
        client = socket.create_connection((host, int(port)), timeout=10)
        break
    except OSError:
        if time.monotonic() > until:
            raise
        time.sleep(0.05)
client.sendall(b"hello " + os.environ["REPLICA_INDEX"].encode())
print(client.recv(100).decode())
"""


class RolesContract:
    """Subclasses give an `executor` of the project directory `self.folder`, with a short grace time (0.3 s)."""

    name: ClassVar[str] = "local"
    shares_files: ClassVar[bool] = True  # replicas run in `self.folder`
    knows_lines: ClassVar[bool] = True  # and what did not start; without, a replica is one shell script

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

    def living(self) -> list[str]:
        """Return what still runs of the job of this test."""
        return living(self.mark)

    def role(self, name: str, *lines: str | tuple[str, ...], **changes: Any) -> JobRole:
        """Return a role of shell scripts, or of lines given as words. They are announced as `line 0`, `line 1` …"""
        words = [("sh", "-c", line) if isinstance(line, str) else line for line in lines]
        script = tuple(Line(line, f"line {n}", f"logged {n}") for n, line in enumerate(words))
        return JobRole(name, changes.pop("replicas", 1), script, **changes)

    def run(self, *roles: JobRole, **changes: Any) -> Outcome:
        """Run a job and return its outcome without the facts about the place, which every outcome must name."""
        env = {MARK: self.mark, **changes.pop("env", {})}
        job = Job(JobId("test", "key", 1), (), env=env, roles=roles, project="mine", **changes)
        outcome = self._executor.run(job, output=self.console, cancel=self.cancel)
        assert outcome.executor == self.name
        assert outcome.host
        return outcome._replace(executor="", host="", python=None, image=None)

    def output(self, replica: str) -> list[str]:
        """Return the lines that a replica wrote, without announcements."""
        lines = self.console.replicas[replica].text.decode().splitlines()
        return [line for line in lines if not line.startswith("[line ")]

    def line(self, number: int) -> int:
        """Return the index of a line in an outcome."""
        return number if self.knows_lines else 0

    def when(self, replica: str, text: str, level: Level) -> None:
        """Request the end of the job once a replica has written a text."""
        self.console.replica(replica).when(text, lambda: self.cancel.request(level))

    # --- what replicas get

    def test_each_replica_gets_its_own_output_and_its_place_among_the_others(self) -> None:
        line = (
            'echo "$REPLICA_INDEX $RANK/$WORLD_SIZE $LOCAL_RANK $TASK_NAME $BUILD_ID $PROJECT_NAME $OWN"; echo $A_NODES'
        )
        roles = (
            self.role("a", line, replicas=2, port=2222, env={"OWN": "a's"}),
            self.role("b-c", line, "echo $B_C_NODES"),
        )
        assert self.run(*roles, env={"OWN": "all's"}) == Outcome(Ending.EXITED, 0)
        assert sorted(self.console.replicas) == ["a.0", "a.1", "b-c.0"]
        firsts = [self.output(name)[0] for name in ("a.0", "a.1", "b-c.0")]
        assert firsts == ["0 0/3 0 test 1 mine a's", "1 1/3 0 test 1 mine a's", "0 2/3 0 test 1 mine all's"]
        nodes = {self.output(name)[1] for name in ("a.0", "a.1", "b-c.0")}
        assert len(nodes) == 1
        places = nodes.pop().split(",")
        assert len(set(places)) == 2
        assert all(host and port.isdecimal() for host, _, port in (place.rpartition(":") for place in places))
        assert self.output("b-c.0")[2].count(",") == 0

    def test_workers_reach_the_parameter_server_under_its_name(self) -> None:
        ps = self.role("ps", ("python", "-c", SERVE), port=2222, keep_alive=True)
        worker = self.role("worker", ("python", "-c", ASK), replicas=4)
        assert self.run(ps, worker, timeout=120) == Outcome(Ending.EXITED, 0)
        assert [self.output(f"worker.{n}") for n in range(4)] == [[f"HELLO {n}"] for n in range(4)]
        assert self.living() == []

    # --- its end

    def test_a_role_that_stays_alive_does_not_hold_up_the_end(self) -> None:
        helper = self.role("helper", f"trap '' TERM; {FOREVER}", replicas=2, keep_alive=True)
        assert self.run(helper, self.role("main", "true", "true")) == Outcome(Ending.EXITED, 0)
        assert self.living() == []

    def test_a_helper_that_ends_early_changes_nothing(self) -> None:
        assert self.run(self.role("helper", "true", keep_alive=True), self.role("main", "sleep 0.3")).succeeded

    def test_one_replica_that_fails_ends_the_others(self) -> None:
        bad = self.role("bad", 'echo ready; test "$REPLICA_INDEX" = 0', "exit 3", replicas=2)
        roles = bad, self.role("good", f"sleep 1000 & {FOREVER}"), self.role("helper", FOREVER, keep_alive=True)
        outcome = self.run(*roles)
        assert not outcome.succeeded
        assert (outcome.replica, outcome.exit_code, outcome.line) in (("bad.0", 3, self.line(1)), ("bad.1", 1, 0))
        assert self.living() == []

    def test_a_helper_that_fails_fails_the_job(self) -> None:
        helper = self.role("helper", "exit 4", keep_alive=True)
        outcome = self.run(helper, self.role("main", FOREVER))
        assert outcome == Outcome(Ending.EXITED, 4, line=0, replica="helper.0")
        assert self.living() == []

    def test_a_replica_that_fails_is_started_again_as_often_as_it_may(self) -> None:
        outcome = self.run(self.role("main", "echo begun", "exit 5", restarts=2), self.role("other", FOREVER))
        assert outcome == Outcome(Ending.EXITED, 5, line=self.line(1), replica="main.0", attempt=3)
        assert self.output("main.0").count("begun") == 3
        assert self.living() == []

    def test_a_program_that_is_missing_is_not_started_again(self) -> None:
        outcome = self.run(self.role("main", ("no-such-program",), restarts=3), self.role("other", FOREVER))
        assert (outcome.exit_code, outcome.replica, outcome.attempt) == (127, "main.0", 1)
        if self.knows_lines:
            assert outcome.ended is Ending.NOT_STARTED
            assert outcome.message and "no-such-program" in outcome.message
        assert self.living() == []

    def test_a_timeout_ends_all_replicas_and_restarts_none(self) -> None:
        outcome = self.run(self.role("main", f"sleep 1000 & {FOREVER}", replicas=3, restarts=3), timeout=0.5)
        assert (outcome.ended, outcome.exit_code) == (Ending.TIMED_OUT, 124)
        assert self.living() == []

    # --- cancel

    def test_nothing_starts_after_a_request_to_cancel(self) -> None:
        self.cancel.request(Level.INTERRUPT)
        outcome = self.run(self.role("main", "echo begun", replicas=2, restarts=2))
        assert (outcome.ended, outcome.exit_code) == (Ending.INTERRUPTED, 130)
        assert all(not console.text for console in self.console.replicas.values())

    @pytest.mark.parametrize("level", [Level.INTERRUPT, Level.TERMINATE, Level.KILL])
    def test_each_level_ends_all_replicas_and_restarts_none(self, level: Level) -> None:
        self.when("main.1", "ready", level)
        helper = self.role("helper", FOREVER, keep_alive=True)
        outcome = self.run(helper, self.role("main", f"echo ready; {FOREVER}", replicas=2, restarts=2))
        assert (outcome.ended, outcome.exit_code) == (Ending.INTERRUPTED, 130)
        assert self.output("main.1").count("ready") == 1  # a shell may add that its child was terminated
        assert self.living() == []

    def test_a_replica_that_ignores_one_level_lives_until_the_next(self) -> None:
        self.when("deaf.0", "ready", Level.INTERRUPT)
        self.when("deaf.0", "got INT", Level.TERMINATE)
        self.when("deaf.0", "got TERM", Level.KILL)
        deaf = self.role("deaf", f"trap 'echo got INT' INT; trap 'echo got TERM' TERM; echo ready; {FOREVER}")
        assert self.run(deaf, self.role("other", FOREVER)).ended is Ending.INTERRUPTED
        got = [line for line in self.output("deaf.0") if line != "Terminated"]  # which some shells write
        assert got == ["ready", "got INT", "got TERM"]
        assert self.living() == []

    def test_an_exception_of_a_receiver_ends_the_job_and_is_raised(self) -> None:
        def fail() -> None:
            raise BrokenPipeError("no reader")

        self.console.replica("main.0").when("ready", fail)
        with pytest.raises(BrokenPipeError, match="no reader"):
            self.run(self.role("main", f"echo ready; {FOREVER}"), self.role("other", f"trap '' TERM; {FOREVER}"))
        assert self.living() == []


class SharedRolesContract(RolesContract):
    """What holds where replicas share the directory of the test."""

    def test_a_replica_may_succeed_when_it_is_started_again(self) -> None:
        once = self.role("main", "mkdir done$REPLICA_INDEX && exit 1; echo again", replicas=2, restarts=1)
        assert self.run(once).succeeded
        assert [self.output(f"main.{n}")[-1] for n in (0, 1)] == ["again", "again"]
