"""Talks to a cluster through the `kubernetes` client, and says in plain words what goes wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weaselish.errors import ProjError
from weaselish.executors.kubernetes.manifests import Manifest
from weaselish.model.executors import KubernetesSettings
from weaselish.named_tuple import NamedTuple

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
_TIMEOUT = (5.0, 30.0)  # seconds to connect, and to wait for an answer
_RAW: dict[str, Any] = {"_preload_content": False, "_request_timeout": _TIMEOUT}  # answers as JSON
_SILENT = 600.0  # seconds without output after which the log is asked for anew
_WATCHED = 60  # seconds after which the server ends a watch, so that it is opened anew


class ClusterError(ProjError):
    """The cluster refuses a request, or the kubeconfig does not describe it.

    Cure: the message has the cluster's reason; `kubectl` with the same context shows the same.
    """


class Unreachable(ClusterError):
    """The cluster does not answer, or the connection broke. Jobs that run there go on.

    Cure: check the network and the VPN; the next `proj run` finds its jobs.
    """


class Expired(ClusterError):
    """The cluster no longer has the events since the last one seen. `proj` catches this error and lists again."""


class PodEvent(NamedTuple):
    """A pod as the cluster has it now. `is_deleted`: it was removed."""

    pod: Mapping[str, Any]
    is_deleted: bool = False


class Cluster:
    """The API of one cluster, in one namespace. Thread-safe."""

    def __init__(self, settings: KubernetesSettings, environ: Mapping[str, str]) -> None:
        """Read the configuration. Raises ClusterError if there is none."""
        self._name = settings.name
        self._client, found = _configured(settings, environ)
        self.namespace = settings.namespace or found or "default"
        from kubernetes import client

        self._batch: Any = client.BatchV1Api(self._client)
        self._core: Any = client.CoreV1Api(self._client)
        self.host = self._client.configuration.host

    def create_job(self, manifest: Manifest) -> str:
        """Create a Job; return its uid. One of this name that exists was created by a request whose answer got lost."""
        name = str(_metadata(manifest)["name"])
        with self._translated("create jobs"):
            try:
                created = self._batch.create_namespaced_job(self.namespace, manifest, **_RAW)
            except Exception as error:
                if getattr(error, "status", None) != 409:
                    raise
                created = self._batch.read_namespaced_job(name, self.namespace, **_RAW)
            return str(json.loads(created.data)["metadata"]["uid"])

    def create_secret(self, manifest: Manifest) -> None:
        with self._translated("create secrets"):
            try:
                self._core.create_namespaced_secret(self.namespace, manifest, **_RAW)
            except Exception as error:
                if getattr(error, "status", None) != 409:
                    raise

    def create_service(self, manifest: Manifest) -> None:
        with self._translated("create services"):
            try:
                self._core.create_namespaced_service(self.namespace, manifest, **_RAW)
            except Exception as error:
                if getattr(error, "status", None) != 409:
                    raise

    def delete_jobs(self, selector: str, *, grace: int | None) -> None:
        """Delete the Jobs that a selector of labels matches, with all that they own."""
        for job in self.jobs(selector):
            with self._translated("delete jobs"):
                try:
                    self._batch.delete_namespaced_job(
                        job["metadata"]["name"], self.namespace, propagation_policy="Background", **_RAW
                    )
                except Exception as error:
                    if getattr(error, "status", None) != 404:
                        raise
        if grace is not None:
            self._end_pods(selector, grace)

    def _end_pods(self, selector: str, grace: int) -> None:
        """Delete pods now, with `grace` seconds between SIGTERM and SIGKILL."""
        for pod in self.pods(selector)[0]:
            with self._translated("delete pods"):
                try:
                    self._core.delete_namespaced_pod(
                        pod["metadata"]["name"],
                        self.namespace,
                        grace_period_seconds=grace,
                        **_RAW,
                    )
                except Exception as error:
                    if getattr(error, "status", None) != 404:
                        raise

    def jobs(self, selector: str) -> list[Mapping[str, Any]]:
        """Return the Jobs that a selector of labels matches, by one query."""
        with self._translated("list jobs"):
            answer = self._batch.list_namespaced_job(self.namespace, label_selector=selector, **_RAW)
            found: list[Mapping[str, Any]] = json.loads(answer.data)["items"]
            return found

    def pods(self, selector: str) -> tuple[list[Mapping[str, Any]], str]:
        """Return the pods that a selector of labels matches, and the version from which a watch can go on."""
        with self._translated("list pods"):
            answer = self._core.list_namespaced_pod(self.namespace, label_selector=selector, **_RAW)
            read = json.loads(answer.data)
            return read["items"], str(read["metadata"].get("resourceVersion") or "")

    def watch_pods(self, selector: str, version: str) -> Iterator[tuple[PodEvent, str]]:
        """Yield each change of the pods after a version, with its own. Raises Expired, and Unreachable if it breaks."""
        with self._translated("watch pods"):
            answer = self._core.list_namespaced_pod(
                self.namespace,
                label_selector=selector,
                resource_version=version,
                watch=True,
                timeout_seconds=_WATCHED,
                _preload_content=False,
                _request_timeout=(_TIMEOUT[0], _WATCHED + 10),
            )
            try:
                for line in _lines(answer):
                    yield self._event(json.loads(line))
            finally:
                answer.close()

    def _event(self, read: Mapping[str, Any]) -> tuple[PodEvent, str]:
        kind, pod = read["type"], read["object"]
        if kind == "ERROR":
            message = str(pod.get("message"))
            raise Expired(message) if pod.get("code") == 410 else ClusterError(message)
        return PodEvent(pod, kind == "DELETED"), str(pod["metadata"].get("resourceVersion") or "")

    def log(self, pod: str, container: str) -> Iterator[bytes]:
        """Yield the output of a container from its beginning, as it is written, until it ends or the server stops."""
        with self._translated("read logs of pods"):
            answer = self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                follow=True,
                _preload_content=False,
                _request_timeout=(_TIMEOUT[0], _SILENT),
            )
            try:
                while data := answer.read1(65_536):
                    yield data
            finally:
                answer.close()

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            raise self._refused(error, action) from None
        except (HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            message = f"the cluster of `{self._name}` at {self.host} does not answer: {_short(reason)}"
            raise Unreachable(message, hint="check the kubeconfig and the network") from None

    def _refused(self, error: Any, action: str) -> ClusterError:
        message = _message(error)
        match error.status:
            case 401:
                return ClusterError(f"the cluster of `{self._name}` does not accept the credentials: {message}")
            case 403:
                hint = f"an administrator gives a Role with the right to {action} in `{self.namespace}`"
                return ClusterError(f"the account may not {action} in the namespace `{self.namespace}`", hint=hint)
            case 404:
                return ClusterError(f"the cluster of `{self._name}` cannot {action}: {message}")
            case 410:
                return Expired(message)
            case 422 | 400:
                return ClusterError(f"the cluster of `{self._name}` refuses the object: {message}")
            case 429 | 500 | 502 | 503 | 504:
                return Unreachable(f"the cluster of `{self._name}` has trouble ({error.status}): {message}")
        return ClusterError(f"the cluster of `{self._name}` refuses to {action} ({error.status}): {message}")


def _configured(settings: KubernetesSettings, environ: Mapping[str, str]) -> tuple[Any, str | None]:
    """Return a client and its namespace: of the ServiceAccount in a cluster, else of the kubeconfig."""
    try:
        import kubernetes
    except ImportError:
        hint = "install it: `pip install 'weaselish[kubernetes]'`"
        raise ClusterError(f"the executor `{settings.name}` needs the package `kubernetes`", hint=hint) from None
    client: Any = kubernetes.client
    config: Any = kubernetes.config
    configuration = client.Configuration()
    file = environ.get("KUBECONFIG")
    if settings.context is None and file is None and environ.get(_IN_CLUSTER) and os.path.exists(f"{_ACCOUNT}/token"):
        config.load_incluster_config(configuration)
        with open(f"{_ACCOUNT}/namespace", encoding="utf-8") as account:
            return client.ApiClient(configuration), account.read().strip()
    try:
        given = {"config_file": file, "context": settings.context}
        config.load_kube_config(**given, client_configuration=configuration)
        _, active = config.list_kube_config_contexts(file)
    except (config.ConfigException, OSError, TypeError) as error:
        message = f"the executor `{settings.name}` cannot use the kubeconfig: {_short(error)}"
        raise ClusterError(message, hint="`kubectl config get-contexts` shows the contexts") from None
    configuration.retries = 2
    contexts = {one["name"]: one for one in config.list_kube_config_contexts(file)[0]}
    chosen = contexts.get(settings.context, active) if settings.context else active
    return client.ApiClient(configuration), chosen["context"].get("namespace")


def _lines(answer: Any) -> Iterator[bytes]:
    rest = b""
    while data := answer.read1(65_536):
        *lines, rest = (rest + data).split(b"\n")
        yield from filter(None, lines)


def _metadata(manifest: Manifest) -> Mapping[str, object]:
    found = manifest["metadata"]
    assert isinstance(found, Mapping)
    return found


def _message(error: Any) -> str:
    """Return what the API says in the body of an answer."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, TypeError, KeyError):
        return str(error.reason)


def _short(error: object) -> str:
    text = str(error).strip().splitlines()
    return text[0].rpartition(">: ")[2] if text else type(error).__name__
