"""Follows one job, or one replica of it: its pods as the watch sees them, and their output, until it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from queue import Empty
from time import monotonic
from typing import Any

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.kubernetes import pods
from weaselish.executors.kubernetes.cluster import Cluster, ClusterError, PodEvent, Unreachable
from weaselish.executors.kubernetes.manifests import CONTAINER, NOT_AGAIN
from weaselish.executors.kubernetes.watching import PAUSES, Gone, Messages, start
from weaselish.named_tuple import NamedTuple

_TICK = 0.1  # seconds between two looks at cancellation and deadlines
_LOG_END = 5.0  # seconds that the pod's state may come after the end of its log
_GONE = 60.0  # seconds that the pod of a deleted job may take to end
_GRACE = {Level.INTERRUPT: 30, Level.TERMINATE: 5, Level.KILL: 0}  # seconds between SIGTERM and SIGKILL


class _Log(NamedTuple):
    data: bytes


class _LogEnd(NamedTuple):
    pass


class _Pod:
    """A pod as far as it is known. `ended` is set with its container's end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.outcome: Outcome | None = None
        self.is_log_open = self.is_log_done = self.is_gone = False
        self.has_failed = False  # for the cluster, which then starts another pod if it may
        self.ended = threading.Event()

    @property
    def is_over(self) -> bool:
        return self.is_gone or (self.outcome is not None and (self.is_log_done or not self.is_log_open))


