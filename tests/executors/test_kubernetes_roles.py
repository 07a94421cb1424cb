"""Roles in the pods of the stand-in for a cluster: the contract, and whole steps with files on a remote."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import Engine
from engines.images import HOST_OPTIONS
from engines.kubernetes import Kubernetes
from engines.kubernetes import kubernetes as serving
from exec.samples import below, run
from exec.test_roles import ROLES, outputs, write
from harness import ProjectDir, wait_until

import weaselish
from weaselish.cancel import Level
from weaselish.executors.base import Ending, Executor
from weaselish.executors.kubernetes.executor import KubernetesExecutor
from weaselish.model.executors import KubernetesSettings
from weaselish.model.roles import Image

from .contract import FOREVER
from .roles_contract import RolesContract

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120), pytest.mark.xdist_group("kubernetes")]
ROOT = Path(weaselish.__file__).parent.parent
SETUP = f"export PATH={sys.prefix}/bin:$PATH PYTHONPATH={ROOT}"  # the programs of this machine, and `proj` under test
PLACES = {sys.base_prefix, str(ROOT)} - {"/usr"}


@pytest.fixture(scope="module")
def cluster(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """Run a stand-in whose pods see the programs of this machine, and the directories of tests."""
    shared = [f"--volume={place}:{place}:ro" for place in PLACES]
    base = tmp_path_factory.getbasetemp().parent
    mounts = (*(one for one in HOST_OPTIONS if "network" not in one), *shared, f"--volume={base}:{base}")
    with serving(tmp_path_factory.mktemp("kubernetes"), docker.environ, mounts) as running:
        yield running


class TestKubernetesRoles(RolesContract):
    name = "k8s"
    shares_files = False
    knows_lines = False

    @pytest.fixture
    def executor(self, tmp_path: Path, cluster: Kubernetes) -> Executor:
        self.api = cluster.api
        settings = KubernetesSettings("k8s", image=Image("localhost/host:1"), setup=(SETUP,))
        return KubernetesExecutor(settings, cluster.environ, tmp_path, grace=0.3)

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, cluster: Kubernetes) -> Iterator[None]:
        yield
        assert list(cluster.api.objects) == []

    def test_a_replica_that_ignores_one_level_lives_until_the_next(self) -> None:
        """A cluster knows no SIGINT: the first request is SIGTERM, with a long grace time."""
        self.when("deaf.0", "ready", Level.INTERRUPT)
        self.when("deaf.0", "got TERM", Level.KILL)
        deaf = self.role("deaf", f"trap 'echo got TERM' TERM; echo ready; {FOREVER}")
        assert self.run(deaf, self.role("other", FOREVER)).ended is Ending.INTERRUPTED
        assert self.output("deaf.0") == ["ready", "got TERM"]
        assert self.living() == []


CLUSTER = """\
    remotes: {{team: {remote}}}
    executors:
      k8s:
        type: kubernetes
        remote: team
        image: localhost/host:1
        setup: ["{setup}"]
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def lab(project: ProjectDir, remote: Path, cluster: Kubernetes) -> Iterator[ProjectDir]:
    """Make a project with roles that can run in pods. In the end, nothing of it is left on the cluster."""
    write(project, remote)
    configure(project, remote, "".join(ROLES.splitlines(keepends=True)[2:]).format())
    project.environ |= cluster.environ
    yield project
    wait_until(lambda: list(cluster.api.objects) == [], "an empty cluster")
    assert all(container.has_ended for container in cluster.api.containers.values())


def configure(project: ProjectDir, remote: Path, commands: str) -> None:
    project.project(CLUSTER.format(remote=remote, setup=SETUP) + commands)


