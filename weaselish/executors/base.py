"""The executor protocol: what a job is, where its output goes, and how it ended."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from weaselish.model.resources import NOTHING, Resources
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:  # a node of a cluster imports this module for each job
    from weaselish.cancel import Cancel
    from weaselish.model.executors import Queue
    from weaselish.model.project import Command
    from weaselish.model.sources import Mount
    from weaselish.plan.fingerprint import Fingerprint
    from weaselish.plan.record import Record


class JobId(NamedTuple):
    """Identifies one run of one step, for an executor to find again what it started."""

    step: str
    key: str  # the command hash of what runs
    run: int  # the run id


class Line(NamedTuple):
    """One script line.

    Without a shell, `words` are the program and its arguments; `python` and `pip` as program mean the interpreter of
    the place where the line runs. With a shell, `words` is the text for the shell, as one item.
    """

    words: tuple[str, ...]
    announced: str  # for the console: as its author wrote it, variables substituted, secrets masked
    logged: str  # for the log: the same without any value of the environment


class JobRole(NamedTuple):
    """One kind of process of a job with roles. `limits` and `resources` are of each replica."""

    name: str
    replicas: int
    lines: tuple[Line, ...]
    port: int | None = None
    image: str | None = None
    env: Mapping[str, str] = MappingProxyType({})  # on top of the job's
    resources: Resources = NOTHING
    limits: Resources = NOTHING
    restarts: int = 0
    keep_alive: bool = False

    @property
    def replica_names(self) -> tuple[str, ...]:
        """The names of its replicas in messages and logs: `worker.0`, `worker.1`."""
        return tuple(f"{self.name}.{number}" for number in range(self.replicas))


class JobSource(NamedTuple):
    """A named asset, whose place a job gets as a variable of the environment. See executors/sources.py."""

    variable: str
    dest: str  # relative to the project
    mount: Mount | None = None  # where it is if it was not fetched to its dest


class Job(NamedTuple):
    """A step handed to an executor. Nothing in it depends on the machine that created it."""

    id: JobId
    lines: tuple[Line, ...]
    shell: str | None = None  # the program that interprets the lines; None: each line is a program and its arguments
    workdir: str = "."  # relative to the project
    env: Mapping[str, str] = MappingProxyType({})  # the declared variables, on top of what the executor provides
    secrets: frozenset[str] = frozenset()  # the names in `env` whose values must not be shown or stored
    timeout: float | None = None  # seconds for all lines together
    limits: Resources = NOTHING  # what all processes of the job may use together
    resources: Resources = NOTHING  # what it requests with all replicas, for executors that have a queue of their own
    queue_timeout: float | None = None  # seconds in such a queue
    image: str | None = None  # the container image to run in; None: the executor's own, or none
    image_ids: Mapping[str, str] = MappingProxyType({})  # by image named by a tag, which may move: as the key has it
    roles: tuple[JobRole, ...] = ()  # run in place of `lines`
    outside: tuple[str, ...] = ()  # absolute paths outside the project that it reads or writes
    project: str = ""  # the name of the project, for PROJECT_NAME and for labels
    sources: tuple[JobSource, ...] = ()
    command: Command | None = None  # what the job runs, for executors whose files travel through a remote
    fingerprint: Fingerprint | None = None  # its inputs
    reasons: tuple[str, ...] = ()  # why it runs
    left_on: str | None = None  # the remote on which its outputs may stay until a step needs them, if they are there

    @property
    def name(self) -> str:
        return self.id.step


class Ending(enum.Enum):
    """How a job ended."""

    EXITED = "exited"  # every line ran and exited 0, or one exited with another code
    SIGNALLED = "signalled"  # a line was killed by a signal that we did not send
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"  # because of a request to cancel
    NOT_STARTED = "not started"  # a line's program was not found (127) or could not be executed (126)


class Outcome(NamedTuple):
    """How a job ended, and where. `exit_code` follows the shell: 128 + n for signal n, 124 for a timeout, 126, 127."""

    ended: Ending
    exit_code: int
    line: int | None = None  # index of the line at which the job ended, unless it succeeded
    message: str | None = None  # what is wrong, in one line: for NOT_STARTED, and where the executor knows better
    hint: str | None = None  # what to do about it
    executor: str = ""  # the executor's name
    host: str = ""  # the machine on which the job ran
    python: str | None = None  # the interpreter that `python` meant there
    attempt: int = 1  # how often the executor itself started the job
    ran_out_of_memory: bool = False  # the limit of memory ended it
    is_limited: bool = True  # the executor enforced the limit of memory, or there was none
    replica: str | None = None  # the replica that ended the job, such as `worker.2`
    image: str | None = None  # the digest of the image in which it ran
    record: Record | None = None  # the record that the job itself published; its outputs are in place, unless `is_left`
    is_left: bool = False  # its outputs stayed on the remote `Job.left_on`

    @property
    def succeeded(self) -> bool:
        return self.ended is Ending.EXITED and self.exit_code == 0


class JobOutput(Protocol):
    """Receives what a job does, in order, from the thread that called `run`.

    A slow receiver slows the job down and delays its timeout and cancellation. When one of the methods raises, the
    executor ends the job and `run` raises the same exception.
    """

    def start_line(self, line: Line, program: str) -> None:
        """Note that `line` is about to start, as `program`."""

    def write(self, data: bytes) -> None:
        """Take output of the current line, stdout and stderr in the order written, as it arrives."""

    def replica(self, name: str) -> JobOutput:
        """Return the receiver for one replica of a job with roles, such as `worker.2`.

        Called once for each replica of an attempt, from the thread that called `run`. Each receiver may then be used
        by a thread of its own.
        """


def ignore_handle(handle: str) -> None:
    """Do nothing with the handle of a job that was submitted."""


class JobState(enum.Enum):
    """Where a job that outlives `proj` is."""

    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"  # ended, or unknown to the engine


class Executor(Protocol):
    """Where jobs run. `run` blocks; the engine calls it from several threads at once and owns those threads.

    Lines run in order until one fails. A job that is cancelled while a line runs is INTERRUPTED, however the line
    reacts. When `run` returns or raises, no process of the job is alive, unless the job succeeded and left one behind
    on purpose. An executor that starts processes on this machine lets them inherit the descriptors `keep_open`, which
    hold the locks of the step. An executor whose jobs outlive this process passes the handle of a job to `submitted`
    before it waits for it.
    """

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome: ...

    def refusal(self, command: Command) -> Refusal | None:
        """Return why this executor can never run the command, None if it can. Asked before anything starts."""

    def close(self) -> None: ...


class Refusal(NamedTuple):
    """What an executor cannot do, as the end of a sentence that begins with the command's name, and a hint."""

    message: str
    hint: str


