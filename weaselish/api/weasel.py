"""The functions that scripts and tests of Weasel projects call."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from weaselish.api.project import Project
from weaselish.api.running import print_output
from weaselish.engine import events


def project_run(
    project_dir: str | os.PathLike[str],
    subcommand: str,
    *,
    overrides: Mapping[str, object] | None = None,
    force: bool = False,
    dry: bool = False,
    capture: bool = False,
) -> None:
    """Run a command or workflow, as tests of Weasel projects call it.

    A failure ends the process with the script's exit code. With `capture`, it raises subprocess.CalledProcessError
    instead, whose `output` is all that scripts wrote. `dry` prints the script lines and runs nothing.
    """
    project = Project.load(project_dir, overrides=_texts(overrides))
    if dry:
        for step in project.preview(subcommand, only=True, force=True):
            for line in step.lines:
                print(f"Running command: {line}")
        return
    written = bytearray()

    def receive(event: events.Event) -> None:
        if isinstance(event, events.StepOutput) and capture:
            written.extend(event.data)
        else:
            print_output(event)

    result = project.run(subcommand, force=force, on_event=receive)
    if result.exit_code and capture:
        output = written.decode("utf-8", "replace")
        raise subprocess.CalledProcessError(result.exit_code, ["proj", "run", subcommand], output=output)
    if result.exit_code:
        sys.exit(result.exit_code)


def project_assets(
    project_dir: str | os.PathLike[str],
    *,
    overrides: Mapping[str, object] | None = None,
    extra: bool = False,
    sparse_checkout: bool = False,
) -> None:
    """Fetch a project's assets, as scripts of Weasel projects call it. End the process with 1 if one fails."""
    from weaselish.engine.assets.check import AssetState

    project = Project(project_dir, overrides=_texts(overrides))
    results = project.assets(extra=extra, sparse=sparse_checkout)
    for result in results:
        print(f"{result.dest}: {result.message or result.state}")
    if any(result.state is AssetState.FAILED for result in results):
        sys.exit(1)


def _texts(overrides: Mapping[str, object] | None) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value) for name, value in (overrides or {}).items()}
