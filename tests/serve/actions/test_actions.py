"""People with the right role run, stop, accept, push and pull; each is audited, and a viewer can do nothing of it."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import time
from pathlib import Path

import pytest
from harness import ProjectDir, is_alive, wait_until

from serve.conftest import PLAY
from serve.dashboard import PASSWORD, with_accounts
from serve.running_server import RunningServer, run_in_state
from weaselish.errors import Busy
from weaselish.serve.access.roles import Role
from weaselish.serve.actions.requests import RunRequest
from weaselish.serve.actions.service import Actions
from weaselish.serve.projects import Projects
from weaselish.serve.secret_mask import SecretMask
from weaselish.serve.settings import Limits, Settings
from weaselish.serve.storage.actions import ActionRow
from weaselish.serve.storage.audit import list_audit
from weaselish.serve.storage.database import Database, open_database

Play = tuple[ProjectDir, RunningServer]

WRITES: tuple[tuple[str, object], ...] = (
    ("run", {"targets": ["prep"]}),
    ("accept", {"commands": ["prep"]}),
    ("push", {}),
    ("pull", {}),
    ("runs/1/stop", None),
    ("step/stop?name=prep", None),
)


def test_a_run_takes_overrides_and_reports_its_steps(play: Play) -> None:
    project, server = play
    (project.path / "train.go").write_text("")
    started = server.post(
        "projects/play/run", {"targets": ["all"], "overrides": {"vars.word": "--force"}, "force_all": True}
    )
    assert (started["kind"], started["visitor"], started["ended"]) == ("run", "owner", None)
    ended = server.ended(started["id"])
    assert (ended["exit_code"], ended["reason"]) == (0, None), ended
    assert [(step["step"], step["result"]) for step in ended["result"]["steps"]] == [("prep", "ran"), ("train", "ran")]
    assert project.read("data") == "--force\n"
    audit = _audit(project)
    assert ("owner", "run", "play: all --vars.word=--force", 1) in audit


def test_accept_push_and_pull(play: Play) -> None:
    project, server = play
    (project.path / "train.go").write_text("")
    assert server.ended(server.post("projects/play/run", {"targets": ["all"]})["id"])["exit_code"] == 0
    project.write("data", "by hand\n")
    assert server.ended(server.post("projects/play/accept", {"commands": ["prep"]})["id"])["exit_code"] == 0
    pushed = server.ended(server.post("projects/play/push", {"commands": ["prep"]})["id"])
    assert (pushed["exit_code"], (project.path.parent / "remote" / "data").exists()) == (0, True), pushed
    project.remove("data")
    assert server.ended(server.post("projects/play/pull", {"commands": ["prep"]})["id"])["exit_code"] == 0
    assert project.read("data") == "by hand\n"


def test_stopping_ends_a_run_and_its_scripts(play: Play) -> None:
    project, server = play
    for name in ("talk.go", "talk.running"):
        (project.path / name).unlink(missing_ok=True)
    action = server.post("projects/play/run", {"targets": ["talk"]})["id"]
    script = project.wait_for("talk")
    other = server.client.post("/api/v1/projects/play/run", json={"targets": ["prep"]})
    assert (other.status_code, "limits.runs" in other.json()["hint"]) == (409, True)  # one at a time
    server.post(f"actions/{action}/stop")
    ended = server.ended(action)
    assert (ended["exit_code"], ended["reason"]) == (130, "stopped")
    assert not is_alive(script)


def test_a_run_of_a_terminal_can_be_stopped(play: Play) -> None:
    project, server = play
    for name in ("talk.go", "talk.running"):
        (project.path / name).unlink(missing_ok=True)
    with server.events("projects/play/events") as events:
        running = project.start("run", "talk")
        run = run_in_state(events, "talk", "running")
    script = project.wait_for("talk")
    server.post(f"projects/play/runs/{run}/stop?command=talk")
    assert running.wait().code == 143
    assert not is_alive(script)
    assert server.client.post(f"/api/v1/projects/play/runs/{run}/stop").status_code == 422  # it has ended


def test_stopping_a_step_leaves_the_other_steps_of_its_call(play: Play) -> None:
    project, server = play
    for name in ("talk.go", "talk.running", "train.go", "train.running", "model"):
        (project.path / name).unlink(missing_ok=True)
    with server.events("projects/play/events") as events:
        running = project.start("run", "talk", "train", "--keep-going", "--force")
        run = run_in_state(events, "talk", "running")
    script = project.wait_for("talk")
    page = server.client.get(f"/p/play/runs/{run}?step=talk").text
    assert ("Stop this step" in page, "Stop the whole call" in page) == (True, True)
    form = {"form_token": server.client.headers["x-form-token"], "run": run, "step": "talk", "what": "step"}
    assert server.client.post("/p/play/stop", data=form).status_code == 303
    assert not is_alive(script)
    project.wait_for("train")
    assert server.client.post("/api/v1/projects/play/step/stop?name=talk").status_code == 422  # it does not run
    project.let_go("train")
    assert (running.wait().code, project.exists("model")) == (143, True)
    assert {("owner", "stop", "play: step talk", 1), ("owner", "stop", "play: step talk: `talk` does not run", 0)} <= {
        *_audit(project)
    }
    assert server.client.post("/api/v1/projects/play/step/stop?name=../x").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("run", {"targets": ["--help"]}, 404),
        ("run", {"targets": ["trian"]}, 404),
        ("run", {"targets": []}, 422),
        ("run", {"targets": ["prep"], "overrides": {"vars.nothing": "1"}}, 422),
        ("run", {"targets": ["prep"], "overrides": {"cwd=/ --force": "1"}}, 422),
        ("run", {"targets": ["prep"], "shell": "id"}, 422),
        ("run", {"targets": ["prep"], "from_step": "--yes"}, 404),
        ("push", {"remote": "http://169.254.169.254/"}, 404),
        ("pull", {"remote": "/etc"}, 404),
        ("accept", {"commands": ["--all"]}, 404),
    ],
)
def test_only_what_project_yml_has_reaches_the_command_line(play: Play, path: str, body: object, status: int) -> None:
    _, server = play
    answer = server.client.post(f"/api/v1/projects/play/{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text


def test_a_request_without_the_form_token_does_nothing(play: Play) -> None:
    _, server = play
    for path, body in WRITES:
        answer = server.client.post(f"/api/v1/projects/play/{path}", json=body, headers={"x-form-token": "0" * 64})
        assert answer.status_code == 403, path


def test_a_viewer_changes_nothing_and_a_runner_only_where_it_is_allowed(project: ProjectDir, tmp_path: Path) -> None:
    project.project(PLAY)
    for allow_run in (True, False):
        dashboard = with_accounts(tmp_path / str(allow_run), allow_run=allow_run)
        dashboard.projects = Projects.of([project.path])
        dashboard.__post_init__()
        dashboard.account("vera", Role.VIEWER)
        dashboard.account("ruth", Role.RUNNER)
        for name in ("vera", "ruth"):
            browser = dashboard.logged_in(name)
            visitor = browser.get("/api/v1/visitor").json()
            assert visitor["may_run"] is (allow_run and name == "ruth")
            for path, body in WRITES if not visitor["may_run"] else ():
                answer = browser.post(
                    f"/api/v1/projects/project/{path}", json=body, headers={"x-form-token": visitor["form_token"]}
                )
                assert answer.status_code == 403, (path, answer.text)
        assert not project.exists(".proj")
        assert {row.action for row in list_audit(dashboard.database)} <= {"login"}
    assert PASSWORD not in str(list_audit(dashboard.database))


# -- limits, by the service alone ----------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(Settings(tmp_path / "data"))


def run_with(project: ProjectDir, database: Database, tmp_path: Path, limits: Limits, script: str) -> ActionRow:
    """Run a script within limits, to its end."""
    project.project(f"commands:\n  - name: greedy\n    script:\n      - {script}\n")
    actions = Actions(Settings(tmp_path / "data", limits=limits, allow_run=True), database)
    row = actions.start(project.path, RunRequest(("greedy",)), "ruth", SecretMask(project.path))
    wait_until(lambda: not actions.find(row.id).is_running, "the end of the action")
    return actions.find(row.id)


@pytest.mark.parametrize(
    ("limits", "script", "reason"),
    [
        (Limits(time=0.5), "sleep 300", "it ran for longer than 0.5 s"),
        (
            Limits(disk=1 << 20),
            "sh -c 'for i in 1 2 3 4; do head -c 900000 /dev/zero > DISK/f$i; done; sync; sleep 300'",
            "wrote",
        ),
        (Limits(memory=150 << 20), "python -c 'import time; x = bytearray(200 << 20); time.sleep(300)'", "memory"),
    ],
)
def test_limits_end_a_run(
    project: ProjectDir, database: Database, tmp_path: Path, limits: Limits, script: str, reason: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as disk:  # the system does not count what goes to memory
        row = run_with(project, database, tmp_path, limits, script.replace("DISK", disk))
    assert row.exit_code
    assert row.reason is None or reason in row.reason  # a control group ends it before we do


def test_processors_and_gpus_are_limited(project: ProjectDir, database: Database, tmp_path: Path) -> None:
    project.write(
        "facts.py",
        """\
        import os
        print(len(os.sched_getaffinity(0)), repr(os.environ["CUDA_VISIBLE_DEVICES"]), file=open("n", "w"))
        """,
    )
    assert run_with(project, database, tmp_path, Limits(cpus=0.5, gpus=0), "python facts.py").exit_code == 0
    assert project.read("n") == "1 ''\n"


def test_no_secret_reaches_the_database_or_a_readable_file(
    project: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "planted-secret-456"
    monkeypatch.setenv("PROJ_SERVE_AUTH_SECRET", "planted-secret-of-the-server")
    project.project(
        """\
        env: {API_TOKEN: API_TOKEN}
        commands:
          - name: show
            script:
              - sh -c 'echo "token ${env.API_TOKEN}"; env > environment'
        """
    )
    settings = Settings(tmp_path / "data", allow_run=True)
    database = open_database(settings)
    actions = Actions(settings, database)
    row = actions.start(
        project.path, RunRequest(("show",), {"env.API_TOKEN": secret}), "ruth", SecretMask(project.path)
    )
    wait_until(lambda: not actions.find(row.id).is_running, "the end of the action")
    assert actions.find(row.id).exit_code == 0
    assert "--env.API_TOKEN=***" in row.words
    assert "planted-secret-of-the-server" not in project.read("environment")
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert secret.encode() not in path.read_bytes(), path
    assert stat.S_IMODE(os.stat(tmp_path / "data" / "actions" / str(row.id)).st_mode) == 0o700


@pytest.mark.servers
def test_servers_that_share_a_database_share_limits_and_stop_for_each_other(
    project: ProjectDir, postgresql: str, tmp_path: Path
) -> None:
    project.project("commands: [{name: a, script: [sh wait.sh a]}]")
    project.write_wait()
    ours, other = (
        Actions(
            Settings(tmp_path / name, database=postgresql),
            open_database(Settings(tmp_path / name, database=postgresql)),
            clock,
        )
        for name, clock in (("ours", time.time), ("other", lambda: time.time() + 3600))
    )
    mask, wanted = SecretMask(project.path), RunRequest(("a",))
    row = ours.start(project.path, wanted, "ruth", mask)
    script = project.wait_for("a")
    with pytest.raises(Busy):
        other.start(project.path, wanted, "ruth", mask)
    assert other.find(row.id).is_running  # although the other server does not see its process
    ours.follow()
    assert other.stop(row.id).is_stopping
    wait_until(lambda: not other.find(row.id).is_running, "the end of the action")
    assert (other.find(row.id).reason, is_alive(script)) == ("stopped", False)
    assert "interrupted" in other.output(row, mask).messages
    ours.close()


def _audit(project: ProjectDir) -> list[tuple[str, str, str, int]]:
    path = next(Path(project.environ["HOME"]).rglob("serve.sqlite"))
    with sqlite3.connect(path) as connection:
        return connection.execute("select actor, action, detail, succeeded from audit").fetchall()
