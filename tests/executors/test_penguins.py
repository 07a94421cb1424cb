"""The penguins template on every engine: the same outputs, and what one engine computed is a hit for all others.

The template gets a list of executors and stays as it is otherwise. Kubernetes is the stand-in of
`engines.kubernetes`; no real cluster was available.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import Engine
from engines.dask import Dask
from engines.dask import dask as running_dask
from engines.fixtures import started
from engines.images import HOST_OPTIONS
from engines.kubernetes import Kubernetes
from engines.kubernetes import kubernetes as serving
from engines.slurm import Slurm
from environments import copy_template, with_scikit_learn
from exec.samples import results
from harness import ProjectDir

import weaselish

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]
STEPS = ("prepare", "train", "evaluate", "report")
ENGINES = ("docker", "podman", "slurm", "dask", "kubernetes")
SOURCE = Path(weaselish.__file__).parent.parent
EXECUTORS = """\

executors:
  docker: {{type: docker, image: "localhost/host:1", options: {options}}}
  podman: {{type: podman, image: "localhost/host:1", options: {options}}}
  slurm: {{type: slurm, partition: main, options: [--mem=2G]}}
  dask: {{type: dask}}
  kubernetes: {{type: kubernetes, image: "localhost/host:1", setup: ["{setup}"]}}
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """Return an environment with what the template requires."""
    return with_scikit_learn()


def mounts(python: Path) -> list[str]:
    """Return the options with which the image `host:1` has that environment."""
    bases = {sys.base_prefix, str(python), str(SOURCE)} - {"/usr"}
    return [*HOST_OPTIONS, *(f"--volume={base}:{base}:ro" for base in sorted(bases))]


@pytest.fixture(scope="module")
def dask(python: Path) -> Iterator[Dask]:
    """Run a Dask whose workers have the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIRTUAL_ENV", str(python))
        yield from started(running_dask)


@pytest.fixture(scope="module")
def kubernetes(python: Path, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """Run the stand-in, with pods that see the environment and the directories of tests."""
    base = tmp_path_factory.getbasetemp().parent
    shared = [option for option in mounts(python) if "network" not in option]
    with serving(tmp_path_factory.mktemp("kubernetes"), docker.environ, (*shared, f"--volume={base}:{base}")) as it:
        yield it


@pytest.fixture(scope="module")
def here(python: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectDir:
    """Return the template as this machine has computed it."""
    project = penguins(python, tmp_path_factory.mktemp("here"))
    assert ran(project, "local") == dict.fromkeys(STEPS, "ran")
    return project


def penguins(python: Path, place: Path, home: Path | None = None) -> ProjectDir:
    """Return a new copy of the template, with the run cache in `home` if given."""
    project = ProjectDir(place / "penguins", place / "scratch")
    copy_template("penguins", project.path)
    path = f"PATH={python}/bin:{sys.prefix}/bin:/usr/bin:/bin"
    setup = f"export {path} VIRTUAL_ENV={python} PYTHONPATH={SOURCE}"
    options = json.dumps([*mounts(python), f"--env={path}"])
    with open(project.path / "project.yml", "a") as file:
        file.write(EXECUTORS.format(options=options, setup=setup))
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
    running: Engine | Slurm | Dask | Kubernetes = request.getfixturevalue(engine)
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
