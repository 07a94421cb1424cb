"""Runs jobs in containers of Docker or Podman, in the project's directory."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, JobOutput, JobState, Outcome, Refusal, ignore_handle
from weaselish.executors.containers.container import Containers
from weaselish.executors.containers.create import LABEL, Place, image_of, labels_of, new_name
from weaselish.executors.containers.engine import Engine, EngineDown, Seen
from weaselish.executors.containers.images import ImageIds
from weaselish.executors.containers.job_files import remove_files
from weaselish.executors.containers.roles import (
    host_name,
    nodes_by_name,
    with_restarts,
)
from weaselish.executors.local.roles import nodes_on_this_machine
from weaselish.executors.replica_threads import run_replicas
from weaselish.executors.replicas import Nodes, Replica, replica_job, replicas_of
from weaselish.model.executors import ContainerSettings
from weaselish.model.project import Command

_KEPT = 8  # containers that have ended and are not removed yet: a `proj` that is killed now needs its last ones


class ContainerExecutor:
    """One container per job runs all its lines; with roles, one per replica. The name of the job is its handle.

    The project is mounted at its own path and the caller owns the files that the job writes. The environment is that
    of the image, with the job's variables. A container that has ended is removed soon after, at the latest by `close`.
    `grace` is the number of seconds between SIGTERM and SIGKILL where this executor sends both.
    """

    def __init__(
        self, root: Path, environ: Mapping[str, str], settings: ContainerSettings, *, grace: float = 5.0
    ) -> None:
        self._settings = settings
        self._grace = grace
        self._engine = Engine(settings.type, settings.name, environ)
        self._containers = Containers(root, self._engine, settings, grace, self._forget)
        self._image_ids = ImageIds(self._engine)
        self._ours = (f"{LABEL}root={root}", f"{LABEL}executor={settings.name}")
        self._ended: list[str] = []
        self._removals: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()  # guards both

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        if cancel.level:
            line = 0 if job.lines else None
            return self._containers.placed(Outcome(Ending.INTERRUPTED, cancel.exit_code, line))
        handle = new_name(job.id.step)
        if job.roles:
            submitted(handle)
            return self._run_roles(job, handle, output, cancel)
        return self._run_one(job, Place(handle, handle), output, cancel, submitted)

    def refusal(self, command: Command) -> Refusal | None:
        name = self._settings.name
        images = [role.image or command.image for role in command.roles] or [command.image]
        if not all(image or self._settings.image for image in images):
            return Refusal(
                f"needs an image to run on `{name}`", f"write `image:` in the command, or under `executors: {name}`"
            )
        if command.roles and self._network_option == "none":
            return Refusal(f"has roles, which cannot reach each other on `{name}`", "remove `--network=none`")
        if command.interactive:
            return Refusal(
                f"is interactive, and `{name}` gives it no terminal",
                f"use `proj shell {command.name}`, or the executor `local`",
            )
        return None

    def shell(self, job: Job) -> int:
        name = new_name(job.id.step)
        image = self._image_of(job)
        return self._containers.shell(job, Place(name, name), job.image_ids.get(image, image))

    def close(self) -> None:
        with self._lock:
            names, self._ended = self._ended, []
            removals, self._removals = self._removals, []
        self._engine.remove(*names)
        for removal in removals:
            removal.communicate()

    # --- jobs that outlive this process

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        seen = self._containers_of(handle)
        if not job.roles:
            return self._containers.follow(job, handle, output, cancel, began=seen[0]) if seen else None
        latest = {labels_of(one.labels).replica: one for one in sorted(seen, key=lambda one: one.started)}
        if latest.keys() != {replica.name for replica in replicas_of(job)}:
            self.stop(handle)  # it was not submitted completely
            return None

        def follow(replica: Replica, to: JobOutput, ending: Cancel) -> Outcome:
            one = replica_job(job, replica.role, replica.number, nodes_by_name(job))
            began = latest[replica.name]
            return self._containers.follow(one, began.name, to, ending, began=began)

        try:
            return run_replicas(job, follow, output, cancel, self._grace)
        finally:
            self._engine.remove_network(handle)

    def stop(self, handle: str) -> None:
        names = [one.name for one in self._containers_of(handle)]
        self._engine.remove(*names)
        for name in (handle, *names):
            remove_files(name)
        if handle not in names:
            self._engine.remove_network(handle)

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        states = dict.fromkeys(handles, JobState.GONE)
        for one in self._engine.see(*self._engine.list(*self._ours)):
            handle = labels_of(one.labels).job
            if one.is_running:
                states[handle] = JobState.RUNNING
            elif one.status == "created" and states.get(handle) is JobState.GONE:
                states[handle] = JobState.QUEUED
        return {handle: states[handle] for handle in handles}

    def leftovers(self) -> Mapping[str, str]:
        found = (labels_of(one.labels) for one in self._engine.see(*self._engine.list(*self._ours)))
        return {labels.job: labels.step for labels in found}

    def _containers_of(self, handle: str) -> list[Seen]:
        return self._engine.see(*self._engine.list(*self._ours, f"{LABEL}job={handle}"))

    # --- new jobs

    def _create(self, job: Job, place: Place, image: str) -> str:
        """Create a container from the image with an ID, and return the warnings of the engine."""
        try:
            return self._containers.create(job, place, image)
        except EngineDown:
            raise
        except ProjError:
            if self._engine.image_id(image) is not None:
                raise
            name = self._image_of(job)
            message = f"`{job.name}`: the image `{name}` was replaced while `proj` ran, and the old one is gone"
            raise ProjError(message, hint="run the step again, with the new image") from None

    def _image_id(self, job: Job, cancel: Cancel, progress: Callable[[bytes], None]) -> str:
        """Return the ID of a job's image: the one in its key if it has one, else the current one."""
        name = self._image_of(job)
        return job.image_ids.get(name) or self._image_ids.of(name, cancel, progress)

    def _image_of(self, job: Job) -> str:
        image = image_of(job, self._settings)
        assert image is not None  # `refusal` asks for it
        return image

    def _run_one(
        self,
        job: Job,
        place: Place,
        output: JobOutput,
        cancel: Cancel,
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        try:
            image = self._image_id(job, cancel, output.write)
            warnings = self._create(job, place, image)
        except ValueError as error:
            outcome = Outcome(Ending.NOT_STARTED, 126, 0, f"a line cannot be started: {error}")
            return self._containers.placed(outcome)
        submitted(place.name)
        is_limited = not job.limits.memory or "memory limit" not in warnings.lower()
        outcome = self._containers.follow(job, place.name, output, cancel, image=image)
        return outcome._replace(is_limited=is_limited)

    def _run_roles(self, job: Job, handle: str, output: JobOutput, cancel: Cancel) -> Outcome:
        with self._nodes(job, handle) as (nodes, network):

            def run(replica: Replica, to: JobOutput, ending: Cancel) -> Outcome:
                one = replica_job(job, replica.role, replica.number, nodes)
                options = [] if self._network_option else [f"--network={network}"]
                options += [] if network == "host" else [f"--network-alias={host_name(replica)}"]

                def attempt(number: int) -> Outcome:
                    name = f"{handle}-{host_name(replica)}-{number}"
                    place = Place(name, handle, replica.name, tuple(options))
                    return self._run_one(one, place, to, ending)

                return with_restarts(replica, attempt, ending)

            return run_replicas(job, run, output, cancel, self._grace)

    @property
    def _network_option(self) -> str | None:
        """The network that the options of the executor name."""
        given = (option.partition("=")[2] for option in self._settings.options if option.startswith("--net"))
        return next(given, None)

    @contextmanager
    def _nodes(self, job: Job, handle: str) -> Iterator[tuple[Nodes, str]]:
        """Yield where the replicas listen, and the name of their network. One that is created exists for the block."""
        if (given := self._network_option) not in (None, "host"):
            yield nodes_by_name(job), str(given)
        elif given is None and self._engine.create_network(handle, [f"--label={label}" for label in self._ours]):
            try:
                yield nodes_by_name(job), handle
            finally:
                self._engine.remove(*(one.name for one in self._containers_of(handle)))
                self._engine.remove_network(handle)
        else:
            with nodes_on_this_machine(job) as nodes:
                yield nodes, "host"

    def _forget(self, name: str) -> None:
        """Remove the container soon. Those that ended last stay, for a later `proj` if this one is killed now."""
        remove_files(name)
        with self._lock:
            self._ended.append(name)
            if len(self._ended) >= 2 * _KEPT:
                old, self._ended = self._ended[:_KEPT], self._ended[_KEPT:]
                self._removals.append(self._engine.begin_removal(*old))
