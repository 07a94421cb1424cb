"""Runs one replica of a job with roles, as a task of srun."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobRole, Outcome
from weaselish.executors.replicas import Node, Nodes, replica_job
from weaselish.executors.slurm.description import Secrets, job_from
from weaselish.executors.slurm.files import JobFiles
from weaselish.executors.slurm.node import TICK, StreamOutput, lock, node_name, run_lines
from weaselish.executors.slurm.stream import Began, Ended, Offered, StreamWriter

SECRETS_VARIABLE = "PROJ_JOB_SECRETS"  # of srun, whose environment reaches its tasks and no disk
_WATCH = 0.5  # seconds between two looks at what the leader says
_OFFERED = 16  # ports; replicas on one machine must not choose the same


def run_replica(facts: dict[str, Any], files: JobFiles, role_name: str, cancel: Cancel) -> int:
    """Run the replica whose number Slurm gives, up to `restarts` times more if it fails. Return its exit code."""
    secrets = Secrets(**json.loads(os.environ.pop(SECRETS_VARIABLE)))
    os.environ.update(secrets.ambient)
    job = job_from(facts, secrets)
    role = next(one for one in job.roles if one.name == role_name)
    number = int(os.environ["SLURM_PROCID"])
    path = files.replica(f"{role.name}.{number}")
    with open(path, "r+b") as locked:
        lock(locked.fileno(), cancel)
        with StreamWriter(path) as stream, _watching(files, cancel):
            outcome = _run(job, role, number, facts, files, stream, cancel, locked.fileno())
            stream.event(Ended(outcome._replace(host=node_name(), replica=f"{role.name}.{number}")))
    return outcome.exit_code


def _run(
    job: Job,
    role: JobRole,
    number: int,
    facts: dict[str, Any],
    files: JobFiles,
    stream: StreamWriter,
    cancel: Cancel,
    locked: int,
) -> Outcome:
    stream.event(Began(node_name(), 1))
    stream.event(Offered(_address(), os.uname().nodename, _free_ports(role.port)))
    nodes = _nodes(files, cancel)
    outcome = Outcome(Ending.INTERRUPTED, cancel.exit_code, 0)
    for attempt in range(1, role.restarts + 2):
        if nodes is None or cancel.level:
            break
        mine = replica_job(job, role, number, nodes)._replace(timeout=None)
        outcome = run_lines(mine, facts, StreamOutput(stream), cancel, locked)._replace(attempt=attempt)
        if outcome.succeeded or outcome.ended is Ending.NOT_STARTED:
            break
    return outcome


def _address() -> str:
    """Return the name of this node in Slurm, if it is one of the network, else that of the machine."""
    try:
        socket.getaddrinfo(node_name(), None)
    except OSError:
        return os.uname().nodename
    return node_name()


def _free_ports(wanted: int | None) -> tuple[int, ...]:
    """Return free ports, the wanted one first if it is free."""
    sockets = [socket.socket() for _ in range(_OFFERED)]
    ports = []
    for index, one in enumerate(sockets):
        with one:
            try:
                one.bind(("", wanted if index == 0 and wanted else 0))
            except OSError:
                continue
            ports.append(one.getsockname()[1])
    return tuple(dict.fromkeys(ports))


def _nodes(files: JobFiles, cancel: Cancel) -> Nodes | None:
    """Wait until the leader says where all replicas listen. None if the job is to end before."""
    while not cancel.level:
        if nodes := _control(files).get("nodes"):
            return {role: tuple(Node(*node) for node in of_role) for role, of_role in nodes.items()}
        cancel.wait(TICK)
    return None


@contextmanager
def _watching(files: JobFiles, cancel: Cancel) -> Iterator[None]:
    """Pass requests of the leader to end on, during the block."""
    has_ended = threading.Event()

    def watch() -> None:
        while not has_ended.wait(_WATCH):
            cancel.request(Level(_control(files).get("level", Level.RUN)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _control(files: JobFiles) -> dict[str, Any]:
    content = files.control.read_bytes()
    return dict(json.loads(content)) if content else {}
