"""A small API server of Kubernetes: validates manifests, keeps objects, and runs each pod as a real container.

It has what the executor uses of batch/v1 and v1, with the answers of a real server for what goes wrong. It is not a
cluster: there are no nodes, quotas, schedulers or admission controllers, and nothing here shows that a real one agrees.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import kubernetes_validate

from engines.kubernetes_pods import Container

TOKEN, POWERLESS = "right", "powerless"  # of an account that may do all, and one that may do nothing
NAMESPACE = "lab"
INDEX = "batch.kubernetes.io/job-completion-index"
Object = dict[str, Any]
_PATH = re.compile(r"/(?:api/v1|apis/batch/v1)/namespaces/([^/]+)/(jobs|pods|secrets|services)(?:/([^/]+))?(/log)?")


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """The objects of one namespace. `runs` starts the container of a pod; tests replace it to hold pods back."""

    def __init__(self, directory: Path, environ: Mapping[str, str], mounts: tuple[str, ...]) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.objects: dict[tuple[str, str], Object] = {}
        self.events: list[tuple[int, str, Object]] = []  # version, type, pod
        self.version = self.oldest = 1
        self.containers: dict[str, Container] = {}
        self.started: set[str] = set()  # pods that were handed to the engine
        self.graces: dict[str, int] = {}  # of pods that are deleted
        self.submitted: list[Object] = []  # all manifests that were ever accepted
        self.connections = 0  # of watches and logs, by which a drop is noticed
        self.dropped = 0
        self.exports: dict[str, Path] = {}  # `server:path` or claim -> directory
        self.hold_pods = False
        self.refuses: str | None = None  # why every object is invalid
        self._directory, self._environ, self._mounts = directory, environ, mounts

    def create(self, kind: str, manifest: Object) -> Object:
        try:
            kubernetes_validate.validate(manifest, "1.35", strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Refused(422, f"{manifest['kind']} is invalid: {error.message}") from None
        if self.refuses:
            raise Refused(422, self.refuses)
        name = manifest["metadata"]["name"]
        with self.changed:
            if (kind, name) in self.objects:
                raise Refused(409, f'{kind} "{name}" already exists')
            self.submitted.append(manifest)
            made: Object = json.loads(json.dumps(manifest))
            made["metadata"] |= {"uid": str(uuid.uuid4()), "namespace": NAMESPACE}
            self.put(kind, made)
            if kind == "jobs":
                for index in range(made["spec"]["completions"]):
                    self._make_pod(made, index if made["spec"].get("completionMode") == "Indexed" else None)
        return made

    def put(self, kind: str, made: Object, event: str = "MODIFIED") -> None:
        with self.changed:
            self.version += 1
            made["metadata"]["resourceVersion"] = str(self.version)
            if event == "DELETED":
                self.objects.pop((kind, made["metadata"]["name"]), None)
            else:
                self.objects[kind, made["metadata"]["name"]] = made
            if kind == "pods":
                self.events.append((self.version, event, json.loads(json.dumps(made))))
            self.changed.notify_all()

    def _make_pod(self, job: Object, index: int | None) -> None:
        name = job["metadata"]["name"]
        template = json.loads(json.dumps(job["spec"]["template"]))
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        metadata = {**template["metadata"], "name": f"{name}-{uuid.uuid4().hex[:5]}", "ownerReferences": [owner]}
        if index is not None:
            metadata |= {"name": f"{name}-{index}-{uuid.uuid4().hex[:5]}", "annotations": {INDEX: str(index)}}
            template["spec"]["hostname"] = f"{name}-{index}"
            template["spec"]["containers"][0]["env"].append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
        metadata["creationTimestamp"] = f"2026-01-01T00:00:00.{self.version:09}Z"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        pod["status"] = {"phase": "Pending"}
        if self.hold_pods:
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            pod["status"]["conditions"] = [{**condition, "message": "0/2 nodes are available: 2 Insufficient cpu."}]
        self.put("pods", pod, "ADDED")
        if not self.hold_pods:
            self.started.add(metadata["name"])
            threading.Thread(target=self._run, args=(pod,), daemon=True).start()

    def _run(self, pod: Object) -> None:
        name, job = pod["metadata"]["name"], pod["metadata"]["ownerReferences"][0]["name"]
        for reference in pod["spec"]["containers"][0].get("envFrom", ()):
            needed = ("secrets", reference["secretRef"]["name"])
            if reference["secretRef"].get("optional"):
                continue
            with self.changed:
                self.changed.wait_for(lambda key=needed: key in self.objects, 10)  # type: ignore[misc]
        if service := pod["spec"].get("subdomain"):
            with self.changed:
                self.changed.wait_for(lambda: ("services", service) in self.objects, 10)
        secrets = {key: made for (kind, key), made in self.objects.items() if kind == "secrets"}
        container = Container(pod, secrets, self.exports, self._directory / name, self._environ, self._mounts)
        if name in self.graces:
            self.put("pods", pod, "DELETED")
            return
        if (problem := container.start()) is not None:
            self.started.discard(name)
            self._status(pod, {"waiting": {"reason": "ErrImagePull", "message": problem}}, "Pending")
            if name in self.graces:
                self.put("pods", pod, "DELETED")
            return
        with self.changed:
            self.containers[name] = container
            if name in self.graces:
                threading.Thread(target=container.stop, args=(self.graces[name],), daemon=True).start()
        self._status(pod, {"running": {}}, "Running")
        self._count(job, ready=1)
        terminated = container.wait()
        self._status(pod, {"terminated": terminated}, "Failed" if terminated["exitCode"] else "Succeeded")
        self._count(job, **{"failed" if terminated["exitCode"] else "succeeded": 1})
        with self.changed:
            if pod["metadata"].get("deletionTimestamp"):
                self.put("pods", pod, "DELETED")
            self._restart(pod, int(terminated["exitCode"]))

    def _restart(self, pod: Object, code: int) -> None:
        """Start an index again that failed, unless its backoff limit or the failure policy forbids it."""
        job = self.objects.get(("jobs", pod["metadata"]["ownerReferences"][0]["name"]))
        index = pod["metadata"].get("annotations", {}).get(INDEX)
        if job is None or index is None or code == 0:
            return
        failures = job.setdefault("failures", {})
        failures[index] = failures.get(index, 0) + 1
        rules = job["spec"].get("podFailurePolicy", {"rules": []})["rules"]
        if failures[index] > job["spec"]["backoffLimitPerIndex"]:
            return
        if not any(code in rule["onExitCodes"]["values"] for rule in rules):
            self._make_pod(job, int(index))

    def _status(self, pod: Object, state: Object, phase: str) -> None:
        image = pod["spec"]["containers"][0]["image"]
        status = {"name": "step", "state": state, "image": image, "imageID": f"{image}@sha256:{'0' * 64}"}
        with self.changed:
            pod["status"] = {"phase": phase, "containerStatuses": [status]}
            pod["spec"]["nodeName"] = "node-1"
            self.put("pods", pod)

    def _count(self, job: str, **counts: int) -> None:
        with self.changed:
            if made := self.objects.get(("jobs", job)):
                made["status"] = counts
                self.put("jobs", made)

    def delete(self, kind: str, name: str, grace: int = 30) -> Object:
        with self.changed:
            made = self.found(kind, name)
            if kind == "pods":
                self._end_pod(made, grace)
                return made
            self.put(kind, made, "DELETED")
            for (other, _), owned in list(self.objects.items()):
                if any(one["uid"] == made["metadata"]["uid"] for one in owned["metadata"].get("ownerReferences", ())):
                    self.delete(other, owned["metadata"]["name"])
            return made

    def _end_pod(self, pod: Object, grace: int) -> None:
        name = pod["metadata"]["name"]
        container = self.containers.get(name)
        before = self.graces.get(name)
        self.graces[name] = grace if before is None else min(grace, before)
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if name not in self.started or (container is not None and container.has_ended):
            self.put("pods", pod, "DELETED")
        elif container is not None and (before is None or grace < before):
            threading.Thread(target=container.stop, args=(grace,), daemon=True).start()

    def found(self, kind: str, name: str) -> Object:
        with self.changed:
            if (kind, name) not in self.objects:
                raise Refused(404, f'{kind} "{name}" not found')
            return self.objects[kind, name]

    def listed(self, kind: str, selector: str) -> Object:
        with self.changed:
            items = [made for (one, _), made in self.objects.items() if one == kind and matches(made, selector)]
            return {"kind": "List", "metadata": {"resourceVersion": str(self.version)}, "items": items}

    def watch(self, selector: str, version: int) -> Iterator[bytes]:
        """Yield the changes of pods after a version, until the connections are dropped."""
        drop, seen = self.dropped, version
        while True:
            with self.changed:
                if seen < self.oldest:
                    status = {"kind": "Status", "code": 410, "message": "too old resource version"}
                    yield json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
                    return
                new = [event for event in self.events if event[0] > seen and matches(event[2], selector)]
                if not new:
                    self.changed.wait(0.2)
                if self.dropped != drop:
                    raise ConnectionAbortedError
            for version_of, kind, pod in new:
                seen = version_of
                yield json.dumps({"type": kind, "object": pod}).encode() + b"\n"

    def log(self, name: str, *, follow: bool) -> Iterator[bytes]:
        pod = self.found("pods", name)
        container = self.containers.get(pod["metadata"]["name"])
        if container is None:
            raise Refused(400, f'container "step" in pod "{name}" is waiting to start: ContainerCreating')
        drop = self.dropped
        for data in container.output(follow=follow):
            if self.dropped != drop:
                raise ConnectionAbortedError
            if data:
                yield data

    def drop_connections(self, *, forget: bool = False) -> None:
        """Break all watches and logs; with `forget`, let versions so far be too old for a watch."""
        with self.changed:
            self.dropped += 1
            if forget:
                self.version += 1
                self.oldest = self.version
            self.changed.notify_all()


def matches(made: Object, selector: str) -> bool:
    labels = made["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, _, value in (one.partition("=") for one in selector.split(",") if one))


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            self._answer(self._get)

        def do_POST(self) -> None:
            self._answer(lambda kind, name, log, query: api.create(kind, self._body()))

        def do_DELETE(self) -> None:
            def delete(kind: str, name: str, log: bool, query: Mapping[str, str]) -> Object:
                given = self._body()
                grace = query.get("gracePeriodSeconds", given.get("gracePeriodSeconds", 30))
                return api.delete(kind, name, int(grace))

            self._answer(delete)

        def _get(self, kind: str, name: str, log: bool, query: Mapping[str, str]) -> Object | Iterator[bytes]:
            if log:
                return api.log(name, follow=query.get("follow", "").lower() == "true")
            if name:
                return api.found(kind, name)
            if query.get("watch", "").lower() == "true":
                return api.watch(query.get("labelSelector", ""), int(query["resourceVersion"]))
            return api.listed(kind, query.get("labelSelector", ""))

        def _body(self) -> Object:
            read: Object = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            return read

        def _answer(self, act: Callable[[str, str, bool, Mapping[str, str]], Object | Iterator[bytes]]) -> None:
            try:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if token not in (TOKEN, POWERLESS):
                    raise Refused(401, "Unauthorized")
                path, query = urlsplit(self.path)[2:4]
                found = _PATH.fullmatch(path)
                if found is None or found[1] != NAMESPACE:
                    raise Refused(404, f'namespaces "{found[1] if found else path}" not found')
                if token == POWERLESS:
                    raise Refused(403, f'{found[2]} is forbidden: User "x" cannot do this in the namespace "lab"')
                made = act(found[2], found[3] or "", bool(found[4]), dict(parse_qsl(query)))
                self._send(made) if isinstance(made, dict) else self._stream(made)
            except Refused as error:
                self._send({"kind": "Status", "code": error.code, "message": str(error)}, error.code)
            except ConnectionError:
                self.close_connection = True

        def _send(self, made: Object, code: int = 200) -> None:
            with api.changed:
                data = json.dumps(made).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, chunks: Iterator[bytes]) -> None:
            first = next(chunks, None)  # before the headers: it may refuse
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in chain([] if first is None else [first], chunks):
                self._chunk(chunk)
            self.wfile.write(b"0\r\n\r\n")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    return Handler


class Kubernetes:
    """A running API server, and the kubeconfig that leads to it."""

    def __init__(self, api: Api, config: Path) -> None:
        self.api = api
        self.config = config

    @property
    def environ(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.config)}


@contextmanager
def kubernetes(directory: Path, environ: Mapping[str, str], mounts: tuple[str, ...] = ()) -> Iterator[Kubernetes]:
    """Serve the API on loopback. `environ` leads to the engine that runs the pods, `mounts` are given to each."""
    api = Api(directory, environ, mounts)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that was killed
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        config = directory / "kubeconfig"
        config.write_text(json.dumps(kubeconfig(f"http://127.0.0.1:{server.server_port}")))
        yield Kubernetes(api, config)
    finally:
        for container in api.containers.values():
            with suppress(OSError):
                container.stop(0)
        server.shutdown()
        server.server_close()


def kubeconfig(server: str) -> Object:
    """Return a kubeconfig with a context for each account, and one of a cluster that does not answer."""
    users = {"admin": TOKEN, "powerless": POWERLESS, "stranger": "wrong"}
    contexts = [{"name": name, "context": {"cluster": "c", "user": name, "namespace": NAMESPACE}} for name in users]
    contexts.append({"name": "away", "context": {"cluster": "away", "user": "admin", "namespace": NAMESPACE}})
    contexts.append({"name": "elsewhere", "context": {"cluster": "c", "user": "admin", "namespace": "other"}})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "admin",
        "clusters": [
            {"name": "c", "cluster": {"server": server}},
            {"name": "away", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": name, "user": {"token": token}} for name, token in users.items()],
        "contexts": contexts,
    }
