from __future__ import annotations

import json

import pytest

from weaselish.executors.base import Job, JobId, JobRole, Line
from weaselish.executors.replicas import Node, replica_environment, replica_job, replicas_of
from weaselish.model.resources import Resources

LINE = Line(("true",), "true", "true")


def job(*roles: JobRole, **changes: str) -> Job:
    return Job(JobId("train-it", "key", 7), (), roles=roles, project="mnist", env=changes)


PS = JobRole("ps", 1, (LINE,), port=2222, keep_alive=True)
WORKER = JobRole("worker", 4, (LINE,), port=2222, resources=Resources(gpus=1))
NODES = {"ps": (Node("a", 3000),), "worker": tuple(Node(f"w{number}") for number in range(4))}


def test_a_worker_beside_a_parameter_server_gets_every_variable() -> None:
    environment = replica_environment(job(PS, WORKER), WORKER, 2, NODES)
    config = json.loads(environment.pop("TF_CONFIG"))
    workers = ["w0:2222", "w1:2222", "w2:2222", "w3:2222"]
    assert config == {"cluster": {"ps": ["a:3000"], "worker": workers}, "task": {"type": "worker", "index": 2}}
    assert environment == {
        "GPU_COUNT": "1",
        "REPLICA_INDEX": "2",
        "PS_NODES": "a:3000",
        "WORKER_NODES": ",".join(workers),
        "BUILD_ID": "7",
        "TASK_NAME": "train-it",
        "PROJECT_NAME": "mnist",
        "RANK": "2",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": "w0",
        "MASTER_PORT": "2222",
    }


def test_a_role_that_stays_alive_has_a_world_of_its_own() -> None:
    environment = replica_environment(job(PS, WORKER), PS, 0, NODES)
    assert [environment[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")] == [
        "0",
        "1",
        "a",
        "3000",
    ]
    assert environment["GPU_COUNT"] == "0"


def test_ranks_go_on_from_one_role_to_the_next() -> None:
    chief, evaluator = JobRole("chief", 1, (LINE,)), JobRole("e-val", 2, (LINE,))
    nodes = {"chief": (Node("c", 1),), "e-val": (Node("::1", 2), Node("y", 3))}
    environment = replica_environment(job(chief, evaluator), evaluator, 1, nodes)
    assert [environment[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")] == ["2", "3", "c", "1"]
    assert environment["E_VAL_NODES"] == "[::1],y"  # without `port` no port is promised
    assert "TF_CONFIG" not in environment


@pytest.mark.parametrize("name", ["ps", "worker", "chief", "evaluator", "other"])
def test_tensorflow_does_not_count_its_evaluator(name: str) -> None:
    role = JobRole(name, 1, (LINE,), port=1)
    environment = replica_environment(job(PS, role), role, 0, {"ps": (Node("a"),), name: (Node("b"),)})
    assert ("TF_CONFIG" in environment) == (name != "other")
    assert name not in ("evaluator", "other") or "evaluator" not in environment.get("TF_CONFIG", "").split("task")[0]


def test_what_the_project_declares_has_priority() -> None:
    role = WORKER._replace(env={"RANK": "x"}, image="its own")
    whole = job(PS, role, MASTER_ADDR="mine", RANK="y")._replace(image="shared")
    replica = replica_job(whole, role, 1, NODES)
    assert (replica.env["MASTER_ADDR"], replica.env["RANK"], replica.image) == ("mine", "x", "its own")
    assert (replica.roles, replica.lines, replica.resources) == ((), (LINE,), role.resources)
    assert replica_job(whole, PS, 0, NODES).image == "shared"


def test_replicas_have_a_name_and_an_order() -> None:
    assert [replica.name for replica in replicas_of(job(PS, WORKER))] == [
        "ps.0",
        "worker.0",
        "worker.1",
        "worker.2",
        "worker.3",
    ]