class Following:
    """Follows what runs in the pods whose states come through `messages`: one pod, and one more for each restart.

    `end` deletes the job with a number of seconds between SIGTERM and SIGKILL. Another thread reads the log; the
    caller's passes on what it reads.
    """

    def __init__(
        self,
        cluster: Cluster,
        job: Job,
        output: JobOutput,
        cancel: Cancel,
        end: Callable[[int], None],
        messages: Messages,
        restarts: int = 0,
    ) -> None:
        self._messages = messages
        self._cluster = cluster
        self._job = job
        self._output = output
        self._cancel = cancel
        self._end = end
        self._restarts = restarts
        self._stopped = threading.Event()
        self._pod: _Pod | None = None
        self._past: list[_Pod] = []
        self._early: list[PodEvent] = []  # of pods that started before the log of the one before was read
        self._is_gone = False
        self._level = Level.RUN  # of the request that was passed on to the cluster
        self._given_up: Outcome | None = None  # why the job was deleted
        self._delete_by = inf
        self._shown: str | None = None
        self._started = inf  # when its container was first seen to run

    def outcome(self) -> Outcome:
        """Wait for the end of the job. Raises ClusterError, and what the output raises."""
        begun = monotonic()
        try:
            while not self._is_over():
                self._take(_TICK)
                self._heed_requests()
                self._heed_deadlines(begun)
        finally:
            self._stopped.set()
        if self._given_up is not None:
            return self._given_up
        lost = Outcome(Ending.NOT_STARTED, 1, message="its job or pod was deleted on the cluster")
        return (self._pod.outcome if self._pod else None) or lost

    def _is_over(self) -> bool:
        if self._given_up is not None:
            has_ended = self._pod is not None and (self._pod.outcome is not None or self._pod.is_gone)
            return self._is_gone or has_ended or monotonic() > self._delete_by
        if self._pod is not None and self._pod.is_over and self._may_restart(self._pod):
            self._await_next(self._pod)
        return self._is_gone or (self._pod is not None and self._pod.is_over)

    def _may_restart(self, pod: _Pod) -> bool:
        """Return whether the cluster starts another pod in place of one that failed."""
        outcome = pod.outcome
        if len(self._past) >= self._restarts or (outcome and (outcome.succeeded or outcome.exit_code in NOT_AGAIN)):
            return False
        return pod.has_failed or (outcome is not None and outcome.ended is not Ending.NOT_STARTED)

    def _await_next(self, pod: _Pod) -> None:
        self._past.append(pod)
        self._pod = None
        has_ended = pod.outcome is not None and pod.outcome.ended is not Ending.NOT_STARTED
        why = f"exit code {pod.outcome.exit_code}" if pod.outcome and has_ended else "the loss of its pod"
        self._output.write(f"Restart {len(self._past)} of {self._restarts} after {why}\n".encode())
        early, self._early = self._early, []
        for event in early:
            self._see(event)

    def _take(self, seconds: float) -> None:
        try:
            message = self._messages.get(timeout=seconds)
        except Empty:
            return
        match message:
            case PodEvent():
                self._see(message)
            case _Log(data):
                self._output.write(data)
            case _LogEnd() if self._pod is not None:
                self._pod.is_log_done = True
            case Gone():
                self._is_gone = True
            case BaseException():
                raise message

    def _see(self, event: PodEvent) -> None:
        name = event.pod["metadata"]["name"]
        if any(past.name == name for past in self._past):
            return
        if self._pod is None:
            self._pod = _Pod(name)
        if self._pod.name != name:
            self._early.append(event)
            return
        self._look_at(self._pod, event.pod, is_deleted=event.is_deleted)

    def _look_at(self, pod: _Pod, seen: Mapping[str, Any], *, is_deleted: bool) -> None:
        pod.outcome = pod.outcome or pods.outcome_of(seen)
        pod.has_failed = pod.has_failed or is_deleted or pods.has_failed(seen)
        if pods.has_started(seen) and not pod.is_log_open:
            pod.is_log_open, self._started = True, min(self._started, monotonic())
            for line in self._job.lines[:1]:
                self._output.start_line(line, line.words[0])
            start(partial(self._read_log, pod), self._messages.put)
        if pod.outcome is not None:
            pod.ended.set()
        elif is_deleted:
            pod.is_gone = True
            pod.ended.set()
        elif (reason := pods.waits_for(seen)) and reason != self._shown:
            self._shown = reason
            self._output.write(f"waiting for the cluster: {reason}\n".encode())

    # -- the end ----------------------------------------------------------------------------------------------------

    def _heed_requests(self) -> None:
        level = self._cancel.level
        if level > self._level:
            self._level = level
            self._give_up(Outcome(Ending.INTERRUPTED, self._cancel.exit_code, 0), _GRACE[level])

    def _heed_deadlines(self, begun: float) -> None:
        if self._given_up is not None or (self._pod is not None and self._pod.outcome is not None):
            return
        job, passed = self._job, monotonic() - begun
        if self._started == inf:
            if job.queue_timeout is not None and passed > job.queue_timeout:
                message = f"no pod started within {job.queue_timeout:g} s{f' ({self._shown})' if self._shown else ''}"
                self._give_up(Outcome(Ending.NOT_STARTED, 1, message=message, hint="raise `queue_timeout`"), 0)
        elif job.timeout is not None and monotonic() - self._started > job.timeout:
            self._give_up(Outcome(Ending.TIMED_OUT, 124, 0), _GRACE[Level.TERMINATE])

    def _give_up(self, why: Outcome, grace: int) -> None:
        self._given_up = self._given_up or why
        self._delete_by = monotonic() + _GONE
        try:
            self._end(grace)
        except Unreachable as error:
            self._output.write(f"{error.message}; the job may still run there\n".encode())
            self._is_gone = True
        self._is_gone = self._is_gone or self._pod is None

    @property
    def attempt(self) -> int:
        """The number of pods so far."""
        return len(self._past) + 1

    # -- the thread that reads --------------------------------------------------------------------------------------

    def _read_log(self, pod: _Pod) -> None:
        """Pass on the output of the container. After a broken connection, skip what was passed on before."""
        passed = 0
        while not self._stopped.is_set():
            is_last, at = pod.ended.is_set(), 0
            try:
                for data in self._cluster.log(pod.name, CONTAINER):
                    at += len(data)
                    if at > passed:
                        self._messages.put(_Log(data[len(data) - (at - passed) :] if at - passed < len(data) else data))
                        passed = at
                if is_last or pod.ended.wait(_LOG_END):
                    break
            except Unreachable:
                self._stopped.wait(PAUSES[0])
            except ClusterError:
                if is_last:
                    break  # the pod is gone, and its log with it
                self._stopped.wait(PAUSES[0])
        self._messages.put(_LogEnd())
