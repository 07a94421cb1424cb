"""The part of the Python interface that runs a job where its project is not. It needs no project."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel

if TYPE_CHECKING:
    from weaselish.executors.base import Executor, JobOutput, Outcome


def execute_job(
    url: str,
    *,
    output_of: Callable[[frozenset[str]], JobOutput],
    role: str | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run the job whose document is at `url`: in the current directory if that is empty, else in a temporary one.

    `output_of` gets the values that must not be shown. Of a job with roles, run one replica: of `role`, with the index
    that the environment variable REPLICA_INDEX holds. Raises ProjError for what its script is not to blame for.
    """
    from weaselish.connections.variables import with_variables
    from weaselish.engine.exec.names import from_job_url
    from weaselish.engine.exec.place import Attempt, read_job, workspace_at
    from weaselish.engine.exec.replica_at import replica_at
    from weaselish.engine.remote.tree import RemoteTree
    from weaselish.engine.run.secrets import secret_values
    from weaselish.stores.open import open_store
    from weaselish.workspace import Workspace

    token = cancel or Cancel()
    remote, job = from_job_url(url)
    remote = with_variables(remote)
    store = open_store(remote, root=Path.cwd(), cancel=token)
    tree = RemoteTree(lambda: store, None, token)
    try:
        document = read_job(store, job, remote.url)
        replica = replica_at(document, role, os.environ)
        with _empty_directory() as root:
            workspace = workspace_at(root, document, role, lambda root, project: Workspace(root, project, cancel=token))
            attempt = Attempt(tree, job, document, workspace, replica)
            return attempt.run(_local_executor, lambda workspace, command: output_of(secret_values(workspace, command)))
    finally:
        tree.close()


@contextmanager
def _empty_directory() -> Iterator[Path]:
    if not os.listdir():
        yield Path.cwd()
        return
    with TemporaryDirectory(prefix="proj-exec-", ignore_cleanup_errors=True) as directory:
        yield Path(os.path.realpath(directory))


def _local_executor(root: Path, environ: Mapping[str, str]) -> Executor:
    from weaselish.executors.local.executor import LocalExecutor

    return LocalExecutor(root, environ, dies_with_us=True)
