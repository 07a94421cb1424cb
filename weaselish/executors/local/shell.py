"""Opens a shell on this machine with the environment of a job."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from weaselish.errors import ProjError
from weaselish.executors.base import Job
from weaselish.executors.sources import source_environment
from weaselish.interpreter import project_python


def open_shell(root: Path, environ: Mapping[str, str], job: Job) -> int:
    """Open the caller's own shell in the working directory of a job, on our terminal. Return its exit code."""
    env = {**environ, **source_environment(job, root), **job.env}
    env["PATH"] = os.pathsep.join([os.path.dirname(project_python(root, env)), env.get("PATH", os.defpath)])
    program = environ.get("SHELL") or "/bin/sh"
    workdir = os.path.normpath(root / job.workdir)
    try:
        code = subprocess.call([program], cwd=workdir, env=env)
    except OSError as error:
        raise ProjError(f"`{program}` could not be started in `{workdir}`: {error.strerror}") from error
    return code if code >= 0 else 128 - code
