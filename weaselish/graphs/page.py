"""The graph as one page of HTML: nothing is loaded from elsewhere, and its policy allows only its own script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from weaselish.durations import shown_duration
from weaselish.engine.picture import DrawnStep, Picture
from weaselish.graphs.markup import LABELS, SLUGS, as_script_data, escaped, spelled
from weaselish.graphs.nodes import count_statuses
from weaselish.graphs.svg import definitions, draw, resource

_MANY = 300  # steps above which details that have a page of their own are left out
_LEFT_OUT = ("command", "help", "script", "deps", "outputs", "reasons")


def as_page(picture: Picture) -> str:
    """Return the page. Without scripts it still shows the graph."""
    script = resource("page.js")
    title = escaped(picture.title or "Graph")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"
    replaced = {
        **page_parts(picture),
        "TITLE": title,
        "POLICY": escaped(policy),
        "STYLE": resource("graph.css") + resource("page.css"),
        "DEFINITIONS": definitions(),
        "SCRIPT": script,
    }
    return _filled(resource("page.html"), replaced)


def page_parts(picture: Picture, link: Callable[[DrawnStep], str] | None = None) -> dict[str, str]:
    """Return the parts of a page that come from a picture, by name. `link` is where a step has a page of its own."""
    drawing = draw(picture, titles_name=link is not None)
    count = len(picture.steps)
    data = {
        "steps": _step_data(picture, link),
        "places": drawing.places,
        "size": [drawing.width, drawing.height],
        "taken": picture.taken,
    }
    return {
        "LEGEND": _legend(picture),
        "COUNT": f"{count} step{'' if count == 1 else 's'}",
        "WIDTH": str(drawing.width),
        "HEIGHT": str(drawing.height),
        "DRAWING": drawing.content,
        "DATA": as_script_data(data),
    }


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{{NAME}}` once: values are not searched again."""
    parts = template.split("{{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("}}")
        filled += values[name], rest
    return "".join(filled)


def _legend(picture: Picture) -> str:
    """Return a button for each status that occurs, and the duration of the critical path."""
    items = [
        f'<button type="button" class="chip" data-state="{SLUGS[status]}" aria-pressed="false">'
        f'<svg class="graph" viewBox="-10 -10 20 20" aria-hidden="true">{_icon(SLUGS[status])}</svg>'
        f"{count} {LABELS[status]}</button>"
        for status, count in count_statuses(picture.steps)
    ]
    if len(picture.critical) > 1:
        items.append(
            '<button type="button" class="chip" data-state="critical" aria-pressed="false"><i class="line"></i>'
            f"critical path {shown_duration(picture.critical_seconds)}</button>"
        )
    return "\n".join(items)


def _icon(slug: str) -> str:
    return f'<use href="#icon-{slug}"/>'


def _step_data(picture: Picture, link: Callable[[DrawnStep], str] | None) -> list[dict[str, object]]:
    numbers = {str(step.step): number for number, step in enumerate(picture.steps)}
    before: dict[str, list[int]] = {name: [] for name in numbers}
    after: dict[str, list[int]] = {name: [] for name in numbers}
    for source, target in picture.edges:
        before[target].append(numbers[source])
        after[source].append(numbers[target])
    found = []
    for step in picture.steps:
        facts = {**_facts(step), "before": before[step.step], "after": after[step.step]}
        if link is not None:
            facts["link"] = link(step)
            if len(picture.steps) > _MANY:
                facts = {name: value for name, value in facts.items() if name not in _LEFT_OUT}
        found.append(facts)
    return found


def _facts(step: DrawnStep) -> dict[str, object]:
    """Return what the page shows of a step, with invisible characters spelled out."""
    command = step.command
    return {
        "name": spelled(step.step),
        "command": spelled(command.name),
        "state": LABELS[step.status],
        "slug": SLUGS[step.status],
        "help": spelled(command.help),
        "script": [spelled(line) for line in command.recorded_script],
        "deps": [spelled(command.as_written(path)) for path in command.deps],
        "outputs": [spelled(command.as_written(path)) for path in command.all_outputs],
        "reasons": [spelled(str(reason)) for reason in step.reasons],
        "usual": None if step.seconds is None else shown_duration(step.seconds),
        "critical": step.is_critical,
        "last": _last_run(step),
    }


def _last_run(step: DrawnStep) -> dict[str, object] | None:
    run = step.last
    if run is None:
        return None
    return {
        "started": run.started,
        "result": run.result.value,
        "took": None if run.seconds is None else shown_duration(run.seconds),
        "code": run.exit_code,
    }
