"""A call of `proj` with many steps: the index and the journals give the same timeline, of a bounded size."""

from __future__ import annotations

from pathlib import Path

from harness import TIMEOUT, ProjectDir

from serve.dashboard import Dashboard
from weaselish.records.journal import Journal
from weaselish.records.journal_lines import AttemptEnd, Ended, Started
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Settings
from weaselish.serve.views.history import Call, JournalHistory


def test_a_timeline_has_the_first_steps_of_the_call_and_the_shown_one(project: ProjectDir, tmp_path: Path) -> None:
    project.project("commands: [{name: a, script: [echo a]}]")
    runs = project.path / ".proj" / "runs"
    runs.mkdir(parents=True)
    journal = Journal(runs)
    for number in range(250):
        journal.append(Started(1_000_000 + number, f"step-{number}", "", 100.0 + number))
        journal.append(Ended(1_000_000 + number, f"step-{number}", AttemptEnd.FAILED, 1, 2.0, "no"))
    journal.close()
    dashboard = Dashboard(Settings(tmp_path / "data"), projects=Projects.of([project.path]))
    assert dashboard.app.state.live.project("project").refresh(TIMEOUT)
    browser = dashboard.entered()
    for run, bars in (("1000000", 200), ("1000249", 201)):
        view = browser.get(f"/api/v1/projects/project/runs/{run}").json()
        assert (view["timeline_steps"], view["timeline_seconds"], len(view["timeline"])) == (250, 251.0, bars)
        assert view["timeline"][-1]["offset"] == (199.0 if bars == 200 else 249.0)
        page = browser.get(f"/p/project/runs/{run}").text
        assert ("ran 250 steps in 4 min 11 s" in page, page.count('aria-current="true"')) == (True, 1)
    history = JournalHistory(project.path, str)
    found = history.of_call(history.newest(most=1)[0].call, most=3)
    assert ([run.command for run in found.runs], *found[1:]) == (["step-0", "step-1", "step-2"], 250, 251.0)
    assert history.of_call("", most=3) == Call()