@runtime_checkable
class DurableExecutor(Executor, Protocol):
    """An executor whose jobs outlive this process. A handle names a job for every later process."""

    def attach(self, job: Job, handle: str, *, output: JobOutput, cancel: Cancel) -> Outcome | None:
        """Follow a job that an earlier process submitted, as `run` does. Return None if it left no result.

        All its output is passed on from its beginning.
        """

    def stop(self, handle: str) -> None:
        """End a job and wait until none of its processes is alive. Do nothing if it is gone."""

    def states(self, handles: Sequence[str]) -> Mapping[str, JobState]:
        """Return where jobs are, by one query."""


@runtime_checkable
class InteractiveExecutor(Executor, Protocol):
    """An executor that can open a shell on our terminal."""

    def shell(self, job: Job) -> int:
        """Open a shell with the image, environment and directory of a job without lines. Return its exit code."""


@runtime_checkable
class CleanableExecutor(DurableExecutor, Protocol):
    """An executor that can list what jobs of a project left behind on it."""

    def leftovers(self) -> Mapping[str, str]:
        """Return the handle of each job of this project that is not removed yet, with the name of its step."""


class ExecutorSource(Protocol):
    """The executors of a run. Any thread may call the methods."""

    def executor_for(self, command: Command) -> Executor: ...

    def name_for(self, command: Command) -> str:
        """Return the name of the executor that runs the command, without opening it."""

    def queue_for(self, command: Command) -> Queue | None:
        """Return the queue in which the command waits, None if it runs on this machine. Opens nothing."""

    def share_terminal(self) -> None:
        """Note that several steps run at once: only interactive ones may read standard input."""

    def named(self, name: str) -> Executor | None:
        """Return an executor by its name, None if the project has none of that name."""

    def remote_of(self, name: str) -> str | None:
        """Return the remote through which files travel to an executor, None if it sees the project's directory."""
