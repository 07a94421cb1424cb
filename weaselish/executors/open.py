"""Opens the executors that the commands of a project run on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from weaselish.executors.base import Executor, Stdin
from weaselish.model.project import Command


class Executors:
    """The executors of one run, each opened when the first command needs it. Thread-safe.

    `environ` is the environment of the caller, `stdin` what steps on this machine read from standard input,
    `interactive` what interactive ones read.
    """

    def __init__(
        self,
        root: Path,
        environ: Mapping[str, str],
        stdin: Stdin = Stdin.NULL,
        interactive: Stdin | None = None,
    ) -> None:
        self._root = root
        self._environ = environ
        self._stdin = stdin
        self._interactive = interactive or stdin
        self._opening = threading.Lock()
        self._local: dict[Stdin, Executor] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._local.values():
            executor.close()

    def executor_for(self, command: Command) -> Executor:
        """Return the executor of `command`. The first call imports what starts processes, which takes a while."""
        with self._opening:
            stdin = self._interactive if command.interactive else self._stdin
            if stdin not in self._local:
                from weaselish.executors.local.executor import LocalExecutor

                self._local[stdin] = LocalExecutor(self._root, self._environ, stdin=stdin)
            return self._local[stdin]
