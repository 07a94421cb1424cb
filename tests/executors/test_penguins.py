"""The penguins template in containers: the same outputs, and what one engine computed is a hit for the others.

The template gets a list of executors and stays as it is otherwise.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from engines import Engine
from engines.images import HOST_OPTIONS
from environments import TEMPLATES, with_scikit_learn
from exec.samples import results
from harness import ProjectDir

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180), pytest.mark.xdist_group("penguins")]
STEPS = ("prepare", "train", "evaluate", "report")
ENGINES = ("docker", "podman")
EXECUTORS = """\

executors:
  docker: {{type: docker, image: "localhost/host:1", options: {options}}}
  podman: {{type: podman, image: "localhost/host:1", options: {options}}}
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """Return an environment with what the template requires."""
    return with_scikit_learn()


def mounts(python: Path) -> list[str]:
    """Return the options with which the image `host:1` has that environment."""
    bases = {sys.base_prefix, str(python)} - {"/usr"}
    return [*HOST_OPTIONS, *(f"--volume={base}:{base}:ro" for base in sorted(bases))]


@pytest.fixture(scope="module")
def here(python: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectDir:
    """Return the template as this machine has computed it."""
    project = penguins(python, tmp_path_factory.mktemp("here"))
    assert ran(project, "local") == dict.fromkeys(STEPS, "ran")
    return project


def penguins(python: Path, place: Path, home: Path | None = None) -> ProjectDir:
    """Return a new copy of the template, with the run cache in `home` if given."""
    project = ProjectDir(place / "penguins", place / "scratch")
    for name in ("data", "scripts", "requirements.txt", "project.yml"):
        source, target = TEMPLATES / "penguins" / name, project.path / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    path = f"PATH={python}/bin:{sys.prefix}/bin:/usr/bin:/bin"
    options = json.dumps([*mounts(python), f"--env={path}"])
    with open(project.path / "project.yml", "a") as file:
        file.write(EXECUTORS.format(options=options))
    del project.environ["PYTHONPYCACHEPREFIX"]  # the environment has its bytecode
    project.environ |= {"VIRTUAL_ENV": str(python)} | ({"HOME": str(home)} if home else {})
    return project


def ran(project: ProjectDir, executor: str) -> dict[str, str]:
    """Run the workflow on an executor; return the result of each step."""
    done = project.proj("run", "all", "--executor", executor, "--json")
    assert done.code == 0, done.err
    return results(done)


def digests(project: ProjectDir) -> dict[str, Any]:
    """Return what project.lock says about each step: script, digests of deps and outputs."""
    return {name: entry for name, entry in project.lock().items() if name in STEPS}


@pytest.mark.parametrize("engine", ENGINES)
def test_penguins_are_the_same_everywhere(
    engine: str, here: ProjectDir, python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    running: Engine = request.getfixturevalue(engine)
    there = penguins(python, tmp_path / "there")
    there.environ |= running.environ
    assert ran(there, engine) == dict.fromkeys(STEPS, "ran")
    assert digests(there) == digests(here)
    assert executors(there) == {engine}
    for other in ("local", *ENGINES):
        assert ran(there, other) == dict.fromkeys(STEPS, "up to date")
    for computed, executor in ((there, "local"), (here, engine)):
        again = penguins(python, tmp_path / f"again-{executor}", Path(computed.environ["HOME"]))
        again.environ |= running.environ
        assert ran(again, executor) == dict.fromkeys(STEPS, "restored")
        assert digests(again) == digests(here)


def executors(project: ProjectDir) -> set[str]:
    """Return where steps ran, as the journals say."""
    journals = project.path.glob(".proj/runs/**/*.jsonl")
    return set(re.findall(r'"executor": ?"(\w+)"', "".join(path.read_text() for path in journals)))