def test_a_step_with_roles_gives_what_it_gives_here(lab: ProjectDir, remote: Path) -> None:
    done = lab.proj("run", "train", "--executor", "k8s")
    assert done.code == 0, done.err + done.out
    assert "worker.1 │ wrote worker 1\n" in done.out
    away, lock = outputs(lab, "model"), lab.lock()["train"]
    assert below(remote, ".proj/jobs") == []
    assert lab.read("notes").startswith("proj-train-")
    lab.write("notes", "127.0.0.1")
    (lab.path / "model/link").unlink()
    assert run(lab, "train", "--executor", "local") == {"train": "ran"}
    assert outputs(lab, "model") == away
    assert lab.lock()["train"]["outs"][0] == lock["outs"][0]  # `notes` holds a host name


WAITING = """\
    commands:
      - name: a
        outputs: [out]
        roles:
          w:
            replicas: 2
            restarts: {restarts}
            script:
              - sh -c "sh {root}/wait.sh {root}/$REPLICA_INDEX"
              - sh -c "mkdir -p out; touch out/$REPLICA_INDEX"
"""


def both_run(lab: ProjectDir) -> None:
    for n in "01":
        lab.wait_for(n)


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_pod_that_is_killed_fails_the_step_or_runs_again(
    lab: ProjectDir, remote: Path, cluster: Kubernetes, restarts: int
) -> None:
    configure(lab, remote, WAITING.format(root=lab.path, restarts=restarts))
    lab.write_wait()
    running = lab.start("run", "a", "--executor", "k8s")
    both_run(lab)
    [pod] = [name for kind, name in cluster.api.objects if kind == "pods" and "-w-1-" in name]
    lab.remove("1.running")
    cluster.api.delete("pods", pod, 0)
    if restarts:
        lab.wait_for("1")
        lab.let_go("0")
        lab.let_go("1")
    done = running.wait()
    if restarts:
        assert done.code == 0, done.err
        assert "w.1 │ Restart 1 of 1 after " in done.out
        assert sorted(os.listdir(lab.path / "out")) == ["0", "1"]
    else:
        assert done.code
        assert "`a`, replica w.1" in done.err
    assert len(below(remote, ".proj/runs")) == restarts


def test_a_killed_proj_finds_its_roles_again_and_clean_removes_those_of_a_step_that_is_gone(
    lab: ProjectDir, remote: Path, cluster: Kubernetes
) -> None:
    configure(lab, remote, WAITING.format(root=lab.path, restarts=0))
    lab.write_wait()
    first = lab.start("run", "a", "--executor", "k8s")
    both_run(lab)
    assert lab.proj("executor", "clean", "k8s", "--json").json == []  # a living `proj` waits for it
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert [one["state"] for one in lab.proj("ps", "--json").json] == ["running"]
    for n in "01":
        lab.remove(f"{n}.running")
    second = lab.start("run", "a", "--executor", "k8s")
    wait_until(lambda: "waits for its job from an earlier run on `k8s`" in second.err, "the second run to wait")
    lab.let_go("0")
    lab.let_go("1")
    done = second.wait()
    assert done.code == 0, done.err
    assert not [n for n in "01" if lab.exists(f"{n}.running")]  # nothing ran twice
    assert len(below(remote, ".proj/runs")) == 1
    for n in "01":
        lab.remove(f"{n}.go")
    third = lab.start("run", "a", "-F", "--executor", "k8s")
    both_run(lab)
    os.kill(third.pid, signal.SIGKILL)
    third.wait()
    assert [one["step"] for one in lab.proj("executor", "clean", "k8s", "--json").json] == ["a"]
    tested = lab.proj("executor", "test", "k8s")
    assert (tested.code, "`true` ran on" in tested.out + tested.err) == (0, True), tested.err


def test_ctrl_c_ends_all_pods(lab: ProjectDir, remote: Path) -> None:
    configure(lab, remote, WAITING.format(root=lab.path, restarts=2))
    lab.write_wait()
    running = lab.start("run", "a", "--executor", "k8s")
    both_run(lab)
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert below(remote, ".proj/runs") == []
