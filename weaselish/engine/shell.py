"""Opens a shell with the image, environment and directory that a step has."""

from __future__ import annotations

from weaselish.engine.run.job import make_job
from weaselish.errors import ProjError
from weaselish.executors.base import ExecutorSource, InteractiveExecutor
from weaselish.model.project import Command
from weaselish.plan.fingerprint import Fingerprint
from weaselish.workspace import Workspace

_NO_RUN = Fingerprint((), (), (), (), False, ".")  # nothing is compared with it


def open_shell(workspace: Workspace, executors: ExecutorSource, command: Command) -> int:
    """Open a shell on the executor of a command, on our terminal. Return its exit code. Raises ProjError."""
    command = command._replace(roles=(), interactive=False)
    executor, name = executors.executor_for(command), executors.name_for(command)
    if not isinstance(executor, InteractiveExecutor):
        raise ProjError(
            f"the executor `{name}` cannot open a shell",
            hint=f"choose another: `proj shell {command.name} --executor local`",
        )
    if (refusal := executor.refusal(command)) is not None:
        raise ProjError(f"`{command.name}` {refusal.message}", hint=refusal.hint)
    return executor.shell(make_job(workspace, command._replace(script=()), _NO_RUN))
