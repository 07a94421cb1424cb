"""Runs a job with roles on its first node: starts the replicas by srun, introduces them, and decides on the end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from math import inf
from time import monotonic
from typing import Self

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobRole, Outcome
from weaselish.executors.replicas import Replica, replicas_of
from weaselish.executors.slurm.description import Secrets
from weaselish.executors.slurm.files import JobFiles, start_command
from weaselish.executors.slurm.node import TICK
from weaselish.executors.slurm.options import task_options
from weaselish.executors.slurm.replica import SECRETS_VARIABLE
from weaselish.executors.slurm.stream import Ended, Offered, read_frames
from weaselish.files.atomic import write_atomically

_SETTLING = 3.0  # seconds until the stream of a replica that has ended surely arrived


class Leader:
    """One job with roles. `grace`: seconds between the request to end and the end of replicas that must end."""

    def __init__(self, job: Job, files: JobFiles, secrets: Secrets, cancel: Cancel, grace: float) -> None:
        self._job = job
        self._files = files
        self._secrets = secrets
        self._cancel = cancel
        self._grace = grace
        self._offsets = {one.name: files.replica(one.name).stat().st_size for one in replicas_of(job)}
        self._offered: dict[str, Offered] = {}
        self._ended: dict[str, Outcome] = {}
        self._steps: dict[str, subprocess.Popen[bytes]] = {}
        self._nodes: dict[str, list[tuple[str, int | None]]] | None = None  # None until all replicas are there
        self._level = Level.RUN
        self._lost_at = inf  # since when a replica is missing

    def __enter__(self) -> Self:
        self._tell()  # what an earlier start of the job wrote is out of date
        for group, role in enumerate(self._job.roles):
            self._steps[role.name] = self._start(group, role)
        return self

    def __exit__(self, *_: object) -> None:
        """End the replicas that still run, at the latest after the grace time."""
        self._request(Level.TERMINATE)
        until = monotonic() + self._grace
        while self._runs() and monotonic() < until:
            self._cancel.wait(TICK, above=Level.TERMINATE)
        self._request(Level.KILL)
        for step in self._steps.values():
            step.wait()

    def outcome(self) -> Outcome:
        """Wait until every role without `keep_alive` has ended, or a replica has failed."""
        deadline = monotonic() + (inf if self._job.timeout is None else self._job.timeout)
        awaited = [one.name for one in replicas_of(self._job) if not one.role.keep_alive]
        while True:
            has_ended = not self._runs()
            self._look()
            self._request(self._cancel.level)
            failed = next((outcome for outcome in self._ended.values() if not outcome.succeeded), None)
            if self._cancel.level:
                if has_ended:
                    return Outcome(Ending.INTERRUPTED, self._cancel.exit_code)
            elif failed is not None:
                return failed
            elif all(name in self._ended for name in awaited):
                return Outcome(Ending.EXITED, 0)
            elif (lost := self._lost()) is not None:
                return Outcome(Ending.EXITED, 1, message="Slurm could not start all replicas", replica=lost)
            elif monotonic() >= deadline:
                return Outcome(Ending.TIMED_OUT, 124)
            self._cancel.wait(TICK, above=min(self._level, Level.TERMINATE))

    def _start(self, group: int, role: JobRole) -> subprocess.Popen[bytes]:
        groups = [f"--het-group={group}"] if len(self._job.roles) > 1 else []
        return subprocess.Popen(
            ["srun", *groups, *task_options(role), *start_command(self._files.description, role.name)],
            stdin=subprocess.DEVNULL,
            env={**os.environ, SECRETS_VARIABLE: json.dumps(self._secrets._asdict())},
        )

    def _runs(self) -> bool:
        return any(step.poll() is None for step in self._steps.values())

    def _lost(self) -> str | None:
        """Return a replica whose step has ended without its end, also after the stream had the time to arrive."""
        over = {role for role, step in self._steps.items() if step.returncode is not None}
        lost = [one.name for one in replicas_of(self._job) if one.role.name in over and one.name not in self._ended]
        self._lost_at = min(self._lost_at, monotonic()) if lost else inf
        return lost[0] if lost and monotonic() - self._lost_at > _SETTLING else None

    def _look(self) -> None:
        """Read what the replicas say, and introduce them to each other once all are there."""
        for replica in replicas_of(self._job):
            for frame, offset in read_frames(self._files.replica(replica.name), self._offsets[replica.name]):
                self._offsets[replica.name] = offset
                if isinstance(frame, Offered):
                    self._offered[replica.name] = frame
                    if len(self._offered) == len(self._offsets):
                        self._introduce()
                elif isinstance(frame, Ended):
                    self._ended[replica.name] = frame.outcome

    def _introduce(self) -> None:
        nodes: dict[str, list[tuple[str, int | None]]] = {role.name: [] for role in self._job.roles}
        for replica, address in self._addresses():
            nodes[replica.role.name].append(address)
        self._nodes = nodes
        self._tell()

    def _addresses(self) -> Iterator[tuple[Replica, tuple[str, int | None]]]:
        """Yield where each replica listens: each on a port that no other replica of its machine has."""
        taken: set[tuple[str, int]] = set()
        for replica in replicas_of(self._job):
            offered = self._offered[replica.name]
            port = next((port for port in offered.ports if (offered.machine, port) not in taken), None)
            taken.add((offered.machine, port or 0))
            yield replica, (offered.host, port)

    def _request(self, level: Level) -> None:
        """Pass a request to end on to the replicas, each level once.

        srun gives a signal to all processes of a replica, of which one that does not expect it dies. So only SIGKILL
        goes that way: SIGTERM lets srun send it.
        """
        if level > self._level:
            self._level = level
            self._tell()
            for step in self._steps.values():
                if level is Level.KILL and step.poll() is None:
                    step.terminate()

    def _tell(self) -> None:
        content = {"nodes": self._nodes, "level": self._level}
        write_atomically(self._files.control, [json.dumps(content).encode()], mode=0o600)
