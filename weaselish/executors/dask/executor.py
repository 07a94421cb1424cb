"""Runs jobs on the workers of a Dask cluster."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, JobOutput, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.dask.scheduler import forget_events
from weaselish.model.executors import DaskSettings
from weaselish.model.project import Command
from weaselish.model.resources import Resources

if TYPE_CHECKING:
    from distributed import Client, Future

    from weaselish.executors.dask.following import Following

ADDRESS = "DASK_SCHEDULER_ADDRESS"  # the environment variable that names the scheduler
_CONNECTING = 15.0  # seconds
_KILLING = 10.0  # seconds until a job that was killed counts as gone
_TICK = 0.05  # seconds between two looks at it
_KINDS = {"cpus": "CPU", "memory": "MEMORY", "gpus": "GPU", "disk": "DISK"}  # of resources: ours -> Dask's


class DaskExecutor:
    """Each job is one task. Its key is the handle, under which the task is published until it has ended.

    A task outlives this process. Dask starts it again if its worker dies. `environ`: of the caller.
    """

    def __init__(self, root: Path, environ: Mapping[str, str], settings: DaskSettings, *, grace: float = 5.0) -> None:
        self._root = root.resolve()
        self._settings = settings
        place = f"{os.uname().nodename}:{self._root}"
        self._prefix = f"proj-{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}-"  # of the keys of our own tasks
        self._grace = grace
        self._address = settings.address or environ.get(ADDRESS)
        self._lock = threading.Lock()  # guards `_client`
        self._client: Client | None = None

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        from weaselish.executors.dask.worker import Task, run_task

        if cancel.level:
            name, host = self._settings.name, os.uname().nodename
            return Outcome(Ending.INTERRUPTED, cancel.exit_code, 0, executor=name, host=host)
        client = self._connected()
        topic = f"{self._prefix}{job.name}-{job.id.run}-{token_hex(4)}"
        plain = job._replace(env=dict(job.env), image_ids=dict(job.image_ids), roles=(), command=None, fingerprint=None)
        task = Task(plain, topic, str(self._root) if self._settings.shared else None, self._grace)
        needed = _abstract(job.resources)
        submitted(topic)
        following = self._following(client, topic, job, output, cancel)
        future = client.submit(run_task, task, key=topic, resources=needed, pure=False)
        client.publish_dataset(future, name=topic)
        return self._follow(following, future, topic, job)

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        client = self._connected()
        if handle not in client.list_datasets():
            return None
        future = client.get_dataset(handle)
        following = self._following(client, handle, job, output, cancel)
        following.catch_up()
        return self._follow(following, future, handle, job)

    def _following(self, client: Client, topic: str, job: Job, output: JobOutput, cancel: Cancel) -> Following:
        from weaselish.executors.dask.following import Following

        return Following(client, topic, job, output, cancel)

    def _follow(self, following: Following, future: Future[Any], topic: str, job: Job) -> Outcome:
        client = self._connected()
        needed = _abstract(job.resources)
        try:
            outcome = following.until_ended(future, lambda: _why_waiting(client, needed))
        except BaseException:
            self.stop(topic)
            raise
        self._forget(client, future, topic)
        return outcome._replace(executor=self._settings.name)

    def stop(self, handle: str) -> None:
        from weaselish.executors.dask.worker import request_level

        handle = _key(handle)
        client = self._connected()
        give_up = monotonic() + _KILLING
        while any(client.run(request_level, handle, int(Level.KILL), on_error="ignore").values()):
            if monotonic() > give_up:
                break
            sleep(_TICK)
        if handle in client.list_datasets():
            self._forget(client, client.get_dataset(handle), handle)

    def _forget(self, client: Client, future: Future[Any], topic: str) -> None:
        with suppress(KeyError):
            client.unpublish_dataset(topic)
        future.cancel()
        forget_events(client, topic)

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        client = self._connected()
        known = set(client.list_datasets())
        running = {key for keys in client.processing().values() for key in keys}
        keys = {handle: _key(handle) for handle in handles}
        states = {handle: JobState.RUNNING if key in running else JobState.QUEUED for handle, key in keys.items()}
        return {handle: state if keys[handle] in known else JobState.GONE for handle, state in states.items()}

    def leftovers(self) -> Mapping[str, str]:
        """Return the tasks that this directory's project submitted and that are published still, with their steps."""
        keys = [key for key in self._connected().list_datasets() if key.startswith(self._prefix)]
        return {key: key.removeprefix(self._prefix).rsplit("-", 2)[0] for key in keys}

    def refusal(self, command: Command) -> Refusal | None:
        name = self._settings.name
        if command.roles:
            hint = "run it on `local`, in containers, on Slurm or on Kubernetes"
            return Refusal(f"has roles, which Dask cannot start together: the executor is `{name}`", hint)
        if command.image is not None:
            hint = "remove `image:`, or choose an executor of type docker, podman, slurm or kubernetes"
            return Refusal(f"needs an image, and the workers of `{name}` run no containers", hint)
        if command.interactive:
            return Refusal(f"is interactive, and the executor `{name}` has no terminal", "run it on `local`")
        return None

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Client:
        """Return the client. Raises ProjError if the scheduler cannot be reached."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Client:
        name = self._settings.name
        try:
            from distributed import Client
        except ImportError:
            message = f"the executor `{name}` needs a library that is not installed (`distributed`)"
            raise ProjError(message, hint="pip install 'weaselish[dask]'") from None
        if self._address is None:
            hint = f"write `address: tcp://HOST:8786`, or set {ADDRESS}"
            raise ProjError(f"the executor `{name}` has no address of a scheduler", hint=hint)
        try:
            return Client(self._address, timeout=_CONNECTING, set_as_default=False, name="proj")
        except (OSError, ValueError) as error:
            message = f"the executor `{name}` cannot reach Dask's scheduler at {self._address}: {_brief(error)}"
            raise ProjError(message, hint="start it (`dask scheduler`), or correct `address:`") from None


def _key(handle: str) -> str:
    """Return the key of a task. The name of a job on a remote may precede it in a handle."""
    return handle.rpartition(" ")[2]


def _abstract(resources: Resources) -> dict[str, float]:
    """Return a request as Dask's abstract resources, which workers offer by `--resources`."""
    return {_KINDS[name]: amount for name, amount in resources._asdict().items() if amount}


def _why_waiting(client: Client, needed: Mapping[str, float]) -> str:
    """Return why no worker has begun a task."""
    workers: Mapping[str, Any] = client.scheduler_info()["workers"]
    if not workers:
        return "no worker joined Dask's scheduler"
    fits = [one for one in workers.values() if all(one["resources"].get(kind, 0) >= needed[kind] for kind in needed)]
    if not fits:
        request = " ".join(f"{kind}={amount:g}" for kind, amount in needed.items())
        return f"no worker that offers {request} (`dask worker --resources`) began it"
    return "no worker was free"


def _brief(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
