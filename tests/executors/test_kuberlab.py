"""Kuberlab's own example, a parameter server and four workers, on every executor that runs roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from engines.images import HOST_OPTIONS
from harness import ProjectDir

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]

BOX = f"image: localhost/host:1, options: {json.dumps([one for one in HOST_OPTIONS if 'network' not in one])}"
PROJECT = f"""\
name: mnist
executors:
  docker: {{type: docker, {BOX}}}
  podman: {{type: podman, {BOX}}}
  slurm: {{type: slurm, partition: main}}
assets:
  - {{name: src, dest: src, git: {{repo: ../mnist, branch: main, path: models}}}}
  - {{name: train-data, dest: data, path: ../disk/data, nfs: {{server: 10.0.0.5, path: /data}}, read_only: true}}
  - {{name: training, dest: training, path: ../disk/training, volume: {{claim: team-disk, subpath: /training}}}}
commands:
  - name: parallel
    shell: true
    queue_timeout: 300s
    timeout: 100s
    env: {{PYTHONPATH: src/lib}}
    resources: {{requests: {{cpus: 100m, memory: 62Mi}}, limits: {{cpus: 4000m, memory: 512Mi}}}}
    deps: [src, data/rows.json]
    outputs: [model.json]
    roles:
      ps:
        port: 2222
        keep_alive: true
        script: ["python3 $SRC_DIR/train.py ps --train_dir=$TRAINING_DIR/$BUILD_ID --ps_hosts=$PS_NODES"]
      worker:
        replicas: 4
        port: 2222
        restarts: 2
        resources: {{requests: {{cpus: 100m, memory: 62Mi, gpus: 1}}, limits: {{cpus: 4000m, memory: 512Mi}}}}
        script: ["python3 $SRC_DIR/train.py worker --train_dir=$TRAINING_DIR/$BUILD_ID --ps_hosts=$PS_NODES"]
"""
TRAIN = """\
import json, os, socket, socketserver, sys, threading
from connecting import connect

role, index, build = sys.argv[1], int(os.environ["REPLICA_INDEX"]), os.environ["BUILD_ID"]
nodes = {one: os.environ[f"{one.upper()}_NODES"].split(",") for one in ("ps", "worker")}
folder = sys.argv[2].partition("=")[2]
data = os.environ["TRAIN_DATA_DIR"]
os.makedirs(folder, exist_ok=True)
with open(f"{folder}/{role}.{index}.json", "w") as file:
    json.dump({**os.environ, "ARGUMENTS": sys.argv[2:], "MAY_WRITE": not os.statvfs(data).f_flag & os.ST_RDONLY}, file)
port = int(nodes[role][index].rpartition(":")[2])

if role == "ps":
    with socket.create_server(("", port)) as server:
        workers = [server.accept()[0].makefile("rw") for _ in nodes["worker"]]
    weight = 0
    for step in range(11):
        for worker in workers:
            print(weight, file=worker, flush=True)
        weight += sum(int(worker.readline()) for worker in workers)
    threading.Event().wait()

