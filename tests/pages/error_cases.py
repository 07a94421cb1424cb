"""Provokes each error as a user meets it, for docs/errors.md and tests/test_errors.py.

Every case is a small project, calls that come before, and the call that fails. Errors of the dashboard are answers to
requests: pages/dashboard_errors.py has them.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from harness import ProjectDir
from http_server import http_server

from weaselish.cancel import Cancel
from weaselish.locks.step_locks import hold_locks

COPY = "commands: [{name: copy, script: [cp in out], deps: [in], outputs: [out]}]\n"
SHARED = COPY + "remotes: {default: ../shared}\n"
KUBECONFIG = """\
apiVersion: v1
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: ada}}]
clusters: [{name: lab, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: ada, user: {token: t}}]
"""
POD = "commands: [{name: train, script: ['true'], executor: pods, image: 'a@sha256:%s'}]\n" % ("0" * 64)
PODS = POD + "executors: {pods: {type: kubernetes, context: %s, remote: default}}\nremotes: {default: ../shared}\n"
DOCKER = "commands: [{name: train, script: ['true']}]\nexecutors: {default: box, box: {type: docker, image: 'a:1'}}\n"
_DIFFERS = {r"process \d+": "process 4711", r"localhost:\d+": "localhost:8000", r"machine has \d+": "machine has 8"}
KUBE = (("kube", KUBECONFIG),)
Around = Callable[[ProjectDir], contextlib.AbstractContextManager[object]]


def _nothing(project: ProjectDir) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext()


class Case(NamedTuple):
    """`error`: the class, or for one without a class of its own the title in docs/errors.md."""

    error: str
    command: str
    project: str | None = COPY
    files: tuple[tuple[str, str], ...] = (("in", "1\n"),)
    before: tuple[str, ...] = ()  # calls of `proj`, or of sh after `!`
    env: tuple[tuple[str, str], ...] = ()
    around: Around = _nothing

    def run(self, project: ProjectDir) -> str:
        """Return what the call prints, as the page shows it."""
        if self.project is not None:
            project.project(self.project)
        for path, text in self.files:
            project.write(path, text)
        for line in self.before:
            if line.startswith("!"):
                project.git("-c", f"alias.sh={line}", "sh")
            else:
                project.proj(*line.split())
        with self.around(project):
            done = project.proj(
                *self.command.split(),
                env={"COLUMNS": "80", **{name: value.format(root=project.path) for name, value in self.env}},
            )
        text = (done.out + done.err).replace(str(project.path.parent), "/home/ada")
        text = text.replace(sys.executable, "/home/ada/demo/.venv/bin/python")
        assert text, self.command
        for pattern, same in _DIFFERS.items():
            text = re.sub(pattern, same, text)
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@contextlib.contextmanager
def _held(project: ProjectDir) -> Iterator[None]:
    """Hold what the step `copy` needs, as another process would."""
    locks, cancel = project.path / ".proj" / "locks", Cancel()
    with hold_locks(locks, "copy", writes=("out",), reads=(), on_wait=lambda holder: None, cancel=cancel):
        yield


@contextlib.contextmanager
def _http(project: ProjectDir) -> Iterator[None]:
    """Answer every request with 404, at the address that project.yml then names."""

    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    with http_server(Nothing) as port:
        project.project(f"assets: [{{dest: words.txt, url: 'http://localhost:{port}/words.txt'}}]\n")
        yield


@contextlib.contextmanager
def without_blake3(project: ProjectDir) -> Iterator[None]:
    """Run a block as if the library were not installed."""
    module = sys.modules.get("blake3")
    sys.modules["blake3"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["blake3"]
        if module is not None:
            sys.modules["blake3"] = module


def _git_asset(path: str, *, name: str = "", repo: str = "../words") -> str:
    return f"assets: [{{dest: data, {name}git: {{repo: {repo}, path: {path}}}}}]\n"


REPOSITORY = ("!git init -q ../words && cd ../words && git commit -q --allow-empty -m 1",)
RELEASE = "version: 1.0.0\nartifacts: {model: {path: in}}\nremotes: {default: ../shared}\n"
MANIFEST = "!cd ../shared/.proj/artifacts/model && rm -f 1.0.0.json && echo '{\"format\": 99}' > 1.0.0.json"

CASES = (
    # -- the command line and project.yml
    Case("UsageError", "status", project=None),
    Case("UnknownName", "run cpoy"),
    Case("NoMatch", "run train@*"),
    Case("UnknownRun", "diff 123456", before=("run copy",)),
    Case("InvalidOverride", "run copy --vars.epoch 3", project="vars: {epochs: 5}\n" + COPY),
    Case("InvalidProject", "run train", project="commands:\n  - name: train\n    scirpt: [python train.py]\n"),
    Case(
        "Cycle",
        "run a",
        project="commands:\n  - {name: a, script: ['true'], deps: [b.txt], outputs: [a.txt]}\n"
        "  - {name: b, script: ['true'], deps: [a.txt], outputs: [b.txt]}\n",
    ),
    # -- runs
    Case("MissingDep", "run copy", files=(("inn", ""),)),
    Case("Busy", "run copy --no-wait", before=("run copy", "!echo 2 > in"), around=_held),
    Case("Unreadable", "run copy", files=(), before=("!mkdir in && mkfifo in/pipe",)),
    Case("BrokenState", "run copy", files=(("in", ""), ("project.lock", ".proj: {format: 99}\n"))),
    Case(
        "UnsafePath",
        "assets",
        project="assets: [{dest: data/words.txt, url: in}]\n",
        before=("!mkdir ../elsewhere && ln -s ../elsewhere data",),
    ),
    # -- remotes
    Case("StoreError", "push", project=COPY + "remotes: {default: {url: ../shared, read_only: true}}\n"),
    Case(
        "RequestFailed",
        "remote test lab",
        project="remotes: {lab: 'artifactory+http://127.0.0.1:9/artifactory/models'}\n",
    ),
    Case(
        "NotInStore",
        "pull",
        project=SHARED,
        before=("run copy", "push", "!rm out && find ../shared -type f -not -path '*/.proj/*' -delete"),
    ),
    Case(
        "BrokenArchive",
        "pull",
        project=SHARED,
        before=(
            "run copy",
            "push",
            "!rm out; for f in $(find ../shared -type f -not -path '*/.proj/*'); do chmod u+w $f; head -c 40 $f >x; "
            "rm $f; mv x $f; done",
        ),
    ),
    Case(
        "SecretError",
        "ls lab",
        project="remotes: {lab: {url: 'artifactory+http://127.0.0.1:9/artifactory/models', "
        "auth: {type: bearer, token: 'env:LAB_TOKEN'}}}\n",
    ),
    # -- assets and artifacts
    Case("DownloadError", "assets", around=_http),
    Case("WrongChecksum", "assets", project=f"assets: [{{dest: data, url: in, checksum: '{'0' * 32}'}}]\n"),
    Case("GitError", "assets", project=_git_asset("a.txt", repo="../nowhere")),
    Case("UnknownPath", "assets", project=_git_asset("a.txt"), before=REPOSITORY),
    Case("CannotClone", "assets", project=_git_asset("a.txt", name="name: words, ", repo="../nowhere")),
    Case(
        "NotMounted",
        "assets",
        project="assets: [{dest: data, name: corpus, nfs: {server: nas, path: /export/corpus}}]\n",
    ),
    Case("NoSuchVersion", "artifact pull model LATEST", project=RELEASE),
    Case("LaterVersion", "artifact pull model 1.0.0", project=RELEASE, before=("artifact push model", MANIFEST)),
    # -- executors
    Case("EngineDown", "run train", project=DOCKER, env=(("PATH", "/nowhere"),)),
    Case(
        "ClusterError", "run train", project=PODS % "lba", files=(("kube", KUBECONFIG),), env=(("KUBECONFIG", "kube"),)
    ),
    Case(
        "Unreachable", "run train", project=PODS % "lab", files=(("kube", KUBECONFIG),), env=(("KUBECONFIG", "kube"),)
    ),
    # -- the dashboard
    Case("DatabaseError", "serve user list", env=(("PROJ_SERVE_DATABASE", "postgresql://ada:x@127.0.0.1:9/proj"),)),
    Case(
        "CertificateError", "serve --no-open", env=(("PROJ_SERVE_TLS_CERT_ROOT", "{root}"),), files=(("cert.crt", "x"),)
    ),
)
