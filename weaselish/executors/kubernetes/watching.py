"""Watches the pods of one step by one connection, and passes on each state of each pod."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from weaselish.executors.kubernetes.cluster import Cluster, Expired, PodEvent, Unreachable
from weaselish.executors.kubernetes.manifests import INDEX, JOB, ROLE
from weaselish.named_tuple import NamedTuple

PAUSES = (0.5, 15.0)  # seconds between two attempts to reach the cluster: at first, at most


class Gone(NamedTuple):
    """The cluster has neither a job nor a pod of the step."""


Message = object  # a PodEvent, Gone, a BaseException, or what a reader of a log puts
Messages = SimpleQueue[Message]


class Watch:
    """The pods of the step with the handle `name`. A replica, or a job without roles, takes its messages from a queue.

    Which queue a pod's state goes to is decided by its role and index, `("", "")` without roles.
    """

    def __init__(self, cluster: Cluster, name: str, queues: dict[tuple[str, str], Messages]) -> None:
        self._cluster = cluster
        self._name = name
        self._queues = queues
        self._stopped = threading.Event()
        start(self._watch, self._tell_all)

    def stop(self) -> None:
        """Stop at the next event. Does not wait."""
        self._stopped.set()

    def _watch(self) -> None:
        """Pass on each state of the pods, whatever happens to the connection."""
        selector, version, pause = f"{JOB}={self._name}", "", PAUSES[0]
        while not self._stopped.is_set():
            try:
                if not version:
                    version = self._list(selector)
                for event, seen in self._cluster.watch_pods(selector, version):
                    self._pass_on(event)
                    version = seen
                    pause = PAUSES[0]
                    if self._stopped.is_set():
                        return
            except Expired:
                version = ""
            except Unreachable:
                version = ""
                self._stopped.wait(pause)
                pause = min(2 * pause, PAUSES[1])

    def _list(self, selector: str) -> str:
        found, version = self._cluster.pods(selector)
        for pod in sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or "")):
            self._pass_on(PodEvent(pod))
        if not found and not self._cluster.jobs(selector):
            self._tell_all(Gone())
        return version

    def _pass_on(self, event: PodEvent) -> None:
        metadata = event.pod["metadata"]
        role = metadata.get("labels", {}).get(ROLE, "")
        queue = self._queues.get((role, metadata.get("annotations", {}).get(INDEX, "") if role else ""))
        if queue is not None:
            queue.put(event)

    def _tell_all(self, message: Message) -> None:
        for queue in self._queues.values():
            queue.put(message)


def start(read: Callable[[], None], pass_on: Callable[[BaseException], None]) -> None:
    """Start a thread. `pass_on` gets its exception."""

    def guarded() -> None:
        try:
            read()
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            pass_on(error)

    threading.Thread(target=guarded, daemon=True).start()
