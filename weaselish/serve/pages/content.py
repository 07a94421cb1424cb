"""What each page of a project shows: its template and values, for a server and for an export."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

from weaselish.engine.picture import DrawnStep, Picture
from weaselish.graphs.page import page_parts
from weaselish.graphs.svg import draw
from weaselish.named_tuple import NamedTuple
from weaselish.serve.pages.links import Links
from weaselish.serve.views.artifacts import list_artifacts, show_version
from weaselish.serve.views.compare import compare_runs
from weaselish.serve.views.jobs import show_jobs
from weaselish.serve.views.metrics import MetricsView, Series, Value, show_metrics
from weaselish.serve.views.projects import check_of, list_projects, show_project
from weaselish.serve.views.readings import Reading
from weaselish.serve.views.remotes import list_remotes
from weaselish.serve.views.runs import PAGE, list_runs, show_run
from weaselish.serve.views.snapshots import list_snapshots
from weaselish.serve.views.sources import Source
from weaselish.serve.views.steps import show_step

_MOST_DRAWN = 60  # steps of a graph on the project's page; larger ones have only their own page


class Page(NamedTuple):
    """A template and its values."""

    template: str
    values: dict[str, Any]


class SimpleKind(enum.Enum):
    """Pages of a project without parameters."""

    REMOTES = "remotes"
    ARTIFACTS = "artifacts"
    SNAPSHOTS = "snapshots"
    JOBS = "jobs"


def home(sources: list[Source]) -> Page:
    """List projects."""
    return Page("home.html", {"projects": list_projects(sources)})


def project(source: Source, links: Links) -> Page:
    """Show the steps of a project."""
    view = show_project(source)
    picture = check_of(source).value
    is_small = picture is not None and 1 < len(picture.steps) <= _MOST_DRAWN
    drawing = draw(picture, _step_links(source, links)) if picture and is_small else None
    return _page("project.html", source, "project", view=view, drawing=drawing)


def graph(source: Source, links: Links, patience: float = 0.15) -> Page:
    """Show the graph alone."""
    check = check_of(source)
    picture = check.value
    drawn = _drawn(source, links, picture, patience) if picture and picture.steps else None
    parts, steps = drawn.value if drawn else None, len(picture.steps) if picture else 0
    is_drawing = drawn is not None
    return _page("graph.html", source, "graph", check=check, steps=steps, parts_of=parts, is_drawing=is_drawing)


def _drawn(source: Source, links: Links, picture: Picture, patience: float) -> Reading[dict[str, str]]:
    """Return the parts of the graph's page. Those of a large graph take seconds: they are made in the background."""
    return source.readings.last(
        ("graph", source.name),
        lambda cancel: page_parts(picture, _step_links(source, links)),
        version=(picture.taken, links.is_static),
        patience=patience,
    )


def step(source: Source, links: Links, name: str) -> Page:
    """Show a step."""
    view = show_step(source, name)
    return _page("step.html", source, "project", view=view, run_href=_run_links(source, links))


def runs(source: Source, command: str | None = None, before: int | None = None, most: int = PAGE) -> Page:
    """List runs."""
    view = list_runs(source, command=command, before=before, most=most)
    return _page("runs.html", source, "runs", view=view, command=command)


def run(source: Source, number: int, command: str | None = None) -> Page:
    """Show a run. Raises UnknownName."""
    return _page("run.html", source, "runs", view=show_run(source, number, command))


def compare(source: Source, links: Links, ids: Sequence[int]) -> Page:
    """Show runs side by side. Raises UnknownName and UsageError."""
    view = compare_runs(source, ids)
    series = []
    for metric in view.metrics:
        numbers = [
            Value(one.run, one.command, float(value))
            for one, value in zip(view.runs, metric.values, strict=True)
            if isinstance(value, int | float)
        ]
        if metric.differs and len(numbers) > 1:
            series.append(Series(metric.name, tuple(numbers)))
    return _page("compare.html", source, "runs", view=view, series=series[:6], run_href=_run_links(source, links))


def metrics(source: Source, links: Links, command: str | None = None) -> Page:
    """Show metrics over runs."""
    view: MetricsView = show_metrics(source, command)
    return _page("metrics.html", source, "metrics", view=view, run_href=_run_links(source, links))


def version(source: Source, name: str, number: str) -> Page:
    """Show a version of an artifact. Raises UnknownName."""
    return _page("version.html", source, "artifacts", view=show_version(source, name, number))


def simple(source: Source, kind: SimpleKind) -> Page:
    """Show remotes, artifacts, snapshots or jobs."""
    views: dict[SimpleKind, Callable[[Source], object]] = {
        SimpleKind.REMOTES: list_remotes,
        SimpleKind.ARTIFACTS: list_artifacts,
        SimpleKind.SNAPSHOTS: list_snapshots,
        SimpleKind.JOBS: show_jobs,
    }
    return _page(f"{kind.value}.html", source, kind.value, view=views[kind](source))


def _page(template: str, source: Source, tab: str, **values: Any) -> Page:
    return Page(template, {"project": source.name, "tab": tab, **values})


def _step_links(source: Source, links: Links) -> Callable[[DrawnStep], str]:
    return lambda drawn: links.step(source.name, drawn.command.name)


def _run_links(source: Source, links: Links) -> Callable[[int, str], str | None]:
    return lambda number, command: links.run(source.name, number, command)
