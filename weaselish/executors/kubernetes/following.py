"""Follows one job in a cluster: its pod through a watch, its output through the log, until it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, NamedTuple

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.kubernetes import pods
from weaselish.executors.kubernetes.cluster import Cluster, ClusterError, Expired, PodEvent, Unreachable
from weaselish.executors.kubernetes.manifests import CONTAINER, JOB

_TICK = 0.1  # seconds between two looks at cancellation and deadlines
_PAUSES = (0.5, 15.0)  # seconds between two attempts to reach the cluster: at first, at most
_LOG_END = 5.0  # seconds that the pod's state may come after the end of its log
_GONE = 60.0  # seconds that the pod of a deleted job may take to end
_GRACE = {Level.INTERRUPT: 30, Level.TERMINATE: 5, Level.KILL: 0}  # seconds between SIGTERM and SIGKILL


class _Log(NamedTuple):
    data: bytes


class _LogEnd(NamedTuple):
    pass


class _Gone(NamedTuple):
    """The cluster has neither the job nor a pod of it."""


_Message = PodEvent | _Log | _LogEnd | _Gone | BaseException


class Following:
    """Follows a job that exists. Two threads read from the cluster; the caller's passes on what they read."""

    def __init__(self, cluster: Cluster, job: Job, name: str, output: JobOutput, cancel: Cancel) -> None:
        self._cluster = cluster
        self._job = job
        self._name = name
        self._output = output
        self._cancel = cancel
        self._messages: SimpleQueue[_Message] = SimpleQueue()
        self._stopped = threading.Event()
        self._ended = threading.Event()  # the container has ended
        self._pod: Mapping[str, Any] | None = None
        self._outcome: Outcome | None = None
        self._level = Level.RUN  # of the request that was passed on to the cluster
        self._given_up: Outcome | None = None  # why the job was deleted
        self._delete_by = inf
        self._is_log_open = self._is_log_done = self._is_gone = False
        self._shown: str | None = None
        self._started = inf  # when its container was first seen to run

    def outcome(self) -> Outcome:
        """Wait for the end of the job. Raises ClusterError, and what the output raises."""
        begun = monotonic()
        self._start(self._watch)
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
        return self._outcome or lost

    def _is_over(self) -> bool:
        if self._given_up is not None:
            return self._is_gone or self._outcome is not None or monotonic() > self._delete_by
        return self._is_gone or (self._outcome is not None and (self._is_log_done or not self._is_log_open))

    def _take(self, seconds: float) -> None:
        try:
            message = self._messages.get(timeout=seconds)
        except Empty:
            return
        match message:
            case PodEvent(pod, is_deleted):
                self._see(pod, is_deleted=is_deleted)
            case _Log(data):
                self._output.write(data)
            case _LogEnd():
                self._is_log_done = True
            case _Gone():
                self._is_gone = True
            case BaseException():
                raise message

    def _see(self, pod: Mapping[str, Any], *, is_deleted: bool) -> None:
        self._pod = pod
        self._outcome = self._outcome or pods.outcome_of(pod)
        if pods.has_started(pod) and not self._is_log_open:
            self._is_log_open, self._started = True, monotonic()
            for line in self._job.lines[:1]:
                self._output.start_line(line, line.words[0])
            self._start(partial(self._read_log, pod["metadata"]["name"]))
        if self._outcome is not None:
            self._ended.set()
        elif is_deleted:
            self._is_gone = True
        elif (reason := pods.waits_for(pod)) and reason != self._shown:
            self._shown = reason
            self._output.write(f"waiting for the cluster: {reason}\n".encode())

    # -- the end ----------------------------------------------------------------------------------------------------

    def _heed_requests(self) -> None:
        level = self._cancel.level
        if level > self._level:
            self._level = level
            self._give_up(Outcome(Ending.INTERRUPTED, self._cancel.exit_code, 0), _GRACE[level])

    def _heed_deadlines(self, begun: float) -> None:
        if self._given_up is not None or self._outcome is not None:
            return
        job, passed = self._job, monotonic() - begun
        if not self._is_log_open:
            if job.queue_timeout is not None and passed > job.queue_timeout:
                message = f"no pod started within {job.queue_timeout:g} s{f' ({self._shown})' if self._shown else ''}"
                self._give_up(Outcome(Ending.NOT_STARTED, 1, message=message, hint="raise `queue_timeout`"), 0)
        elif job.timeout is not None and monotonic() - self._started > job.timeout:
            self._give_up(Outcome(Ending.TIMED_OUT, 124, 0), _GRACE[Level.TERMINATE])

    def _give_up(self, why: Outcome, grace: int) -> None:
        self._given_up = self._given_up or why
        self._delete_by = monotonic() + _GONE
        try:
            self._cluster.delete_job(self._name, grace=grace)
        except Unreachable as error:
            self._output.write(f"{error.message}; the job `{self._name}` may still run there\n".encode())
            self._is_gone = True

    # -- threads that read ------------------------------------------------------------------------------------------

    def _start(self, read: Callable[[], None]) -> None:
        """Start a thread whose exceptions the caller's thread raises."""

        def guarded() -> None:
            try:
                read()
            except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
                self._messages.put(error)

        threading.Thread(target=guarded, daemon=True).start()

    def _watch(self) -> None:
        """Pass on each state of the pod, whatever happens to the connection."""
        selector, version, pause = f"{JOB}={self._name}", "", _PAUSES[0]
        while not self._stopped.is_set():
            try:
                if not version:
                    version = self._list(selector)
                for event, seen in self._cluster.watch_pods(selector, version):
                    self._messages.put(event)
                    version = seen
                    pause = _PAUSES[0]
                    if self._stopped.is_set():
                        return
            except Expired:
                version = ""
            except Unreachable:
                version = ""
                self._stopped.wait(pause)
                pause = min(2 * pause, _PAUSES[1])

    def _list(self, selector: str) -> str:
        found, version = self._cluster.pods(selector)
        for pod in found:
            self._messages.put(PodEvent(pod))
        if not found and not self._cluster.has_job(self._name):
            self._messages.put(_Gone())
        return version

    def _read_log(self, pod: str) -> None:
        """Pass on the output of the container. After a broken connection, skip what was passed on before."""
        passed = 0
        while not self._stopped.is_set():
            is_last, at = self._ended.is_set(), 0
            try:
                for data in self._cluster.log(pod, CONTAINER):
                    at += len(data)
                    if at > passed:
                        self._messages.put(_Log(data[len(data) - (at - passed) :] if at - passed < len(data) else data))
                        passed = at
                if is_last or self._ended.wait(_LOG_END):
                    break
            except Unreachable:
                self._stopped.wait(_PAUSES[0])
            except ClusterError:
                if is_last:
                    break  # the pod is gone, and its log with it
                self._stopped.wait(_PAUSES[0])
        self._messages.put(_LogEnd())
