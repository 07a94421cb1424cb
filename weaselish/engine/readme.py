"""The section of a README that describes a project. Text only: this module reads and writes no files.

The markers are Weasel's, so that either tool replaces the section that the other wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from weaselish.errors import ProjError, in_short
from weaselish.model.project import Asset, ProjectModel, Remote
from weaselish.model.urls import without_secrets
from weaselish.plan.export import as_mermaid, produces
from weaselish.plan.folding import folded
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.sequence import Cycle
from weaselish.terminal import printable

START = "<!-- WEASEL: AUTO-GENERATED DOCS START (do not remove) -->"
END = "<!-- WEASEL: AUTO-GENERATED DOCS END (do not remove) -->"
_OWNER = rb"<!-- (?:WEASEL|SPACY PROJECT): "
_START = re.compile(_OWNER + rb"AUTO-GENERATED DOCS START \(do not remove\) -->")
_END = re.compile(_OWNER + rb"AUTO-GENERATED DOCS END \(do not remove\) -->")
_IGNORE = re.compile(_OWNER + rb"IGNORE -->")


def section(project: ProjectModel, *, exists: Callable[[str], bool], emoji: bool = True) -> str:
    """Return the section with its markers. `exists` says whether a path of the project exists and can be linked to.

    References to the environment stay as `${env.X}`, so that no value gets into the README.
    """
    text = "\n\n".join([START, *_blocks(project, exists, emoji), END]) + "\n"
    return printable(text, keep="\n\t")  # without a file to write to, a terminal shows it


def is_ignored(text: bytes) -> bool:
    """Return whether a file holds the marker that forbids changing it."""
    return _IGNORE.search(text) is not None


def merged(old: bytes, new: str, *, name: str, force: bool = False) -> bytes:
    """Return `old`, the text of the file `name`, with its section replaced by `new`. Other bytes stay the same.

    With `force`, return `new` alone for a file that has text but no section. Raises ProjError otherwise.
    """
    starts, ends = list(_START.finditer(old)), list(_END.finditer(old))
    if len(starts) == len(ends) == 1 and starts[0].end() <= ends[0].start():
        body = new.rstrip("\n").replace("\n", "\r\n" if b"\r\n" in old else "\n")
        return old[: starts[0].start()] + body.encode() + old[ends[0].end() :]
    if force or not old.strip():
        return new.encode()
    if starts or ends:
        raise ProjError(
            f"`{name}` does not have exactly one start marker followed by one end marker",
            hint="leave one of each, or replace the entire file with `--force`",
        )
    raise ProjError(
        f"`{name}` has no section to replace",
        hint="add the two markers that `proj document` prints, or replace the entire file with `--force`",
    )


def _blocks(project: ProjectModel, exists: Callable[[str], bool], emoji: bool) -> Iterator[str]:
    def heading(level: int, sign: str, text: str) -> str:
        return f"{'#' * level} {sign + ' ' if emoji else ''}{text}"

    yield heading(1, "🪐", " ".join(_prose(project.title or "Project").split()))
    if project.description.strip():
        yield _prose(project.description.strip())
    yield heading(2, "📋", "project.yml")
    yield (
        "`project.yml` says which files the commands read and produce. `proj` alone lists them. `proj run NAME` runs "
        "one of them, and whatever it depends on, if out of date."
    )
    if project.commands:
        yield heading(3, "🔧", "Commands")
        rows = [(_code(name), _cell(_description(project, name))) for name in project.written]
        yield _table(("Command", "Description"), rows)
    if project.workflows:
        yield heading(3, "🔁", "Workflows")
        rows = [(_code(name), " &rarr; ".join(map(_code, steps))) for name, steps in project.workflows.items()]
        yield _table(("Workflow", "Steps"), rows)
    plan = folded(_plan(project))
    if any(produces(plan)):
        yield heading(3, "🕸", "Graph")
        yield "\n".join(["```mermaid", *as_mermaid(plan), "```"])
    if project.assets:
        yield heading(3, "📦", "Assets")
        assets = [(_linked(asset, exists), _source(asset), _cell(asset.description)) for asset in project.assets]
        yield _table(("File", "Source", "Description"), assets)
    if project.remotes:
        yield heading(3, "🗄", "Remotes")
        rows = [(_code(remote.name), _code(_shown_url(remote))) for remote in project.remotes.values()]
        yield _table(("Remote", "Place"), rows)


def _description(project: ProjectModel, name: str) -> str:
    """Return the help of a command, and the variables of its matrix."""
    if name not in project.matrices:
        return project.commands[name].help
    variables = project.variables_of(name).items()
    lines = [f"{variable}: {in_short(values, separator=', ')}" for variable, values in variables]
    return "\n".join([project.matrices[name].help, *lines])


def _plan(project: ProjectModel) -> Plan:
    """Return the plan of all commands, which is the same on every machine."""
    names = list(project.commands)
    try:
        return make_plan(project, names)
    except Cycle:
        return make_plan(project, names, only=True)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _prose(text: str) -> str:
    return text.replace("<!--", "&lt;!--")  # a comment could be a marker, or hide the rest


def _cell(text: str) -> str:
    return _prose("<br>".join(text.strip().splitlines())).replace("\\|", "|").replace("|", "\\|")


def _code(text: str) -> str:
    """Return `text` as code in a cell of a table."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence, blank = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{blank}{' '.join(text.split())}{blank}{fence}".replace("|", "\\|")


def _linked(asset: Asset, exists: Callable[[str], bool]) -> str:
    code = _code(asset.dest)
    is_local = asset.url is None and asset.git is None
    return f"[{code}](<{asset.dest}>)".replace("\n", " ") if is_local and exists(asset.dest) else code


def _source(asset: Asset) -> str:
    return "Git" if asset.git else "URL" if asset.url else "Local"


def _shown_url(remote: Remote) -> str:
    """Return the URL without user, password and query: they must not be copied into a README."""
    return without_secrets(remote.url)
