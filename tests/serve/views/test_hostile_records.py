"""Records whose every text tries to be markup, a control sequence or no text at all; and journals with broken lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import TIMEOUT, ProjectDir

from serve.dashboard import Dashboard
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import GitCommit, Host, Provenance, Record, RecordedOutput
from weaselish.records.journal import Journal
from weaselish.records.journal_lines import Recorded, Started
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Settings

_PAGES = ("", "/graph", "/runs", "/runs/2000000", "/runs/1000000", "/metrics", "/steps/a", "/jobs")
_API = ("", "/runs", "/runs/2000000", "/metrics", "/step?name=a", "/compare?run=1000000&run=2000000")
_BROKEN = (
    b'{"event": "recorded", "record": {"run": "x"}}\n\xff\xfe\x00\n[]\n{"event": "started", "run": 1e999}\n'
    + b"[" * 9999
)


@pytest.mark.parametrize(
    "text", ['"><script>alert(1)</script>', "\x1b]0;title\x07\u202eend\r\n", "\udcff\x00\uffff", "x" * 3000]
)
def test_no_text_of_a_record_acts_in_a_page(project: ProjectDir, tmp_path: Path, text: str) -> None:
    project.project("commands: [{name: a, script: [echo a], outputs: [out]}]")
    runs = project.path / ".proj" / "runs"
    runs.mkdir(parents=True)
    journal = Journal(runs)
    for run in (1_000_000, 2_000_000):
        journal.append(Started(run, "a", text, 1.0, (text,)))
        journal.append(Recorded(_record(run, text)))
    journal.close()
    [written] = runs.glob("*.jsonl")
    with open(written, "ab") as file:
        file.write(_BROKEN)
    dashboard = Dashboard(Settings(tmp_path / "data"), projects=Projects.of([project.path]))
    assert dashboard.app.state.live.project("project").refresh(TIMEOUT)
    with dashboard.entered() as browser:
        for path in ("/", *(f"/p/project{one}" for one in (*_PAGES, "/compare?run=1000000&run=2000000"))):
            answer = browser.get(path)
            assert (path, answer.status_code) == (path, 200)
            assert not [bad for bad in ("<script>alert", "\x1b", "\u202e", "\x00") if bad in answer.text], path
        for path in _API:
            assert browser.get(f"/api/v1/projects/project{path}").status_code == 200, path


def _record(run: int, text: str) -> Record:
    return Record(
        run,
        "a",
        Fingerprint((text,), (text,), ((text, text), (f"in-{run}", None)), ((text, text),), False, text),
        (RecordedOutput(text, text, 1 << 70, 1), RecordedOutput("out", f"{run}", 1, 1)),
        provenance=Provenance(text, text, Host(text, text, text, 8), GitCommit(text, True), None, 1e308, (text,)),
        metrics={text: {text: 1e308, "b": text, "c": float("nan"), "d": float("inf")}},
    )
