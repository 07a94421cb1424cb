"""The index of records says what the journals say, however they are read, and forgets what they no longer have."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ProjectDir

from weaselish.records.history import past_runs
from weaselish.records.journal import Journal, journals
from weaselish.records.journal_lines import AttemptEnd, Ended, Started
from weaselish.serve.secret_mask import SecretMask
from weaselish.serve.settings import Settings
from weaselish.serve.storage.database import Database, open_database
from weaselish.serve.storage.run_index import RunIndex
from weaselish.serve.storage.run_queries import RunFilter, RunQueries

PROJECT = """\
    remotes: {default: ../remote}
    commands:
      - name: prep
        script: [sh -c 'echo hello > data']
        outputs: [data]
      - name: train
        deps: [data]
        script: ['sh -c ''cp data model; echo "{\\"acc\\": 0.9}" > m.json''']
        outputs: [model]
        metrics: [m.json]
      - name: fail
        script: [sh -c 'exit 3']
      - name: wait
        script: [sh wait.sh wait]
    workflows: {all: [prep, train]}
    """


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    database = open_database(Settings(tmp_path / "data", database=address))
    yield database
    database.close()


def indexed(database: Database, project: ProjectDir) -> RunQueries:
    index = RunIndex(database, project.path)
    index.refresh()
    return RunQueries(database, index.project, project.path)


def check_same(queries: RunQueries, project: ProjectDir) -> None:
    """Compare the index with all journals, read anew."""
    expected = [
        (
            run.run,
            run.command,
            run.started,
            run.result,
            run.seconds,
            run.exit_code,
            run.message,
            run.reasons,
            run.record,
        )
        for run in past_runs(project.path)
    ]
    rows = list(reversed(queries.runs(most=1000)))
    found = [
        (r.run, r.command, r.started, r.state, r.seconds, r.exit_code, r.message, r.reasons, queries.record(r))
        for r in rows
    ]
    assert found == expected


def make_history(project: ProjectDir) -> None:
    """Leave runs of all kinds: done, failed, pulled, accepted, interrupted."""
    project.project(PROJECT)
    project.write_wait()
    assert project.proj("run", "all").code == 0
    assert project.proj("run", "fail").code == 3
    assert project.proj("push").code == 0
    project.proj("lock", "reset", "train")
    project.remove("model")
    assert project.proj("pull", "-c", "train").code == 0
    project.write("data", "other")
    project.proj("lock", "accept", "prep")
    running = project.start("run", "wait")
    project.wait_for("wait")
    running.signal(signal.SIGKILL)
    running.wait()
    project.let_go("wait")


def test_the_index_says_what_the_journals_say(project: ProjectDir, database: Database) -> None:
    make_history(project)
    queries = indexed(database, project)
    assert {run.result.value for run in past_runs(project.path)} >= {
        "done",
        "failed",
        "pulled",
        "accepted",
        "interrupted",
    }
    check_same(queries, project)
    assert queries.runs(RunFilter(has_metrics=True))[0].metrics == {"m.json": {"acc": 0.9}}
    assert queries.last_of_each()["fail"].exit_code == 3
    version = queries.version()
    assert indexed(database, project).version() == version  # nothing new: nothing written


def test_it_reads_a_journal_line_by_line_from_several_servers(project: ProjectDir, database: Database) -> None:
    make_history(project)
    copy = project.beside("copy")
    runs = copy.path / ".proj" / "runs"
    runs.mkdir(parents=True)
    copy.project(PROJECT)
    servers = [RunIndex(database, copy.path), RunIndex(database, copy.path)]
    for path in journals(project.path / ".proj" / "runs", with_past=True):
        data = path.read_bytes()
        middles = [len(line) // 2 for line in data.splitlines(keepends=True)]
        written = 0
        for number, line in enumerate(data.splitlines(keepends=True)):
            for end in (middles[number], len(line)):
                (runs / path.name).write_bytes(data[: written + end] + b"  ")
                servers[number % 2].refresh()
            written += len(line)
        (runs / path.name).write_bytes(data)
    for server in servers:
        server.refresh()
    check_same(RunQueries(database, servers[0].project, copy.path), copy)


def test_it_follows_a_journal_into_the_past_and_forgets_what_vanished(project: ProjectDir, database: Database) -> None:
    project.project(PROJECT)
    project.write_wait()
    index = RunIndex(database, project.path)
    queries = RunQueries(database, index.project, project.path)
    running = project.start("run", "prep", "wait")
    project.wait_for("wait")
    index.refresh()
    assert [(row.command, row.state.value) for row in queries.runs()] == [("wait", "running"), ("prep", "done")]
    project.let_go("wait")
    assert running.wait().code == 0
    index.refresh()
    check_same(queries, project)
    state = project.path / ".proj"
    os.rename(state, project.path / "elsewhere")
    state.mkdir()
    index.refresh()
    assert queries.runs() == []
    shutil.rmtree(state)
    os.rename(project.path / "elsewhere", state)
    index.refresh()
    check_same(queries, project)
    shutil.move(project.path, project.path.parent / "gone")  # a disk that is not mounted: nothing is forgotten
    index.refresh()
    assert len(queries.runs()) == 2


def test_changes_have_versions(project: ProjectDir, database: Database) -> None:
    project.project(PROJECT)
    project.proj("run", "prep")
    index = RunIndex(database, project.path)
    assert index.refresh()
    queries = RunQueries(database, index.project, project.path)
    version = queries.version()
    assert not index.refresh()
    project.proj("run", "fail")
    assert index.refresh()
    assert [row.command for row in queries.changed_since(version)] == ["fail"]
    assert queries.changed_since(queries.version()) == []


def test_no_secret_gets_into_the_index(
    project: ProjectDir, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "planted-secret-123"
    project.project(
        """\
        env: {API_TOKEN: API_TOKEN}
        commands:
          - name: leak
            script: [echo hello]
            env: {API_TOKEN: "${env.API_TOKEN}"}
        """
    )
    monkeypatch.setenv("API_TOKEN", secret)
    runs = project.path / ".proj" / "runs"
    runs.mkdir(parents=True)
    journal = Journal(runs)  # of an older version, which masked less
    journal.append(Started(1, "leak", "", 1.0, (f"API_TOKEN changed to {secret}",)))
    journal.append(Ended(1, "leak", AttemptEnd.FAILED, 1, 0.1, f"denied: {secret}"))
    journal.close()
    index = RunIndex(database, project.path, mask=SecretMask(project.path))
    index.refresh()
    row = RunQueries(database, index.project, project.path).runs()[0]
    assert (row.message, row.reasons) == ("denied: ***", ("API_TOKEN changed to ***",))
    assert not [file for file in (tmp_path / "data").rglob("*") if secret.encode() in file.read_bytes()]
