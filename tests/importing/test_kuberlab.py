"""`proj import kuberlab`: the tasks and sources of a config.yaml as commands and assets."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.load import ProjectFile
from weaselish.model.resources import Resources
from weaselish.model.roles import Image
from weaselish.model.sources import Nfs, Volume

CONFIG = """\
kind: MLApp
metadata: {name: mnist}
spec:
  tasks:
    - name: prepare
      resources: [{name: upload, images: {cpu: "tf:1"}, command: python prepare.py, workDir: $SRC_DIR}]
    - name: parallel
      timeout: 300
      resources:
        - name: worker
          replicas: 4
          port: 2222
          maxRestartCount: 2
          images: {cpu: "tf:1", gpu: "tf:1-gpu"}
          command: python train.py
          args: --ps_hosts=$PS_NODES --dir=$BUILD_ID
          env: [{name: LEVEL, value: "3"}]
          resources: {accelerators: {gpu: 1}, requests: {cpu: 100m, memory: 62Mi}, limits: {cpu: 4000m, memory: 8Gi}}
        - {name: ps, is_permanent: true, port: 2222, command: python train.py --job_name=ps}
  uix: [{name: jupyter}]
  volumes:
    - {name: src, subPath: mnist/models, gitRepo: {repository: "https://example.org/mnist.git", revision: main}}
    - {name: training, clusterStorage: team-disk, subPath: training}
    - {name: Data_Set, readOnly: true, clusterStorage: team-disk, subPath: /shared/mnist}
    - {name: team, persistentVolumeClaim: {claimName: disk}, subPath: /x}
    - {name: export, nfs: {server: 10.0.0.5, path: /export}, subPath: /data}
    - {name: bucket, s3bucket: {bucket: b}}
"""


def test_everything_that_concerns_running_is_in_the_project(project: ProjectDir) -> None:
    project.write("config.yaml", CONFIG)
    done = project.proj("import", "kuberlab")
    assert done.code == 0
    assert "the source `bucket` is left out: `s3bucket` has no counterpart" in done.err
    assert "the source `Data_Set` is now `data-set`" in done.err
    assert "`spec.uix` is left out" in done.err
    project.project(done.out)
    assert project.proj("validate").code == 0
    model = ProjectFile(project.path, {}).project
    prepare, parallel = model.commands["prepare"], model.commands["parallel"]
    assert (prepare.script, prepare.image) == (("cd $SRC_DIR && python prepare.py",), Image("tf:1"))
    worker, ps = parallel.roles
    assert (worker.replicas, worker.port, worker.restarts, worker.keep_alive) == (4, 2222, 2, False)
    assert worker.script == ("python train.py --ps_hosts=$PS_NODES --dir=$BUILD_ID",)
    assert (worker.image, worker.env) == (Image("tf:1", "tf:1-gpu"), (("LEVEL", "3"),))
    assert (worker.resources, worker.limits) == (Resources(0.1, 62 << 20, 1), Resources(4, 8 << 30))
    assert (ps.keep_alive, ps.port, parallel.queue_timeout) == (True, 2222, 300)
    src, training, data, team, export = model.assets
    assert src.git and (src.git.branch, src.git.path) == ("main", "models")
    mounts = [asset.mount for asset in (training, data, team, export) if asset.mount]
    assert [mount.volume or mount.nfs for mount in mounts] == [
        Volume("team-disk", "training", "project"),
        Volume("team-disk", "mnist", "shared"),
        Volume("disk", "x", "org"),
        Nfs("10.0.0.5", "/export", "data"),
    ]
    assert [mount.read_only for mount in mounts] == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config.yaml:1:1: error: the file is empty"),
        ("kind: Pod\n", "config.yaml:1:7: error: `kind` is not `MLApp`"),
        ("spec: {tasks: []}\n", "`spec.tasks` is missing"),
        ("spec: {tasks: [{name: a}]}\n", "the task `a` has no `resources`"),
        ("spec: {tasks: [{name: a, resources: [{name: b}]}]}\n", "`command` is missing"),
        (
            "spec: {tasks: [{name: a, resources: [{name: b, command: x}]}], volumes: [{name: v}]}\n",
            "the source has no type",
        ),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(project: ProjectDir, text: str, message: str) -> None:
    project.write("config.yaml", text)
    done = project.proj("import", "kuberlab")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
