"""The scheduled snapshots: when they are due, which instance makes them, what is said about them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from harness import ProjectDir

from serve.dashboard import SECRET, Dashboard
from weaselish.cancel import Cancel, Level
from weaselish.errors import Cancelled
from weaselish.serve.backup import last_due, make_due_backups
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Auth, Backup, Settings
from weaselish.serve.storage.backups import last_backups

DAY = 24 * 3600


@pytest.fixture
def dashboard(project: ProjectDir, tmp_path: Path) -> Dashboard:
    project.project("commands: []\nremotes: {default: ../remote}\n")
    project.write("data.txt", "1")
    settings = Settings(tmp_path / "data", auth=Auth(SECRET), backup=Backup("default", (3, 15), keep=2))
    return Dashboard(settings, projects=Projects.of([project.path]))


def make(dashboard: Dashboard) -> None:
    with Cancel() as cancel:
        make_due_backups(dashboard.app.state.serving, cancel=cancel)


def at(hour: int, minute: int, day: int = 5) -> float:
    return datetime(2027, 3, day, hour, minute).timestamp()


def test_a_backup_is_due_at_its_time_of_the_day() -> None:
    assert last_due((3, 15), at(3, 15)) == at(3, 15)
    assert last_due((3, 15), at(23, 59)) == at(3, 15)
    assert last_due((3, 15), at(3, 14)) == at(3, 15, day=4)


def test_each_day_one_instance_makes_a_snapshot_and_old_ones_go(dashboard: Dashboard, project: ProjectDir) -> None:
    second = Dashboard(dashboard.settings, dashboard.clock, projects=dashboard.projects)
    for day in range(3):
        dashboard.clock.now = at(4, 0, day=5 + day)
        project.write("data.txt", str(day))
        for instance in (dashboard, second, dashboard):
            make(instance)
    rows = last_backups(dashboard.database)
    assert [(row.due, row.problem, row.ended is not None) for row in rows] == [
        (at(3, 15, day), "", True) for day in (7, 6, 5)
    ]
    listed = project.proj("snapshot", "list", "--from", "default", "--json").json
    assert [one["id"] for one in listed] == [row.snapshot for row in rows[:2]]
    dashboard.account("ada")
    page = dashboard.logged_in("ada").get("/backups").text
    assert page.count("stored and verified") == 3
    assert "every day at 03:15" in page


def test_a_backup_that_fails_is_shown_and_one_that_is_cancelled_is_made_later(
    dashboard: Dashboard, project: ProjectDir
) -> None:
    with Cancel() as cancel:
        cancel.request(Level.TERMINATE)
        with pytest.raises(Cancelled):
            make_due_backups(dashboard.app.state.serving, cancel=cancel)
    assert last_backups(dashboard.database) == []
    project.project("commands: [")
    make(dashboard)
    [row] = last_backups(dashboard.database)
    assert row.snapshot == ""
    assert "project.yml:2:1" in row.problem
    dashboard.account("ada")
    assert "failed: project.yml:2:1" in dashboard.logged_in("ada").get("/backups").text
