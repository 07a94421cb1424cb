"""The manifests of a job, against the published schemas of several versions of Kubernetes."""

from __future__ import annotations

import subprocess
from typing import Any

import kubernetes_validate
import pytest

from weaselish.executors.base import Job, JobId, JobRole, JobSource, Line
from weaselish.executors.kubernetes.manifests import image_name, job_manifest, job_name, label, script, secret_manifest
from weaselish.executors.kubernetes.role_manifests import by_index, role_manifest, role_names, service_manifest
from weaselish.model.executors import KubernetesSettings
from weaselish.model.resources import Resources
from weaselish.model.sources import Mount, Nfs, Volume

VERSIONS = ("1.28", "1.32", "1.35", kubernetes_validate.latest_version())
SETTINGS = KubernetesSettings(
    "k8s",
    namespace="lab",
    image_registry="registry.example/team",
    node_selector={"pool": "a100"},
    labels={"team": "nlp", "proj/step": "stolen"},
    setup=("pip install weaselish",),
)
JOB = Job(
    JobId("Train model@de", "key", 7),
    (Line(("proj", "exec", "s3://b/$(x)"), "a", "l"),),
    env={"TOKEN": "secret", "A": "$(TOKEN)"},
    secrets=frozenset({"TOKEN", "NOT_SET"}),
    resources=Resources(cpus=0.5, memory=1 << 30, gpus=1, disk=1 << 30),
    limits=Resources(cpus=2, memory=2 << 30),
    project="Iris & co",
    sources=(
        JobSource("TRAIN_DATA_DIR", "data", Mount("/mnt/x", nfs=Nfs("10.0.0.5", "/export", "mydata"), read_only=True)),
        JobSource("CKPT_DIR", "ckpt", Mount(volume=Volume("team-disk"))),
        JobSource("SRC_DIR", "src"),
    ),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_valid(version: str) -> None:
    secret = secret_manifest(JOB, "proj-x", "uid", SETTINGS)
    assert secret is not None
    for manifest in (job_manifest(JOB, "proj-x", SETTINGS, "python:3.12"), secret):
        kubernetes_validate.validate(manifest, version, strict=True)


ROLES = JOB._replace(
    lines=(),
    roles=(
        JobRole("ps", 1, (Line(("serve",), "", ""),), port=2222, keep_alive=True),
        JobRole("worker", 3, (Line(("work",), "", ""),), port=2222, restarts=2, env={"OWN": "x", "TOKEN": "of it"}),
    ),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_of_roles_are_valid(version: str) -> None:
    manifests = [role_manifest(ROLES, role, "proj-x", SETTINGS, "python:3.12") for role in ROLES.roles]
    for manifest in (*manifests, service_manifest(ROLES, "proj-x", "proj-x-ps", "uid", SETTINGS)):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_role_is_an_indexed_job_whose_pods_know_each_other() -> None:
    manifest: Any = role_manifest(ROLES, ROLES.roles[1], "proj-x", SETTINGS, "python:3.12")
    spec, pod = manifest["spec"], manifest["spec"]["template"]["spec"]
    assert (spec["completions"], spec["completionMode"], spec["backoffLimitPerIndex"]) == (3, "Indexed", 2)
    assert "backoffLimit" not in spec
    env = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert env["PS_NODES"] == "proj-x-ps-0.proj-x:2222"
    assert env["WORKER_NODES"].endswith(",proj-x-worker-2.proj-x:2222")
    assert (env["OWN"], pod["subdomain"], "TOKEN" in env) == ("x", "proj-x", False)
    first = pod["containers"][0]["command"][2].splitlines()[1:4]
    assert first[:2] == [
        "export REPLICA_INDEX=$$((0 + JOB_COMPLETION_INDEX))",
        "export RANK=$$((0 + JOB_COMPLETION_INDEX))",
    ]
    assert first[2].startswith("export TF_CONFIG=")


def test_names_of_roles_are_unique_and_short() -> None:
    roles = tuple(JobRole(name, 1, ()) for name in ("a_very_long_name", "a_very_long_other", "B"))
    assert role_names(JOB._replace(roles=roles), "proj-x") == {
        "a_very_long_name": "proj-x-r0",
        "a_very_long_other": "proj-x-r1",
        "B": "proj-x-b",
    }


def test_variables_that_differ_are_set_by_the_index() -> None:
    environments = [
        {"SAME": "1", "RANK": str(9 + n), "TF": f'{{"a": 7, "index": {n}}}', "GPUS": gpus, "W": f"it's {n}"}
        for n, gpus in enumerate(("5", "a b", "7"))
    ]
    common, lines = by_index(environments)
    assert common == {"SAME": "1"}
    for n, env in enumerate(environments):
        shell = "\n".join([*lines, *(f'echo "${name}"' for name in env if name != "SAME")])
        done = subprocess.run(["sh", "-c", shell], env={"JOB_COMPLETION_INDEX": str(n)}, capture_output=True, text=True)
        assert done.stdout.splitlines() == [value for name, value in env.items() if name != "SAME"]


def test_a_job_has_what_project_yml_says() -> None:
    manifest: Any = job_manifest(JOB, "proj-x", SETTINGS, "python:3.12")
    pod = manifest["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert manifest["metadata"]["labels"] == {
        "team": "nlp",
        "app.kubernetes.io/managed-by": "proj",
        "proj/project": "Iris___co",
        "proj/step": "Train_model_de",
        "proj/job": "proj-x",
    }
    assert container["image"] == "registry.example/team/python:3.12"
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "1073741824", "ephemeral-storage": "1073741824", "nvidia.com/gpu": "1"},
        "limits": {"cpu": "2000m", "memory": "2147483648", "nvidia.com/gpu": "1"},
    }
    assert container["command"] == ["/bin/sh", "-c", "set -e\npip install weaselish\nexec proj exec 's3://b/$$(x)'"]
    env = {one["name"]: one["value"] for one in container["env"]}
    assert (env["A"], env["TRAIN_DATA_DIR"], "TOKEN" in env) == ("$$(TOKEN)", "/sources/train-data", False)
    assert container["volumeMounts"][1:] == [
        {"name": "source-train-data", "mountPath": "/sources/train-data", "readOnly": True, "subPath": "mydata"},
        {"name": "source-ckpt", "mountPath": "/sources/ckpt", "readOnly": False, "subPath": "lab/Iris & co/ckpt"},
    ]
    assert pod["nodeSelector"] == {"pool": "a100"}
    assert "secret" not in str(manifest).replace("secretRef", "")


def test_names_labels_and_images() -> None:
    assert job_name(JOB, "abc") == "proj-train-model-de-abc"
    assert job_name(JOB._replace(id=JobId("ä", "key", 1)), "abc") == "proj-step-abc"
    assert len(job_name(JOB._replace(id=JobId("x" * 200, "key", 1)), "0123456789")) <= 52
    assert label("--a b--") == "a_b"
    assert image_name("python", None) == "python"
    assert image_name("nlp/python", "registry.example/") == "registry.example/nlp/python"
    assert image_name("ghcr.io/x:1", "registry.example") == "ghcr.io/x:1"


def test_the_lines_of_a_shell_stop_at_a_failing_command() -> None:
    lines = (Line(("echo a; echo b",), "", ""), Line(("x y",), "", ""))
    assert script(JOB._replace(lines=lines, shell="bash"), ()) == (
        "set -e\nbash -e -c 'echo a; echo b'\nexec bash -e -c 'x y'"
    )
