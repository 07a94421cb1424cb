"""What proj says of a project, as JSON: its parts, and `run NAME --dry --only` of each command and workflow."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from weaselish.__main__ import main as proj
from weaselish.errors import InvalidProject, ProjError
from weaselish.model.interpolate import put_env
from weaselish.model.project import Asset, Command
from weaselish.workspace import Workspace


def main(directory: Path) -> dict[str, Any]:
    try:
        workspace = Workspace.open(directory)
    except InvalidProject as error:
        return {"problem": "\n".join(problem.message for problem in error.problems if not problem.is_warning)}
    except ProjError as error:
        return {"problem": error.message}
    project = workspace.project
    return {
        "problem": None,
        "python": sys.executable,
        "commands": {name: command_facts(command, workspace) for name, command in project.commands.items()},
        "workflows": {name: list(steps) for name, steps in project.workflows.items()},
        "project": {
            "directories": [put_env(directory, workspace.env) for directory in project.directories],
            "remotes": {name: put_env(remote.url, workspace.env) for name, remote in project.remotes.items()},
            "assets": [asset_facts(asset) for asset in project.assets],
        },
        "left out": [[*part, fault.message] for fault in project.faults if (part := fault.confined_to)],
        "dry": {name: run_dry(name, directory) for name in [*project.commands, *project.workflows]},
        "listing": called(["-C", str(directory)]),
        "validate": called(["validate", str(directory)]),
    }


def called(words: list[str]) -> dict[str, Any]:
    """Run a subcommand. Return how it ended and what it printed; a crash ends this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = proj(words)
    return {"ended": code, "out": out.getvalue(), "told": err.getvalue()}


def run_dry(name: str, directory: Path) -> dict[str, Any]:
    done = called(["run", name, str(directory), "--dry", "--only", "--json"])
    steps = json.loads(done["out"]) if done["ended"] == 0 else []
    return {**done, "lines": [line for step in steps for line in step["lines"]]}


def command_facts(command: Command, workspace: Workspace) -> dict[str, Any]:
    def written(paths: tuple[str, ...]) -> list[str]:
        return [command.as_written(path) for path in paths]

    return {
        "help": put_env(command.help, workspace.env),
        "no_skip": command.no_skip,
        "script": [put_env(line, workspace.shown_env) for line in command.script],
        "deps": written(command.deps),
        "outputs": written(command.outputs),
        "outputs_no_cache": written(command.outputs_no_cache),
    }


def asset_facts(asset: Asset) -> dict[str, Any]:
    git = asset.git
    return {
        "dest": asset.dest,
        "url": asset.url,
        "git": {"repo": git.repo, "path": git.path, "branch": git.branch} if git else None,
        "checksum": asset.checksum,
        "extra": asset.extra,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
