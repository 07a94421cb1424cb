from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ProjectDir

from serve.running_server import RunningServer

PLAY = """\
    remotes: {default: ../remote}
    vars: {word: hello}
    commands:
      - name: prep
        script:
          - sh -c 'echo ${vars.word} > data'
        outputs: [data]
      - name: train
        deps: [data]
        script:
          - sh wait.sh train
          - sh -c 'cp data model'
        outputs: [model]
      - name: talk
        script:
          - sh -c 'echo one; printf "\\033[31mred\\033[0m <b>\\n"; sh wait.sh talk; echo two'
      - name: ask
        confirm: Really?
        script:
          - echo yes
    workflows: {all: [prep, train]}
    """


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProjectDir, RunningServer]]:
    """A project whose dashboard may run it."""
    path: Path = tmp_path_factory.mktemp("play")
    project = ProjectDir(path / "play", path / "scratch")
    project.project(PLAY)
    project.write_wait()
    with RunningServer(project, "--allow-run") as dashboard:
        yield project, dashboard
