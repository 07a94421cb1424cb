"""What each replica of a job with roles gets: its name, its environment, and the job that it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from weaselish.executors.base import Job, JobRole
from weaselish.model.roles import variable_name
from weaselish.named_tuple import NamedTuple

VISIBLE = "CUDA_VISIBLE_DEVICES"
MASTER_PORT = 29500  # where no port is known: the one that torchrun uses
_TENSORFLOW = ("chief", "worker", "ps")  # the roles of a TensorFlow cluster; its evaluator is outside
_EVALUATOR = "evaluator"


class Node(NamedTuple):
    """Where a replica listens. `port` may be known although its role declares none."""

    host: str
    port: int | None = None


Nodes = Mapping[str, tuple[Node, ...]]  # name of a role -> its replicas in order


class Replica(NamedTuple):
    role: JobRole
    number: int  # its index in the role

    @property
    def name(self) -> str:
        """Its name in messages and logs: `worker.2`."""
        return self.role.replica_names[self.number]


def replicas_of(job: Job) -> tuple[Replica, ...]:
    """Return the replicas of all roles, in the order of the roles."""
    return tuple(Replica(role, number) for role in job.roles for number in range(role.replicas))


def replica_job(job: Job, role: JobRole, index: int, nodes: Nodes) -> Job:
    """Return the job that one replica runs: a job without roles."""
    return job._replace(
        lines=role.lines,
        env=replica_environment(job, role, index, nodes),
        limits=role.limits,
        resources=role.resources,
        image=role.image or job.image,
        roles=(),
    )


def replica_environment(job: Job, role: JobRole, index: int, nodes: Nodes) -> dict[str, str]:
    """Return all variables of one replica. What the project declares has priority over what is set here.

    RANK counts the replicas of one world: those of all roles without `keep_alive`, in the order of the roles. A role
    with `keep_alive` is a world of its own. LOCAL_RANK is 0, as each replica sees only its own GPUs.
    """
    world = [
        (one, number)
        for one in job.roles
        for number in range(one.replicas)
        if (one.name == role.name if role.keep_alive else not one.keep_alive)
    ]
    first = world[0][0]
    master = nodes[first.name][0]
    return {
        "GPU_COUNT": str(role.resources.gpus),
        "REPLICA_INDEX": str(index),
        **{f"{variable_name(one.name)}_NODES": ",".join(_addresses(one, nodes)) for one in job.roles},
        "BUILD_ID": str(job.id.run),
        "TASK_NAME": job.name,
        "PROJECT_NAME": job.project,
        "RANK": str(world.index((role, index))),
        "WORLD_SIZE": str(len(world)),
        "LOCAL_RANK": "0",
        "MASTER_ADDR": master.host,
        "MASTER_PORT": str(master.port or first.port or MASTER_PORT),
        **_tensorflow(job, role, index, nodes),
        **job.env,
        **_own_gpus(job, role, index),
        **role.env,
    }


def _own_gpus(job: Job, role: JobRole, index: int) -> dict[str, str]:
    """Return which of the job's GPUs belong to one replica: those after the GPUs of the replicas before it.

    Without a variable that lists the job's GPUs, another system assigns them.
    """
    if VISIBLE not in job.env or not any(one.resources.gpus for one in job.roles):
        return {}
    before = 0
    for replica in replicas_of(job):
        if replica == (role, index):
            break
        before += replica.role.resources.gpus
    names = job.env[VISIBLE].split(",")
    return {VISIBLE: ",".join(names[before : before + role.resources.gpus])}


def _addresses(role: JobRole, nodes: Nodes) -> Iterator[str]:
    """Yield `host:port` for each replica of a role, the host alone if the role has no port."""
    for node in nodes[role.name]:
        host = f"[{node.host}]" if ":" in node.host else node.host
        yield host if role.port is None else f"{host}:{node.port or role.port}"


def _tensorflow(job: Job, role: JobRole, index: int, nodes: Nodes) -> dict[str, str]:
    """Return TF_CONFIG for a role of a TensorFlow cluster, each role of which has a port."""
    members = [one for one in job.roles if one.name in _TENSORFLOW]
    if role.name not in (*_TENSORFLOW, _EVALUATOR) or not members or any(one.port is None for one in members):
        return {}
    cluster = {one.name: list(_addresses(one, nodes)) for one in members}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role.name, "index": index}})}
