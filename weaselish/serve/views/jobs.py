"""The steps that run now."""

from __future__ import annotations

from dataclasses import dataclass

from weaselish.serve.views.runs import RunItem, item_of
from weaselish.serve.views.sources import Source


@dataclass(frozen=True, slots=True)
class JobsView:
    """The runs that have not ended, the newest first."""

    running: tuple[RunItem, ...]


def show_jobs(source: Source) -> JobsView:
    """Return the steps that run now, on this machine or on another that shares the directory."""
    return JobsView(tuple(map(item_of, source.history.running())))
