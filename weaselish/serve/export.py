"""Writes the pages of projects as files, which a browser shows without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError, UsageError
from weaselish.files.atomic import write_atomically, writing
from weaselish.named_tuple import NamedTuple
from weaselish.records.logs import read_log
from weaselish.serve.log_text import masked_lines
from weaselish.serve.pages import content
from weaselish.serve.pages.assets import assets
from weaselish.serve.pages.content import Page, SimpleKind
from weaselish.serve.pages.links import FileLinks, Files
from weaselish.serve.pages.rendering import render_text
from weaselish.serve.projects import Projects
from weaselish.serve.secret_mask import SecretMask
from weaselish.serve.views.history import JournalHistory
from weaselish.serve.views.projects import check_of
from weaselish.serve.views.readings import Readings
from weaselish.serve.views.runs import RunItem, list_runs
from weaselish.serve.views.sources import Source, Sources

MOST_RUNS = 200  # of each project, the newest
_PATIENCE = 300.0  # seconds to wait for a remote
_MARK = "proj-export.txt"  # in the directory of an export, which a later export may write to
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file: data:; "
    "base-uri 'none'; form-action 'none'"
)
Make = Callable[[FileLinks], Page]


class Exported(NamedTuple):
    """What an export wrote. `size` in bytes."""

    files: int
    size: int


class _Planned(NamedTuple):
    """A page to write."""

    file: str
    make: Make


def export(projects: Projects, target: Path, *, cancel: Cancel) -> Exported:
    """Write the pages of projects into a directory that is empty, new, or holds an earlier export.

    Remotes are read, with the credentials of the user. Raises UsageError, and ProjError if a file cannot be written.
    """
    _check_target(target)
    masks = {name: SecretMask(directory) for name, directory in projects.directories.items()}
    sources = Sources(
        projects,
        lambda name: JournalHistory(projects.directory(name), masks[name]),
        Readings(patience=_PATIENCE),
    )
    try:
        return _Export(sources, target, cancel).write()
    finally:
        sources.close()


def _check_target(target: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()) and not (target / _MARK).is_file():
            raise UsageError(f"`{target}` holds other files", hint="name a new directory, or an earlier export")
    elif target.exists() or target.is_symlink():
        raise UsageError(f"`{target}` is not a directory")


class _Export:
    """One export, page by page: nothing but the page at hand is in memory."""

    def __init__(self, sources: Sources, target: Path, cancel: Cancel) -> None:
        self._sources = sources
        self._target = target
        self._cancel = cancel
        self._files = Files()
        self._count = self._size = 0

    def write(self) -> Exported:
        """Write all files. The first page comes last, so that it never leads to missing ones."""
        self._write(_MARK, b"written by `proj serve export`; a later export may replace what is here\n")
        for name, data in assets().items():
            self._write(f"static/{name}", data)
        for source in self._sources.all():
            check_of(source)
            for page in [*self._pages(source)]:
                self._page(page)
            self._logs(source)
        self._page(_Planned("index.html", lambda links: content.home(self._sources.all())))
        return Exported(self._count, self._size)

    def _page(self, page: _Planned) -> None:
        links = FileLinks(page.file.rpartition("/")[0], self._files)
        try:
            template, values = page.make(links)
        except ProjError as error:
            template = "failure.html"
            values = {"title": "Not available", "message": error.message, "hint": error.hint}
        self._write(page.file, render_text(template, links, policy=_POLICY, **values).encode("utf-8", "replace"))

    def _write(self, name: str, data: bytes) -> None:
        self._cancel.check()
        path = self._target / name
        with writing(f"`{path}`"):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, [data])
        self._count += 1
        self._size += len(data)

    # -- which pages there are ------------------------------------------------------------------------------------

    def _pages(self, source: Source) -> Iterator[_Planned]:
        files, name = self._files, source.name
        runs = list_runs(source, most=MOST_RUNS).runs
        files.written |= {files.run(name, run.run, run.command) for run in runs}
        files.written |= {files.log(name, run.run, run.command) for run in runs if self._log(source, run)}
        pairs = list(_pairs(runs))
        files.written |= {files.compare(name, pair) for pair in pairs}
        versions = list(self._versions(source))
        files.written |= {files.version(name, artifact, version) for artifact, version in versions}
        yield from self._of_project(source)
        for run in runs:
            yield _Planned(files.run(name, run.run, run.command), _run_page(source, run))
        for pair in pairs:
            yield _Planned(files.compare(name, pair), _compare_page(source, pair))
        for artifact, version in versions:
            yield _Planned(files.version(name, artifact, version), _version_page(source, artifact, version))

    def _of_project(self, source: Source) -> Iterator[_Planned]:
        files, name = self._files, source.name
        yield _Planned(files.page(name, "project"), lambda links: content.project(source, links))
        yield _Planned(files.page(name, "graph"), lambda links: content.graph(source, links, _PATIENCE))
        yield _Planned(files.page(name, "runs"), lambda links: content.runs(source, most=MOST_RUNS))
        yield _Planned(files.page(name, "metrics"), lambda links: content.metrics(source, links))
        for kind in SimpleKind:
            yield _Planned(files.page(name, kind.value), _simple_page(source, kind))
        model = source.model()
        for command in model.commands if model else ():
            yield _Planned(files.step(name, command), _step_page(source, command))

    def _versions(self, source: Source) -> Iterator[tuple[str, str]]:
        try:
            listed = content.simple(source, SimpleKind.ARTIFACTS).values["view"]
        except ProjError:
            return
        for artifact in listed:
            for one in artifact.versions:
                if one.version:
                    yield artifact.name, one.version

    def _log(self, source: Source, run: RunItem) -> Path | None:
        found = next((one for one in source.history.find(run.run) if one.command == run.command), None)
        return found.log if found and found.log and found.log.is_file() else None

    def _logs(self, source: Source) -> None:
        for run in list_runs(source, most=MOST_RUNS).runs:
            if (path := self._log(source, run)) is not None:
                data = b"".join(masked_lines(read_log(path), source.mask))
                self._write(self._files.log(source.name, run.run, run.command), data)


def _pairs(runs: tuple[RunItem, ...]) -> Iterator[tuple[int, int]]:
    """Yield each run with the one before it of the same command, if both left a record."""
    newer: dict[str, RunItem] = {}
    for run in runs:
        if run.command in newer and run.is_recorded and newer[run.command].is_recorded:
            yield run.run, newer[run.command].run
        newer[run.command] = run


def _run_page(source: Source, run: RunItem) -> Make:
    return lambda links: content.run(source, run.run, run.command)


def _compare_page(source: Source, pair: tuple[int, int]) -> Make:
    return lambda links: content.compare(source, links, pair)


def _version_page(source: Source, artifact: str, version: str) -> Make:
    return lambda links: content.version(source, artifact, version)


def _simple_page(source: Source, kind: SimpleKind) -> Make:
    return lambda links: content.simple(source, kind)


def _step_page(source: Source, command: str) -> Make:
    return lambda links: content.step(source, links, command)
