"""`proj stop` ends one step, for good: it is not tried again, and the other steps of its `proj` go on."""

from __future__ import annotations

import pytest
from harness import ProjectDir, is_alive

SCRIPTS = {
    "dies": "sh wait.sh a",
    "ends well": "sh -c 'trap \"exit 0\" TERM; sh wait.sh a & wait'",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_stopped_step_is_not_tried_again_and_other_steps_go_on(project: ProjectDir, script: str) -> None:
    project.write_wait()
    project.write("a.sh", script + "\n")
    project.project(
        """
        workflows: {all: [a, b]}
        commands:
          - {name: a, script: [sh -c 'echo x >> tries', sh a.sh, touch out], outputs: [out], retries: 3}
          - {name: b, script: [touch other], outputs: [other]}
        """
    )
    running = project.start("run", "all", "--keep-going")
    process = project.wait_for("a")
    assert "a stopped on local" in project.proj("stop", "a").err
    assert not is_alive(process)
    done = running.wait()
    assert (done.code, "`a`, line 2: stopped on request" in done.err) == (143, True), done.err
    assert (project.read("tries"), project.exists("out"), project.exists("other")) == ("x\n", False, True)
    assert not list((project.path / ".proj" / "stops").iterdir())
    assert project.locked() == ["b"]


def test_a_step_of_another_host_is_left_alone(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [sh wait.sh a]}]")
    project.write_wait()
    running = project.start("run", "a")
    project.wait_for("a")
    [journal] = (project.path / ".proj" / "runs").glob("*.jsonl")
    text = journal.read_text()
    began, _, rest = text.partition("\n")
    host = began.partition('"host": "')[2].partition('"')[0]
    with open(journal, "r+") as file:  # the process goes on to write behind it
        file.write(began.replace(f'"{host}"', f'"{"x" * len(host)}"'))
    done = project.proj("stop", "a")
    assert (done.code, f"`a` runs on the host `{'x' * len(host)}`" in done.err, rest != "") == (0, True, True), done.err
    project.let_go("a")
    assert running.wait().code == 0
