"""Finds steps, runs and artifacts by what a visitor types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from weaselish.plan.run_ids import is_run_id
from weaselish.serve.views.sources import Source

_MOST = 100
_RUNS = 500  # of a project, the newest, whose ids are compared


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `kind` is `project`, `step`, `workflow`, `artifact` or `run`; `where` says what matched."""

    kind: str
    project: str
    name: str
    where: str
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `is_cut`: there is more."""

    text: str
    hits: tuple[Hit, ...]
    is_cut: bool


def search(sources: list[Source], text: str) -> Found:
    """Return what contains a text, in names first. Case does not count."""
    wanted = text.strip().casefold()
    hits = list(islice(_hits(sources, wanted), _MOST + 1)) if wanted else []
    order = {"project": 0, "run": 1, "step": 2, "workflow": 3, "artifact": 4}
    hits.sort(key=lambda hit: (hit.where != "name", order[hit.kind]))
    return Found(text, tuple(hits[:_MOST]), len(hits) > _MOST)


def _hits(sources: list[Source], wanted: str) -> Iterator[Hit]:
    for source in sources:
        model = source.model()
        if wanted in source.name.casefold() or (model and wanted in model.title.casefold()):
            yield Hit("project", source.name, source.name, "name")
        yield from _runs(source, wanted)
        if model is None:
            continue
        for name, command in model.commands.items():
            texts = {
                "name": (name,),
                "help": (command.help,),
                "script": source.shown_script(name, command.script) if _may_match(command.script, wanted) else (),
                "dep": command.deps,
                "output": command.all_outputs,
            }
            if where := _matching(texts, wanted):
                yield Hit("step", source.name, name, where)
        for name in model.workflows:
            if wanted in name.casefold():
                yield Hit("workflow", source.name, name, "name")
        for artifact in model.artifacts.values():
            texts = {"name": (artifact.name,), "path": (artifact.path,), "description": (artifact.description,)}
            if where := _matching(texts, wanted):
                yield Hit("artifact", source.name, artifact.name, where)


def _may_match(lines: tuple[str, ...], wanted: str) -> bool:
    return any(wanted in line.casefold() for line in lines)


def _matching(texts: dict[str, tuple[str, ...]], wanted: str) -> str | None:
    return next((where for where, found in texts.items() if any(wanted in one.casefold() for one in found)), None)


def _runs(source: Source, wanted: str) -> Iterator[Hit]:
    if is_run_id(wanted):
        for run in source.history.newest(most=_RUNS):
            if str(run.run).endswith(wanted):
                yield Hit("run", source.name, run.command, "name", run.run)
