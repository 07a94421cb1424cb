"""`proj graph`: the steps, their states, and what they depend on, in the terminal or as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.cli.arguments import names_and_directory
from weaselish.cli.console import paint, say, show
from weaselish.cli.opening import open_project
from weaselish.cli.subcommand import NAMES, Call, Option, Subcommand
from weaselish.errors import UsageError, in_short

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.engine.picture import Picture

_ENDINGS = {  # format -> how a FILE ends
    "svg": (".svg",),
    "html": (".html", ".htm"),
    "dot": (".dot", ".gv"),
    "mermaid": (".mmd", ".mermaid"),
    "json": (".json",),
}


def graph(call: Call, *, svg: bool, html: bool, dot: bool, mermaid: bool, as_json: bool) -> int:
    """Show the graph of the targets, or of all commands."""
    from weaselish.cli.activity import ActivityReporter

    given = {"svg": svg, "html": html, "dot": dot, "mermaid": mermaid, "json": as_json}
    formats = [name for name, is_given in given.items() if is_given]
    if len(formats) > 1:
        raise UsageError(
            f"{' and '.join(f'`--{name}`' for name in formats)} exclude each other",
            hint="call `proj graph` once for each format",
        )
    words, file = _without_file(call.words, formats)
    names, directory = names_and_directory(words)
    project = open_project(call, directory)
    if not formats:
        with ActivityReporter() as reporter:
            picture = project.picture(*names, on_event=reporter, cancel=call.cancel)
        _show_drawing(picture, call)
        return 0
    text = _rendered(project, names, formats[0], call)
    if file is None:
        show(text)
    else:
        _write(file, text)
    return 0


def _without_file(words: Sequence[str], formats: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """Split words into names and the FILE of a format: the word that ends as such files do."""
    endings = _ENDINGS[formats[0]] if formats else ()
    files = [word for word in words if word.lower().endswith(endings)] if endings else []
    if len(files) > 1:
        raise UsageError(f"`{files[0]}` and `{files[1]}`: only one file can be written")
    return tuple(word for word in words if word not in files), files[0] if files else None


def _rendered(project: Project, names: Sequence[str], form: str, call: Call) -> str:
    from weaselish.cli.activity import ActivityReporter

    if form == "json":
        import srsly

        from weaselish.cli.json_output import encodable

        with ActivityReporter() as reporter:
            drawn = project.picture(*names, on_event=reporter, cancel=call.cancel)
        return str(srsly.json_dumps(encodable(_as_json(drawn)), indent=2))
    with ActivityReporter() as reporter:
        return project.draw(*names, form=form, on_event=reporter, cancel=call.cancel).rstrip("\n")


def _write(name: str, text: str) -> None:
    """Write a file that the user names; a link stays a link. A directory or device is not replaced."""

    from weaselish.files.atomic import write_atomically, writing
    from weaselish.files.text_file import check_replaceable

    path = Path(os.path.realpath(name))
    check_replaceable(path, name=name)
    with writing(f"`{name}`"):
        write_atomically(path, [text.encode("utf-8", "backslashreplace"), b"\n"])
    say(f"wrote `{name}`")


# -- the terminal -----------------------------------------------------------------------------------------------------


def _show_drawing(drawn: Picture, call: Call) -> None:
    import shutil

    from weaselish.graphs.text import as_lines

    if not drawn.steps:
        say("project.yml defines no commands")
        return
    width = shutil.get_terminal_size((80, 24)).columns
    for line in as_lines(drawn, width=max(20, width), plain=not _shows_lines()):
        print("".join(paint(part.text, part.style, sys.stdout) for part in line))
    if call.is_verbose:
        _show_reasons(drawn)


def _shows_lines() -> bool:
    """Return whether stdout can encode the symbols of a drawing."""
    try:
        "│▼✔‖×".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _show_reasons(drawn: Picture) -> None:
    print()
    for step in drawn.steps:
        if step.reasons:
            show(f"{step.step}: {in_short(step.reasons, most=sys.maxsize)}")


# -- JSON -------------------------------------------------------------------------------------------------------------


def _as_json(drawn: Picture) -> dict[str, object]:
    return {
        "steps": [
            {
                "step": step.step,
                "state": step.status.value,
                "reasons": [str(reason) for reason in step.reasons],
                "matrix": step.group,
                "seconds": step.seconds,
                "deps": list(step.command.deps),
                "outputs": list(step.command.all_outputs),
            }
            for step in drawn.steps
        ],
        "edges": [{"from": source, "to": target} for source, target in drawn.edges],
        "critical_path": {"steps": list(drawn.critical), "seconds": drawn.critical_seconds},
    }


SUBCOMMANDS = (
    Subcommand(
        "graph",
        graph,
        "Draw the graph of the steps, with states and durations.\n\n"
        "In the terminal, steps are boxes, or an indented list if boxes do not fit. `--verbose` adds the reasons.\n\n"
        "A picture goes to stdout, or to a FILE whose ending names the format: `proj graph --html graph.html`.",
        (
            Option("svg", ("--svg",), "A picture for any browser or page (FILE.svg)."),
            Option("html", ("--html",), "One page with search, zoom and details; needs no network (FILE.html)."),
            Option("dot", ("--dot",), "Text for Graphviz (FILE.dot)."),
            Option("mermaid", ("--mermaid",), "Text for Mermaid (FILE.mmd)."),
            Option("as_json", ("--json",), "Steps, edges and critical path as JSON (FILE.json)."),
        ),
        arguments=NAMES,
        examples=("proj graph", "proj graph all --html graph.html", "proj graph train --dot | dot -Tpng > graph.png"),
    ),
)
