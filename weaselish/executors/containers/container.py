"""Creates one container, follows it to its end, and says how it ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from math import inf
from pathlib import Path
from time import monotonic, time

from weaselish.cancel import Cancel, Level
from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Job, JobOutput, Outcome
from weaselish.executors.containers.create import Place, options
from weaselish.executors.containers.engine import OOM, Engine, EngineDown, Seen, last_line
from weaselish.executors.containers.entry import (
    PLACE,
    Marks,
    Refused,
    entry_script,
    env_script,
    is_shell_name,
    shell_script,
)
from weaselish.executors.containers.following import Following
from weaselish.executors.containers.job_files import folder_of, remove_files, write_files
from weaselish.executors.replicas import VISIBLE
from weaselish.executors.sources import source_environment
from weaselish.model.executors import ContainerSettings

_ENDING = 10.0  # seconds until a container whose output has ended must have ended, too
_TICK = 0.05  # seconds between two looks at it


class Containers:
    """The containers of one executor. `forget` is called with the name of each that has ended."""

    def __init__(
        self, root: Path, engine: Engine, settings: ContainerSettings, grace: float, forget: Callable[[str], None]
    ) -> None:
        self._root = root
        self._engine = engine
        self._settings = settings
        self._grace = grace
        self._forget = forget

    def create(self, job: Job, place: Place, image: str) -> str:
        """Create a container for the lines of a job. Return the warnings of the engine.

        Raises ValueError for a line or variable that no program can be given, and ProjError.
        """
        script = entry_script(job, job.lines, place.name, self._workdir(job))
        env, chosen = self._prepared(job, place, script)
        try:
            return self._client_for(env).create(chosen, image, [f"{PLACE}/entry"])
        except BaseException:
            remove_files(place.name)
            raise

    def shell(self, job: Job, place: Place, image: str) -> int:
        """Open a shell in a container on our terminal. Return its exit code."""
        env, chosen = self._prepared(job, place, shell_script(self._workdir(job)))
        terminal = ("--tty",) if os.isatty(0) and os.isatty(1) else ()
        try:
            words = ("run", "--rm", "--interactive", *terminal, *chosen, image, f"{PLACE}/entry")
            return self._client_for(env).call(*words)
        finally:
            remove_files(place.name)

    def follow(
        self,
        job: Job,
        name: str,
        output: JobOutput,
        cancel: Cancel,
        *,
        began: Seen | None = None,
        image: str | None = None,
    ) -> Outcome:
        """Start a container, or attach to the one that `began`, and follow it to its end.

        Where the script inside and the client both report a success, the engine is not asked for the end if `image`
        is known, from whose ID the container was created.
        """
        if began is not None:
            self._end_if_lost(job, began)
        start = began is None or began.status == "created"
        marks = Marks(name, lambda index, program: output.start_line(job.lines[index], program), output.write)
        deadline = inf if job.timeout is None else monotonic() + job.timeout - (0 if start else _age(began))
        following = Following(self._engine, name, marks, cancel, deadline, self._grace)
        try:
            following.finish(self._engine.start(name, folder_of(name)) if start else self._engine.follow(name))
            succeeded = marks.has_ended and following.exit_code == 0 and following.ended_by is None
            if succeeded and start and image is not None:
                self._forget(name)
                return self.placed(Outcome(Ending.EXITED, 0), image=image)
            seen = self._seen_at_end(job, name, following, cancel)
        except EngineDown as error:
            hint = "its container may still run: the next `proj run` looks for it"
            raise EngineDown(f"`{job.name}` has no result: {error.message}", hint=hint) from None
        except BaseException:
            self._forget(name)
            raise
        self._forget(name)
        outcome = _outcome(job, self._workdir(job), seen, marks, following)
        return self.placed(outcome, image=None if seen is None else seen.image)

    def placed(self, outcome: Outcome, image: str | None = None) -> Outcome:
        return outcome._replace(executor=self._settings.name, host=os.uname().nodename, image=image)

    def _workdir(self, job: Job) -> str:
        return os.path.normpath(self._root / job.workdir)

    def _prepared(self, job: Job, place: Place, script: str) -> tuple[Mapping[str, str], list[str]]:
        """Write what the container reads. Return the environment of the job, and the options of the container."""
        env = {**source_environment(job, self._root), **_with_own_gpus(job)}
        ours = {key: value for key, value in env.items() if is_shell_name(key)}
        files = write_files(place.name, {"entry": script, "env": env_script(ours)})
        return env, options(job, place, self._root, self._settings, files, env)

    def _client_for(self, env: Mapping[str, str]) -> Engine:
        """Return the engine with a client that passes on the variables that no shell can set."""
        others = {name: value for name, value in env.items() if not is_shell_name(name)}
        return Engine(self._engine.program, self._engine.executor, {**self._engine.environ, **others})

    def _seen_at_end(self, job: Job, name: str, following: Following, cancel: Cancel) -> Seen | None:
        """Return what the engine says about a container whose output has ended; None if it is removed."""
        give_up = monotonic() + _ENDING
        while (found := self._engine.see(name)) and found[0].is_running and monotonic() < give_up:
            if following.ended_by is None:
                self._end_if_lost(job, found[0])
            cancel.wait(_TICK, above=Level.TERMINATE)
        text = last_line(following.error.decode("utf-8", "replace"))
        if found and found[0].status == "created":
            raise ProjError(f"executor `{self._settings.name}`: the container does not start: {text}")
        if found and found[0].is_running and following.ended_by is not None:
            self._engine.remove(name)
            return None
        if found and found[0].is_running:
            raise EngineDown(
                f"executor `{self._settings.name}`: the connection to {self._engine.program} was lost: {text}"
            )
        if found and (folder_of(name) / OOM).exists():
            return found[0]._replace(ran_out_of_memory=True)
        return found[0] if found else None

    def _end_if_lost(self, job: Job, seen: Seen) -> None:
        """Remove a container whose end would never be noticed, and raise ProjError."""
        if self._engine.is_lost(seen):
            self._engine.remove(seen.name)
            remove_files(seen.name)
            raise ProjError(
                f"`{job.name}` has no result: the process of {self._engine.program} that watches its container ended",
                hint="run it again",
            )


def _with_own_gpus(job: Job) -> Mapping[str, str]:
    """Return the variables of a job as they are inside its container, which counts only its own GPUs."""
    count = job.resources.gpus
    own = {VISIBLE: ",".join(map(str, range(count)))} if job.env.get(VISIBLE) else {}
    return {"GPU_COUNT": str(count), **job.env, **own} if count else job.env


def _outcome(job: Job, workdir: str, seen: Seen | None, marks: Marks, following: Following) -> Outcome:
    line = marks.line if marks.line is not None or not job.lines else 0
    if following.ended_by is not None:
        return following.ended_by._replace(line=line)
    if seen is None:
        return Outcome(Ending.SIGNALLED, 128 + signal.SIGKILL, line)
    code = seen.exit_code
    if code == 0:
        return Outcome(Ending.EXITED, 0)
    if marks.refusal is not None:
        words = job.lines[line or 0].words
        program = job.shell or (words[0] if words else "")
        return Refused(*marks.refusal).outcome(program, workdir)._replace(line=line)
    ended = Ending.SIGNALLED if 128 < code <= 128 + 64 else Ending.EXITED
    return Outcome(ended, code, line, ran_out_of_memory=seen.ran_out_of_memory or marks.ran_out_of_memory)


def _age(seen: Seen | None) -> float:
    """Return for how many seconds a container has run."""
    try:
        started = datetime.fromisoformat(_iso(seen.started) if seen else "")
    except ValueError:
        return 0.0
    return max(0.0, time() - started.timestamp())


def _iso(text: str) -> str:
    """Return a time of an engine without its nanoseconds, which Python 3.10 cannot read."""
    whole, _, rest = text.partition(".")
    zone = rest.lstrip("0123456789")
    return f"{whole}{'+00:00' if zone in ('Z', '') else zone}"
