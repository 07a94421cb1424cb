"""The live projects of one server, and the logs that its visitors follow."""

from __future__ import annotations

import threading
from collections import OrderedDict

from starlette.requests import HTTPConnection

from weaselish.errors import UnknownName
from weaselish.files.state_dir import STATE
from weaselish.records.logs import log_path
from weaselish.serve.live.live_project import LiveProject, Pace
from weaselish.serve.live.log_segments import LogSegments
from weaselish.serve.live.stream import LIMITS
from weaselish.serve.projects import Projects
from weaselish.serve.secret_mask import SecretMask
from weaselish.serve.storage.database import Database
from weaselish.serve.storage.run_row import RunRow

_LOGS = 32  # that stay open for further readers


class Live:
    """Opens each project when a visitor first asks for it. `project` and `close` may be called from any thread."""

    def __init__(self, database: Database, projects: Projects, pace: Pace | None = None) -> None:
        self.limits = LIMITS  # of streams
        self._database = database
        self._projects = projects
        self._pace = pace
        self._lock = threading.Lock()  # guards _open
        self._open: dict[str, LiveProject] = {}
        self._logs: OrderedDict[tuple[str, int, str, bool], LogSegments] = OrderedDict()  # used in the event loop only

    def project(self, name: str) -> LiveProject:
        """Return the project of that name. Raises UnknownName and DatabaseError."""
        root = self._projects.directory(name)
        with self._lock:
            if name not in self._open:
                self._open[name] = LiveProject(self._database, root, SecretMask(root), self._pace)
            return self._open[name]

    def run(self, name: str, run: int, command: str | None) -> RunRow:
        """Return a run of a project. Raises UnknownName if it is not on record."""
        rows = self.project(name).runs.with_id(run)
        for row in rows:
            if command in (None, row.command):
                return row
        raise UnknownName("run", str(run), [])

    def log(self, name: str, row: RunRow, *, in_html: bool = False) -> LogSegments:
        """Return the log of a run, shared by all that follow it. Call it in the event loop."""
        key = name, row.run, row.command, in_html
        log = self._logs.pop(key, None)
        if log is None:
            project = self.project(name)
            path = log_path(project.root / STATE, row.command, row.run)
            log = LogSegments(path, project.mask, lambda: _final_state(project, row), in_html=in_html)
        self._logs[key] = log
        if len(self._logs) > _LOGS:
            self._logs.popitem(last=False)
        return log

    def close(self) -> None:
        """End the threads of all projects."""
        with self._lock:
            for project in self._open.values():
                project.close()


def _final_state(project: LiveProject, row: RunRow) -> str | None:
    """Return the state of a run that has ended, None while it runs."""
    for now in project.runs.with_id(row.run):
        if now.command == row.command:
            return None if now.is_running else now.state.value
    return "unknown"


def live_of(connection: HTTPConnection) -> Live:
    """Return what the app was created with."""
    live: Live = connection.app.state.live
    return live
