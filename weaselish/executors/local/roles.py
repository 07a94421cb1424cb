"""Runs the replicas of a job with roles as processes of this machine, and ends them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.local.ports import free_ports
from weaselish.executors.local.processes import ProcessTree
from weaselish.executors.replicas import Node, Nodes, Replica, replica_job, replicas_of
from weaselish.named_tuple import NamedTuple

HOST = "127.0.0.1"  # where all replicas listen

RunOne = Callable[[Job, JobOutput, Cancel], tuple[Outcome, ProcessTree]]

_NOT_AGAIN = (Ending.INTERRUPTED, Ending.TIMED_OUT, Ending.NOT_STARTED)


class _Ended(NamedTuple):
    replica: Replica
    result: Outcome | BaseException


def run_roles(job: Job, run_one: RunOne, *, output: JobOutput, cancel: Cancel, grace: float) -> Outcome:
    """Run all replicas until those without `keep_alive` have ended, or one has failed, and end the others.

    `run_one` runs a job without roles. `grace` is the number of seconds between SIGTERM and SIGKILL.
    """
    with ExitStack() as stack:
        try:
            nodes = stack.enter_context(nodes_on_this_machine(job))
        except ProjError as error:
            return Outcome(Ending.NOT_STARTED, 126, message=error.message, hint=error.hint)
        work, helpers = (stack.enter_context(cancel.child()) for _ in range(2))
        replicas = _Replicas(run_one, work, helpers, grace)
        return replicas.run(
            [
                (replica, replica_job(job, replica.role, replica.number, nodes), output.replica(replica.name))
                for replica in replicas_of(job)
            ]
        )


@contextmanager
def nodes_on_this_machine(job: Job) -> Iterator[Nodes]:
    """Give a free port to each replica of a role that has a port. The first one of any role has one, for MASTER_PORT.

    Replicas that share a machine cannot share a port, so that the port that a role declares is not used.
    """
    counts = {role.name: role.replicas if role.port else 1 for role in job.roles}
    with free_ports(sum(counts.values())) as ports:
        left = iter(ports)
        nodes = {}
        for role in job.roles:
            numbers = [next(left) for _ in range(counts[role.name])]
            nodes[role.name] = tuple(
                Node(HOST, numbers[index] if index < len(numbers) else None) for index in range(role.replicas)
            )
        yield nodes


class _Replicas:
    """The replicas of one job, each in a thread of its own.

    `work` ends those that the job waits for, `helpers` those with `keep_alive`.
    """

    def __init__(self, run_one: RunOne, work: Cancel, helpers: Cancel, grace: float) -> None:
        self._run_one = run_one
        self._work = work
        self._helpers = helpers
        self._grace = grace
        self._ended: SimpleQueue[_Ended] = SimpleQueue()
        self._trees: list[tuple[Replica, ProcessTree]] = []  # of replicas that succeeded; appending is atomic
        self._is_ending = False
        self._kill_at = inf

    def run(self, replicas: list[tuple[Replica, Job, JobOutput]]) -> Outcome:
        threads = [Thread(target=self._run_replica, args=one) for one in replicas]
        succeeded = False
        try:
            for thread, (replica, _, _) in zip(threads, replicas, strict=True):
                self._start(thread, replica)
            outcome = self._wait({replica.name: replica for replica, _, _ in replicas})
            succeeded = outcome.succeeded
            return outcome
        finally:
            self._request(Level.KILL)  # without effect, unless an exception came
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            self._end_left_behind(succeeded=succeeded)

    def _start(self, thread: Thread, replica: Replica) -> None:
        try:
            thread.start()
        except RuntimeError:
            message = "the system allows no more threads"
            self._ended.put(_Ended(replica, Outcome(Ending.NOT_STARTED, 126, message=message, replica=replica.name)))

    def _run_replica(self, replica: Replica, job: Job, output: JobOutput) -> None:
        try:
            result: Outcome | BaseException = self._with_restarts(replica, job, output)
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            result = error
        self._ended.put(_Ended(replica, result))

    def _with_restarts(self, replica: Replica, job: Job, output: JobOutput) -> Outcome:
        """Run a replica until it succeeds, is to end, or its restarts are used up."""
        cancel = self._helpers if replica.role.keep_alive else self._work
        for attempt in range(1, replica.role.restarts + 2):
            outcome, tree = self._run_one(job, output, cancel)
            if outcome.succeeded:
                self._trees.append((replica, tree))
            if outcome.succeeded or outcome.ended in _NOT_AGAIN or attempt > replica.role.restarts:
                break
            output.write(f"Restart {attempt} of {replica.role.restarts} after exit code {outcome.exit_code}\n".encode())
        return outcome._replace(replica=replica.name, attempt=attempt)

    def _wait(self, living: dict[str, Replica]) -> Outcome:
        """Wait for the end of all replicas, and return the first failure, or a success."""
        decided: Outcome | None = None
        is_limited = True
        error: BaseException | None = None
        while living:
            ended = self._next()
            if ended is None:
                self._request(Level.KILL)
                continue
            del living[ended.replica.name]
            if isinstance(ended.result, BaseException):
                error = error or ended.result
                self._end(self._work, self._helpers)
                continue
            is_limited &= ended.result.is_limited
            if decided is None and not ended.result.succeeded:
                decided = ended.result
                if decided.ended is not Ending.INTERRUPTED:  # after a request to cancel, the engine sets the pace
                    self._end(self._work, self._helpers)
            if all(replica.role.keep_alive for replica in living.values()):
                decided = decided or ended.result._replace(replica=None)
                self._end(self._helpers)
        if error is not None:
            raise error
        assert decided is not None
        return decided._replace(is_limited=is_limited)

    def _next(self) -> _Ended | None:
        """Return the next replica that ended; None when those that were asked to end have had their time."""
        try:
            return self._ended.get(timeout=None if self._kill_at == inf else max(0.0, self._kill_at - monotonic()))
        except Empty:
            self._kill_at = inf
            return None

    def _end(self, *tokens: Cancel) -> None:
        """Ask replicas to end. After the grace time, those that live are killed."""
        if not self._is_ending:
            self._is_ending, self._kill_at = True, monotonic() + self._grace
        for token in tokens:
            token.request(Level.TERMINATE)

    def _request(self, level: Level) -> None:
        for token in (self._work, self._helpers):
            token.request(level)

    def _end_left_behind(self, *, succeeded: bool) -> None:
        """End what replicas left behind when they succeeded, unless the job did: then only that of helpers."""
        for replica, tree in self._trees:
            if replica.role.keep_alive or not succeeded:
                tree.end(self._grace, self._work)
