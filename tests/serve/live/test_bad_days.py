"""Projects that vanish, are broken or cannot be read in time; secrets that older versions or scripts left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import TIMEOUT, ProjectDir, wait_until

from serve.dashboard import SECRET, Dashboard, TestClient
from weaselish.records.journal import Journal
from weaselish.records.journal_lines import AttemptEnd, Ended, Started
from weaselish.serve.access.roles import Role
from weaselish.serve.live.live import Live
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Auth, Settings
from weaselish.serve.storage.database import open_database

PLANTED = "planted-secret-789"


@contextmanager
def entered(project: ProjectDir, tmp_path: Path) -> Iterator[tuple[Dashboard, TestClient, dict[str, str]]]:
    """Serve a project; yield the dashboard, an admin's browser, and the header of its forms."""
    dashboard = Dashboard(
        Settings(tmp_path / "data", auth=Auth(SECRET), allow_run=True),
        projects=Projects.of([project.path]),
    )
    dashboard.account("ada", Role.ADMIN)
    with dashboard.logged_in("ada") as browser:  # all requests in one event loop
        yield dashboard, browser, {"x-form-token": browser.get("/api/v1/visitor").json()["form_token"]}


def test_a_project_that_is_broken_or_gone_is_an_answer(project: ProjectDir, tmp_path: Path) -> None:
    project.project("commands: [{name: a, script: [echo a]}]")
    project.proj("run", "a")
    with entered(project, tmp_path) as (dashboard, browser, header):
        run = dashboard.app.state.live.project("project")
        run.refresh(TIMEOUT)
        row = run.runs.runs()[0]
        project.write("project.yml", "commands: [{name: a, scr")
        answer = browser.post("/api/v1/projects/project/run", json={"targets": ["a"]}, headers=header)
        assert (answer.status_code, "project.yml:" in answer.json()["error"]) == (409, True)
        assert browser.get("/p/project/act").status_code == 409
        log = f"/api/v1/projects/project/runs/{row.run}/log/events"
        assert "event: end" in browser.get(log).text
        project.path.rename(tmp_path / "elsewhere")  # at once: a look at a half removed project would find no runs
        answer = browser.post("/api/v1/projects/project/run", json={"targets": ["a"]}, headers=header)
        assert (answer.status_code, "Traceback" in answer.text) == (422, False)
        assert "event: end" in browser.get(log).text
        assert [one.command for one in run.runs.runs()] == ["a"]  # it may be a disk that is not mounted


def test_a_page_does_not_wait_for_a_slow_disk(project: ProjectDir, tmp_path: Path) -> None:
    project.project("commands: [{name: a, script: [echo a]}]")
    project.proj("run", "a")
    database = open_database(Settings(tmp_path / "data"))
    live = Live(database, Projects.of([project.path]))
    opened = live.project("project")
    with database.writing():  # nothing can be indexed
        assert not opened.refresh(0.01)
        assert opened.runs.runs() == []
    assert opened.refresh(TIMEOUT)
    assert [row.command for row in opened.runs.runs()] == ["a"]
    live.close()


def test_no_page_stream_or_file_shows_a_planted_secret(
    project: ProjectDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.project(
        f"""\
        title: With ${{vars.api_key}}
        env: {{API_TOKEN: API_TOKEN}}
        vars: {{api_key: {PLANTED}}}
        commands:
          - name: leak
            help: Uses ${{vars.api_key}}
            script: ["echo ${{env.API_TOKEN}}", "echo --key=${{vars.api_key}}"]
          - name: roles
            roles: {{ps: {{script: ["echo ${{vars.api_key}}"]}}}}
        """
    )
    monkeypatch.setenv("API_TOKEN", PLANTED)
    runs = project.path / ".proj" / "runs"
    runs.mkdir(parents=True)
    journal = Journal(runs)
    journal.append(Started(1, "leak", "", 1.0, (f"env changed to {PLANTED}",)))
    journal.append(Ended(1, "leak", AttemptEnd.FAILED, 1, 0.1, f"denied: {PLANTED}"))
    journal.close()
    project.write(".proj/logs/leak.1.log", f"the token is {PLANTED}\n")
    with entered(project, tmp_path) as (dashboard, browser, header):
        dashboard.app.state.live.project("project").refresh(TIMEOUT)
        pages = ("", "/runs", "/runs/1?step=leak", "/runs/1/log", "/steps/leak", "/act", "/jobs", "/graph", "/metrics")
        api = ("projects", "projects/project", "projects/project/runs", "projects/project/runs/1", "actions")
        wait_until(lambda: "Uses ***" in browser.get("/p/project/graph").text, "the drawing")
        streams = [f"/api/v1/projects/project/runs/1/log/events?form={form}" for form in ("text", "html")]
        others = ("/", "/search?q=leak", f"/search?q={PLANTED[:9]}")
        for path in [*others, *(f"/p/project{one}" for one in pages), *(f"/api/v1/{one}" for one in api), *streams]:
            answer = browser.get(path)
            assert (path, answer.status_code, PLANTED in answer.text) == (path, 200, False)
        assert "the token is ***" in browser.get(streams[0]).text
        body = {"targets": ["nothing"], "overrides": {"env.API_TOKEN": PLANTED}}
        assert browser.post("/api/v1/projects/project/run", json=body, headers=header).status_code == 404
        assert not [
            file for file in (tmp_path / "data").rglob("*") if file.is_file() and PLANTED.encode() in file.read_bytes()
        ]
    assert project.proj("serve", "export", "site").code == 0
    assert "Uses ***" in project.read("site/p/project/graph.html")
    assert not [file for file in (project.path / "site").rglob("*.html") if PLANTED in file.read_text()]
    assert PLANTED not in project.proj().out
