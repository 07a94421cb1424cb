"""Jobs in the pods of the stand-in for a cluster, which runs them as containers. No real cluster was available."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import Engine
from engines.kubernetes import Kubernetes
from engines.kubernetes import kubernetes as serving
from harness import wait_until

from executors.contract import Console
from weaselish.cancel import Cancel, Level
from weaselish.executors.base import Ending, Job, JobId, JobSource, JobState, Line, Outcome
from weaselish.executors.kubernetes.executor import KubernetesExecutor
from weaselish.model.executors import KubernetesSettings
from weaselish.model.resources import Resources
from weaselish.model.roles import Image
from weaselish.model.sources import Mount, Nfs, Volume

pytestmark = pytest.mark.servers
SETTINGS = KubernetesSettings("k8s", image=Image("localhost/bb:1"))


@pytest.fixture(scope="module")
def cluster(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with serving(tmp_path_factory.mktemp("kubernetes"), docker.environ) as running:
        yield running


@pytest.fixture
def place(cluster: Kubernetes) -> Iterator[Place]:
    place = Place(cluster)
    yield place
    place.close()


class Place:
    """An executor of the cluster, with a console and a token."""

    def __init__(self, cluster: Kubernetes) -> None:
        self.cluster = cluster
        self.console, self.cancel = Console(), Cancel()
        self.executor = KubernetesExecutor(SETTINGS, cluster.environ, grace=0.3)
        self.handles: list[str] = []

    def job(self, script: str, **changes: Any) -> Job:
        line = Line(("sh", "-c", script), "announced", "logged")
        return Job(JobId("train@de", "key", 7), (line,), project="iris", **changes)

    def run(self, script: str, **changes: Any) -> Outcome:
        return self.executor.run(
            self.job(script, **changes), output=self.console, cancel=self.cancel, submitted=self.handles.append
        )

    @property
    def left(self) -> list[tuple[str, str]]:
        """The objects that are left, without pods that are about to end."""
        return [key for key in self.cluster.api.objects if key[0] != "pods"]

    def close(self) -> None:
        self.executor.close()
        self.cancel.close()


def test_a_job_runs_in_a_pod_and_nothing_is_left(place: Place) -> None:
    outcome = place.run("echo hello; echo $(echo x) >&2; pwd; exit 3", env={"A": "$(A) b"})
    assert (outcome.ended, outcome.exit_code, outcome.executor) == (Ending.EXITED, 3, "k8s")
    assert outcome.host == "node-1"
    assert outcome.image == f"sha256:{'0' * 64}"
    assert sorted(place.console.text.split()) == [b"/work", b"[announced]", b"hello", b"x"]  # the engine mixes streams
    assert place.left == []
    assert place.handles[0].startswith("proj-train-de-")


def test_secrets_reach_the_pod_through_a_secret_of_the_job_alone(place: Place) -> None:
    env = {"TOKEN": "s3cret value", "PLAIN": "two\nlines $(TOKEN)"}
    assert place.run('echo "$TOKEN|$PLAIN"', env=env, secrets=frozenset({"TOKEN"})).succeeded
    assert place.console.text.endswith(b"s3cret value|two\nlines $(TOKEN)\n")
    jobs = [one for one in place.cluster.api.submitted if one["kind"] == "Job"]
    assert "s3cret" not in str(jobs)
    assert place.left == []


def test_sources_are_mounted_and_found_by_their_variables(place: Place, tmp_path: Path) -> None:
    api = place.cluster.api
    api.exports |= {"10.0.0.5:/export": tmp_path / "nfs", "disk": tmp_path / "disk"}
    (tmp_path / "nfs/mydata").mkdir(parents=True)
    (tmp_path / "nfs/mydata/x").write_text("content\n")
    nfs = Mount(nfs=Nfs("10.0.0.5", "/export", "mydata"), read_only=True)
    sources = (JobSource("DATA_DIR", "data", nfs), JobSource("CKPT_DIR", "ckpt", Mount(volume=Volume("disk"))))
    assert place.run("cat $DATA_DIR/x; touch $DATA_DIR/y || echo > $CKPT_DIR/z", sources=sources).succeeded
    assert b"content\n" in place.console.text
    assert (tmp_path / "disk/default/iris/ckpt/z").exists()
    assert not (tmp_path / "nfs/mydata/y").exists()


def test_broken_connections_and_versions_that_are_too_old_lose_nothing(place: Place) -> None:
    script = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.4; done"
    for text, forget in (("line 2\n", False), ("line 4\n", True)):
        place.console.when(text, lambda forget=forget: place.cluster.api.drop_connections(forget=forget))  # type: ignore[misc]
    assert place.run(script).succeeded
    assert place.console.text == b"[announced]\n" + b"".join(b"line %d\n" % n for n in range(1, 7))


def test_out_of_memory_differs_from_other_kills(place: Place) -> None:
    limits = Resources(memory=8 << 20)
    outcome = place.run("a=$(yes | head -c 40000000); echo never", limits=limits)
    assert outcome.ran_out_of_memory
    assert not place.run("kill -9 $$").ran_out_of_memory


def test_ctrl_c_and_the_timeout_end_the_pod(place: Place) -> None:
    place.console.when("ready", lambda: place.cancel.request(Level.INTERRUPT))
    outcome = place.run("echo ready; sleep 1000")
    assert (outcome.ended, outcome.exit_code) == (Ending.INTERRUPTED, 130)
    assert place.left == []
    other = Place(place.cluster)
    assert other.run("sleep 1000", timeout=0.5).ended is Ending.TIMED_OUT
    assert all(container.has_ended for container in place.cluster.api.containers.values())
    other.close()


def test_a_pod_that_cannot_start_ends_after_the_queue_timeout(place: Place) -> None:
    place.cluster.api.hold_pods = True
    try:
        outcome = place.run("true", queue_timeout=0.3)
    finally:
        place.cluster.api.hold_pods = False
    assert outcome.ended is Ending.NOT_STARTED
    message = "no pod started within 0.3 s (Unschedulable: 0/2 nodes are available: 2 Insufficient cpu.)"
    assert outcome.message == message
    assert place.left == []


def test_an_image_that_cannot_be_pulled(place: Place) -> None:
    outcome = place.run("true", image="localhost/no-such:1")
    assert outcome.ended is Ending.NOT_STARTED
    assert outcome.message and outcome.message.startswith("the image `localhost/no-such:1` cannot be pulled: ")
    assert place.left == []


def test_a_later_process_finds_the_job_waits_for_it_or_stops_it(place: Place) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt  # as where `proj` is killed: below, its deletion is kept from the cluster

    api, kept = place.cluster.api, place.cluster.api.delete
    api.delete = lambda kind, name, grace=30: {}  # type: ignore[method-assign]
    place.console.when("first", give_up)
    later = Place(place.cluster)

    def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            place.run(script)

    script = "echo first; sleep 2; echo last"
    runner = threading.Thread(target=run)
    try:
        runner.start()
        wait_until(lambda: b"first" in place.console.text, "output")
        handle = place.handles[0]
        assert later.executor.states([handle, "gone"]) == {handle: JobState.RUNNING, "gone": JobState.GONE}
        job = place.job(script)
        outcome = later.executor.attach(job, handle, output=later.console, cancel=later.cancel)
    finally:
        api.delete = kept  # type: ignore[method-assign]
    assert outcome is not None
    assert outcome.succeeded
    assert later.console.text == b"[announced]\nfirst\nlast\n"
    later.executor.stop(handle)
    assert later.executor.attach(job, handle, output=later.console, cancel=later.cancel) is None
    runner.join()
    later.close()


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("stranger", "the cluster of `k8s` does not accept the credentials: Unauthorized"),
        ("powerless", "the account may not create jobs in the namespace `lab`"),
        ("elsewhere", 'the cluster of `k8s` cannot create jobs: namespaces "other" not found'),
        ("away", "the cluster of `k8s` at http://127.0.0.1:9 does not answer: "),
        ("nowhere", "the executor `k8s` cannot use the kubeconfig: "),
    ],
)
def test_a_cluster_that_refuses(cluster: Kubernetes, context: str, message: str) -> None:
    place = Place(cluster)
    place.executor = KubernetesExecutor(SETTINGS._replace(context=context), cluster.environ)
    outcome = place.run("true")
    assert outcome.ended is Ending.NOT_STARTED
    assert outcome.message and outcome.message.startswith(message)
    place.close()


def test_an_object_that_the_cluster_refuses(place: Place) -> None:
    place.cluster.api.refuses = "Job.batch is invalid: spec.template: Invalid value"
    try:
        outcome = place.run("true")
    finally:
        place.cluster.api.refuses = None
    message = "the cluster of `k8s` refuses the object: Job.batch is invalid: spec.template: Invalid value"
    assert (outcome.ended, outcome.message) == (Ending.NOT_STARTED, message)
