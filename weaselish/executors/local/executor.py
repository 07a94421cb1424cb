"""Runs jobs as processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.executors.base import Ending, Job, JobOutput, Outcome, Refusal, ignore_handle
from weaselish.executors.command_line import command_line
from weaselish.executors.local.not_started import NotStarted, find_executable, not_started
from weaselish.executors.local.processes import ProcessTree
from weaselish.executors.local.running import RunningLine
from weaselish.executors.local.start import LocalLine, start_line
from weaselish.executors.sources import source_environment
from weaselish.executors.stdin import Stdin
from weaselish.interpreter import project_python
from weaselish.model.executors import LOCAL

if TYPE_CHECKING:
    from weaselish.executors.local.cgroup import Cgroup
    from weaselish.model.project import Command


class LocalExecutor:
    """Each line is a process that leads a session of its own. Jobs share nothing. Only replicas have threads.

    `environ` is the caller's environment, to which a job's own variables are added. `grace` is the number of seconds
    between SIGTERM and SIGKILL where this executor sends both: after a timeout, and to what a failed line left behind.
    After a request to cancel, the engine sets the pace.

    With Stdin.TERMINAL (one job at a time), Ctrl-C also raises the level of `cancel` by one, Ctrl-Z suspends us, and
    our terminal is raw while a line runs. Processes that a line leaves on its pseudo-terminal get SIGHUP when it ends,
    as when a window is closed.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        *,
        stdin: Stdin = Stdin.NULL,
        grace: float = 5.0,
        dies_with_us: bool = False,
        new_root: Callable[[], Path] | None = None,
    ) -> None:
        self._root = root
        self._environ = dict(environ)
        self._stdin = stdin
        self._grace = grace
        self._new_root = new_root  # creates the directory in which a replica runs, if that is not the root
        self._dies_with_us = dies_with_us  # lines end even if this process is killed: `run` is in its main thread

    def run(
        self,
        job: Job,
        *,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int] = (),
        submitted: Callable[[str], None] = ignore_handle,
    ) -> Outcome:
        deadline = inf if job.timeout is None else monotonic() + job.timeout
        if not job.roles:
            return self._run_one(job, self._stdin, output, cancel, keep_open, deadline)[0]
        from weaselish.executors.local.roles import run_roles

        def run_one(job: Job, output: JobOutput, cancel: Cancel) -> tuple[Outcome, ProcessTree]:
            root = self._new_root() if self._new_root else self._root
            return self._run_one(job, Stdin.NULL, output, cancel, keep_open, deadline, root)

        outcome = run_roles(job, run_one, output=output, cancel=cancel, grace=self._grace)
        return outcome._replace(executor=LOCAL, host=os.uname().nodename)

    def _run_one(
        self,
        job: Job,
        stdin: Stdin,
        output: JobOutput,
        cancel: Cancel,
        keep_open: Sequence[int],
        deadline: float,
        root: Path | None = None,
    ) -> tuple[Outcome, ProcessTree]:
        """Run a job without roles. If it succeeded, the tree holds the processes that it left behind."""
        env = {**self._environ, **source_environment(job, self._root), **job.env}
        python = project_python(self._root, env)
        env["PATH"] = os.pathsep.join([os.path.dirname(python), env.get("PATH", os.defpath)])
        workdir = os.path.normpath((root or self._root) / job.workdir)
        argvs = [command_line(line.words, job.shell, python) for line in job.lines]
        lines = [LocalLine(argv, workdir, env, stdin, tuple(keep_open), self._dies_with_us) for argv in argvs]
        with ExitStack() as stack:
            group = _limiting_group(job, stack)
            outcome, tree = self._run_all(job, lines, output, cancel, group, deadline)
            out_of_memory = group is not None and not outcome.succeeded and group.ran_out_of_memory
        outcome = outcome._replace(
            executor=LOCAL,
            host=os.uname().nodename,
            python=python,
            ran_out_of_memory=out_of_memory,
            is_limited=group is not None or not job.limits.memory,
        )
        return outcome, tree

    def refusal(self, command: Command) -> Refusal | None:
        if command.image is not None or any(role.image is not None for role in command.roles):
            return Refusal(
                "needs an image, and the executor `local` runs no containers",
                "choose an executor of type docker or podman: `executor:` in the command, or `--executor NAME`",
            )
        return None

    def shell(self, job: Job) -> int:
        from weaselish.executors.local.shell import open_shell

        return open_shell(self._root, self._environ, job)

    def close(self) -> None:
        pass

    def _run_all(
        self,
        job: Job,
        lines: Sequence[LocalLine],
        output: JobOutput,
        cancel: Cancel,
        group: Cgroup | None,
        deadline: float,
    ) -> tuple[Outcome, ProcessTree]:
        tree = ProcessTree()
        outcome = None
        try:
            outcome = self._run_lines(job, lines, tree, output, cancel, group, deadline)
        finally:
            if not outcome or not outcome.succeeded:
                tree.end(self._grace, cancel)
        return outcome, tree

    def _run_lines(
        self,
        job: Job,
        lines: Sequence[LocalLine],
        tree: ProcessTree,
        output: JobOutput,
        cancel: Cancel,
        group: Cgroup | None,
        deadline: float,
    ) -> Outcome:
        for index, line in enumerate(lines):
            if cancel.level:
                return Outcome(Ending.INTERRUPTED, cancel.exit_code, index)
            if monotonic() >= deadline:
                return Outcome(Ending.TIMED_OUT, 124, index)
            program = find_executable(line)
            output.start_line(job.lines[index], program or line.argv[0])
            member = line
            if program is not None:
                member = line.found(program) if group is None else line._replace(argv=group.wrapped(line.argv))
            try:
                with start_line(member) as (process, source, terminal):
                    running = RunningLine(process, tree, source, terminal, output.write, cancel, deadline, self._grace)
                    outcome = running.finish()
            except NotStarted as error:
                outcome = not_started(error.reason, line)
            if not outcome.succeeded:
                return outcome._replace(line=index)
        return Outcome(Ending.EXITED, 0)


def _limiting_group(job: Job, stack: ExitStack) -> Cgroup | None:
    """Make the control group of a job whose memory is limited. None if it is not, or the system does not allow it."""
    if not job.limits.memory:
        return None
    from weaselish.executors.local.cgroup import Cgroup

    group = Cgroup.open(job.limits)
    return None if group is None else stack.enter_context(group)
