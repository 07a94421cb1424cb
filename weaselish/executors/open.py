"""Opens the executors that the commands of a project run on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from weaselish.errors import UnknownName
from weaselish.executors.stdin import Stdin
from weaselish.model.executors import (
    LOCAL,
    ContainerSettings,
    DaskSettings,
    DirectorySettings,
    KubernetesSettings,
    Queue,
    SlurmSettings,
)
from weaselish.model.executors import Executors as ExecutorsModel
from weaselish.model.project import Command

if TYPE_CHECKING:
    from weaselish.executors.base import Executor


class Executors:
    """The executors of one run, each opened when the first command needs it. Thread-safe.

    `environ` is the environment of the caller, `stdin` what steps on this machine read from standard input,
    `interactive` what interactive ones read. `chosen` is the executor of all commands, whatever they name.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        stdin: Stdin = Stdin.NULL,
        interactive: Stdin | None = None,
        *,
        model: ExecutorsModel | None = None,
        chosen: str | None = None,
    ) -> None:
        """Prepare the executors of a project. Raises UnknownName if it has no executor `chosen`."""
        self.root = root
        self.environ = environ
        self._stdin = stdin
        self._interactive = interactive or stdin
        self._model = model or ExecutorsModel()
        self._chosen = chosen
        self._opening = threading.Lock()
        self._opened: dict[tuple[str, Stdin | None], Executor] = {}
        if chosen is not None and chosen not in self._model.names:
            raise UnknownName("executor", chosen, self._model.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._opened.values():
            executor.close()

    def name_for(self, command: Command) -> str:
        """Return the name of the executor that runs `command`."""
        return self._chosen or command.executor or self._model.default

    def executor_for(self, command: Command) -> Executor:
        """Return the executor of `command`. The first call imports what starts jobs, which takes a while."""
        name = self.name_for(command)
        stdin = (self._interactive if command.interactive else self._stdin) if name == LOCAL else None
        return self._open(name, stdin)

    def queue_for(self, command: Command) -> Queue | None:
        return self._model.queue_of(self.name_for(command))

    def share_terminal(self) -> None:
        self._stdin = Stdin.NULL

    def named(self, name: str) -> Executor | None:
        """Return an executor by its name, None if project.yml no longer has it."""
        return self._open(name, self._stdin if name == LOCAL else None) if name in self._model.names else None

    def remote_of(self, name: str) -> str | None:
        """Return the remote through which files travel to an executor, None if it sees the project's directory."""
        return self._model.remote_of(name)

    def _open(self, name: str, stdin: Stdin | None) -> Executor:
        with self._opening:
            if (name, stdin) not in self._opened:
                self._opened[name, stdin] = self._new(name, stdin)
            return self._opened[name, stdin]

    def _new(self, name: str, stdin: Stdin | None) -> Executor:
        if name == LOCAL:
            from weaselish.executors.local.executor import LocalExecutor

            return LocalExecutor(self.root, self.environ, stdin=stdin or Stdin.NULL)
        match self._model.settings(name):
            case SlurmSettings() as settings:
                from weaselish.executors.slurm.executor import SlurmExecutor

                return SlurmExecutor(self.root, self.environ, settings)
            case DaskSettings() as settings:
                from weaselish.executors.dask.executor import DaskExecutor

                return DaskExecutor(self.root, self.environ, settings)
            case DirectorySettings():
                from weaselish.executors.directory import DirectoryExecutor

                return DirectoryExecutor(name, self.root, self.environ)
            case KubernetesSettings() as settings:
                from weaselish.executors.kubernetes.executor import KubernetesExecutor

                return KubernetesExecutor(settings, self.environ, self.root)
            case ContainerSettings() as settings:
                from weaselish.executors.containers.executor import ContainerExecutor

                return ContainerExecutor(self.root, self.environ, settings)
            case None:
                raise UnknownName("executor", name, self._model.names)