class Name(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(f"{role}.{index} of {build}\\n".encode())

listening = socketserver.ThreadingTCPServer(("", port), Name)
threading.Thread(target=listening.serve_forever, daemon=True).start()
rows = json.load(open(data + "/rows.json"))[index :: len(nodes["worker"])]
server = connect(nodes["ps"][0])
for step in range(11):
    weight = int(server.readline())  # now all workers listen
    if step == 0:
        right = (index + 1) % len(nodes["worker"])
        answer = connect(nodes["worker"][right]).readline()
        assert answer == f"worker.{right} of {build}\\n", answer
    print(sum((y - weight * x) * x for x, y in rows) // 2, file=server, flush=True)
if index == 0:
    print(json.dumps({"weight": weight}), file=open("model.json", "w"))
"""
CONNECTING = """\
import socket, time

def connect(address):
    host, port = address.rsplit(":", 1)
    for _ in range(1200):
        try:
            return socket.create_connection((host, int(port))).makefile("rw")
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{address} does not listen")
"""
ROWS = [[0, 3], [1, 10], [0, 1], [1, 22], [0, 0], [0, 2]]
MODEL = '{"weight": 16}\n'


@pytest.fixture
def mnist(project: ProjectDir) -> ProjectDir:
    project.project(PROJECT)
    code = project.beside("../mnist")
    code.write("models/train.py", TRAIN)
    code.write("models/lib/connecting.py", CONNECTING)
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=one"]):
        code.git(*words)
    disk = project.beside("../disk")
    disk.write("data/rows.json", json.dumps(ROWS))
    (disk.path / "training").mkdir()
    assert project.proj("assets").code == 0
    return project


@pytest.mark.parametrize("executor", ["local", "docker", "podman", "slurm"])
def test_parameter_server_and_workers_find_all_they_expect(
    request: pytest.FixtureRequest, mnist: ProjectDir, executor: str
) -> None:
    if executor != "local":
        mnist.environ.update(request.getfixturevalue(executor).environ)
    gpus = "0" if executor == "podman" else "1"  # Podman needs a file in /etc for faked GPUs
    settings = ["--gpus=4", f"--set=roles.worker.resources.gpus={gpus}"]
    done = mnist.proj("run", "parallel", "--executor", executor, *settings)
    assert done.code == 0, done.err
    assert mnist.read("model.json") == MODEL
    (run,) = mnist.proj("log", "parallel", "--json").json
    found = {path.stem: json.loads(path.read_text()) for path in training(mnist, run["run"]).glob("*.json")}
    assert sorted(found) == ["ps.0", *(f"worker.{index}" for index in range(4))]
    nodes = {name: found["ps.0"][f"{name.upper()}_NODES"].split(",") for name in ("ps", "worker")}
    assert [len(set(nodes[name])) for name in ("ps", "worker")] == [1, 4]
    for replica, environment in found.items():
        expected = expected_environment(mnist, replica, nodes, str(run["run"]), gpus)
        assert {name: environment.get(name) for name in expected} == expected
        assert json.loads(environment["TF_CONFIG"]) == {
            "cluster": nodes,
            "task": {"type": replica.partition(".")[0], "index": int(replica.partition(".")[2])},
        }
    assert {one["MAY_WRITE"] for one in found.values()} == {executor not in ("docker", "podman")}
    if executor == "docker":  # each replica has a GPU of its own, which it sees as the first
        assert {found[f"worker.{index}"]["NVIDIA_VISIBLE_DEVICES"] for index in range(4)} == set("0123")
        assert {found[f"worker.{index}"]["CUDA_VISIBLE_DEVICES"] for index in range(4)} == {"0"}
    assert "up to date" in mnist.proj("run", "parallel", "--executor", "local").err  # wherever it ran


def training(mnist: ProjectDir, run: int) -> Path:
    return mnist.path.parent / "disk/training" / str(run)


def expected_environment(
    mnist: ProjectDir, replica: str, nodes: Mapping[str, list[str]], run: str, gpus: str
) -> dict[str, object]:
    """Return what the specification says, given where the replicas listen."""
    role, _, index = replica.partition(".")
    host, _, port = nodes[role][0].rpartition(":")
    disk = mnist.path.parent / "disk"
    return {
        "GPU_COUNT": gpus if role == "worker" else "0",
        "PYTHONPATH": "src/lib",
        "REPLICA_INDEX": index,
        "PS_NODES": ",".join(nodes["ps"]),
        "WORKER_NODES": ",".join(nodes["worker"]),
        "BUILD_ID": run,
        "SRC_DIR": str(mnist.path / "src"),
        "TRAIN_DATA_DIR": str(disk / "data"),
        "TRAINING_DIR": str(disk / "training"),
        "TASK_NAME": "parallel",
        "PROJECT_NAME": "mnist",
        "RANK": index,
        "WORLD_SIZE": "4" if role == "worker" else "1",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": host,
        "MASTER_PORT": port,
        "ARGUMENTS": [f"--train_dir={training(mnist, int(run))}", f"--ps_hosts={nodes['ps'][0]}"],
    }
