"""The variables that lead a step to the named assets of its project."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.executors.base import Job


def source_environment(job: Job, root: Path) -> dict[str, str]:
    """Return `<NAME>_DIR` for each named asset of a project that is in `root` where the job runs."""
    places = {one.variable: (one.mount.path if one.mount else None) or one.dest for one in job.sources}
    return {variable: os.path.normpath(os.path.join(root, place)) for variable, place in places.items()}
