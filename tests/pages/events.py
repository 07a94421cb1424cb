"""Writes docs/events.md: every event with its JSON fields, from the types, and examples from real runs."""

from __future__ import annotations

import enum
import json
import tempfile
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from harness import ProjectDir

from pages.markdown import generated, table
from weaselish import Project
from weaselish.engine import events
from weaselish.plan.graph import Plan
from weaselish.plan.sequence import Step

_ABOUT = """\
`proj run --json-lines` prints each event of a run as a line of JSON, as it happens. From Python, `on_event` receives
the same events as objects: `project.run("all", on_event=print)`. They come in order and one at a time, from any thread.

The key `event` has the event's name. A field that is empty (`None`) is left out. Every event has `at`, the time in
seconds since 1970. `run` is the id of a step's run. `step` names a step at one position of the plan, and beside it
`command` names its command. New fields and events may be added: ignore those that you do not know.

If an error ends `proj run --json-lines`, such as an unknown name, the last line is `{"event": "error", …}`. It has the
keys `message`, `hint`, `place`, `exit_code` and `problems`.

Examples are from real runs, with one time and one id for all. They are broken into lines for this page only."""
_PROJECT = """\
remotes: {default: ../shared}
cache: local
commands:
  - {name: copy, script: [cp in out], deps: [in], outputs: [out]}
  - {name: count, script: [wc -c out, cp out size], deps: [out], outputs: [size]}
  - {name: fail, script: [sh -c 'exit 3']}
  - {name: after, deps: [never], script: ['true']}
  - {name: never, outputs: [never], script: ['false']}
  - {name: old, outputs: [in], script: ['touch in']}
workflows: {all: [copy, count], broken: [fail, never, after], unrecorded: [old, copy]}
"""
_SAME = {  # what differs from run to run, and from machine to machine
    "at": 1795730794.549,
    "run": 1795730794549509,
    "seconds": 0.1,
    "saved": 0.1,
    "log": "/home/ada/demo/.proj/logs/copy.1795730794549509.log",
    "program": "/usr/bin/cp",
}
_RARE: tuple[events.Event, ...] = (  # what needs another process or a remote cache
    events.StepWaiting("copy", "process 4711"),
    events.StepAvailable(Step("copy", "copy"), "local"),
)


def event_types() -> tuple[type[Any], ...]:
    """Return the types of all events."""
    return get_args(events.Event)


def events_page() -> str:
    """Return the page about events."""
    parts = [generated("`weaselish/engine/events.py`"), "# Events", _ABOUT]
    examples = _examples()
    for kind in sorted(event_types(), key=lambda kind: _name(kind)):
        name = _name(kind)
        parts.append(f"## {name}")
        if kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}("):
            parts.append(" ".join(kind.__doc__.split()))
        hints = get_type_hints(kind)
        rows = [(f"`{field}`", _kind(hints[field])) for field in kind._fields if field != "at"]
        if any(isinstance(rare, kind) for rare in _RARE) and name not in _real():
            parts.append("The example is made up: a real one needs another process or a remote cache.")
        parts += [table(("field", "type"), rows), f"```json\n{_shown(examples[name])}\n```"]
    return "\n\n".join(parts) + "\n"


def _shown(example: Any) -> str:
    line = json.dumps(example, ensure_ascii=False)
    return line if len(line) <= 90 else json.dumps(example, ensure_ascii=False, indent=2)


def _name(kind: type[Any]) -> str:
    example = kind(*(None for _ in kind._fields))
    return str(example.to_json()["event"])


def _kind(hint: Any) -> str:
    """Return in words what JSON has for a value of a type."""
    if isinstance(hint, types.UnionType):
        [present] = [one for one in get_args(hint) if one is not type(None)]
        return f"{_kind(present)}; may be missing"
    if get_origin(hint) is tuple:
        return f"list: {_kind(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "one of " + ", ".join(f"`{one.value}`" for one in hint)
    if hint is Plan:
        return "object with `targets` and `steps`, both lists of text"
    if hint is events.StepResult:
        states = ", ".join(f"`{state.value}`" for state in events.StepState)
        return f"object with `step`, `command`, `seconds`, `exit_code` and `state`: one of {states}"
    return {int: "whole number", float: "number", Path: "path"}.get(hint, "text")


def _examples() -> dict[str, Any]:
    """Return an example of each event by name."""
    made_up = {str(event.to_json()["event"]): event.to_json() for event in _RARE}
    return {name: _steady(example) for name, example in {**made_up, **_real()}.items()}


@cache
def _real() -> dict[str, Any]:
    """Return the first event of each name in some runs and transfers."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for event in _received(Path(scratch)):
            made = event.to_json()
            found.setdefault(str(made["event"]), json.loads(json.dumps(made).replace(scratch, "/home/ada")))
    return found


def _steady(value: Any) -> Any:
    """Return an example with the same times and ids each time."""
    if isinstance(value, dict):
        return {key: _SAME[key] if key in _SAME else _steady(inner) for key, inner in value.items()}
    return [_steady(one) for one in value] if isinstance(value, list) else value


def _received(scratch: Path) -> Iterator[events.Event]:
    directory = ProjectDir(scratch / "demo", scratch / "scratch")
    directory.project(_PROJECT)
    directory.write("in", "1\n")
    project, received = Project(directory.path), list[events.Event]()
    cache = str(scratch / "cache")
    for target in ("copy", "all", "broken", "unrecorded"):
        project.run(target, cache=cache, on_event=received.append)
    project.push(on_event=received.append)
    directory.remove("size")
    project.pull(on_event=received.append)
    directory.remove("out")
    project.run("copy", cache=cache, on_event=received.append)
    yield from received
