"""A project as a section of Markdown, and where in a README that section stands. Pure text: no file is touched here.

The markers are Weasel's, so that either tool replaces what the other wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from weaselish.errors import ProjError
from weaselish.model.project import Asset, ProjectModel, Remote
from weaselish.model.urls import without_secrets
from weaselish.plan.export import as_mermaid, produces
from weaselish.plan.graph import Plan, make_plan
from weaselish.plan.sequence import Cycle

START = "<!-- WEASEL: AUTO-GENERATED DOCS START (do not remove) -->"
END = "<!-- WEASEL: AUTO-GENERATED DOCS END (do not remove) -->"
_OWNER = rb"<!-- (?:WEASEL|SPACY PROJECT): "
_START = re.compile(_OWNER + rb"AUTO-GENERATED DOCS START \(do not remove\) -->")
_END = re.compile(_OWNER + rb"AUTO-GENERATED DOCS END \(do not remove\) -->")
_IGNORE = re.compile(_OWNER + rb"IGNORE -->")


def section(project: ProjectModel, *, exists: Callable[[str], bool], emoji: bool = True) -> str:
    """The section with its markers. `exists`: whether there is something at a path of the project, to link to.

    References to the environment stay as `${env.X}`: a README is no place for values.
    """
    return "\n\n".join([START, *_blocks(project, exists, emoji), END]) + "\n"


def is_ignored(text: bytes) -> bool:
    """Whether a file asks to be left alone."""
    return _IGNORE.search(text) is not None


def merged(old: bytes, new: str, *, name: str, force: bool = False) -> bytes:
    """`old`, the text of the file `name`, with `new` in place of its section, all else byte for byte as it was.

    A file with text but without a section is refused, but with `force` replaced as a whole. Raises ProjError.
    """
    starts, ends = list(_START.finditer(old)), list(_END.finditer(old))
    if len(starts) == len(ends) == 1 and starts[0].end() <= ends[0].start():
        body = new.rstrip("\n").replace("\n", "\r\n" if b"\r\n" in old else "\n")
        return old[: starts[0].start()] + body.encode() + old[ends[0].end() :]
    if force or not old.strip():
        return new.encode()
    if starts or ends:
        raise ProjError(
            f"`{name}`: it is not plain where the section begins and ends",
            hint="leave one start marker and one end marker after it, or replace the whole file with `--force`",
        )
    raise ProjError(
        f"`{name}` has no section that may be replaced",
        hint="put the two markers that `proj document` prints where it shall stand, or replace all with `--force`",
    )


def _blocks(project: ProjectModel, exists: Callable[[str], bool], emoji: bool) -> Iterator[str]:
    def heading(level: int, sign: str, text: str) -> str:
        return f"{'#' * level} {sign + ' ' if emoji else ''}{text}"

    yield heading(1, "🪐", " ".join(_prose(project.title or "Project").split()))
    if project.description.strip():
        yield _prose(project.description.strip())
    yield heading(2, "📋", "project.yml")
    yield (
        "`project.yml` says which files the commands read and make. `proj` alone lists them, `proj run NAME` brings "
        "one of them up to date, with all that it needs."
    )
    if project.commands:
        yield heading(3, "🔧", "Commands")
        rows = [(_code(command.name), _cell(command.help)) for command in project.commands.values()]
        yield _table(("Command", "Description"), rows)
    if project.workflows:
        yield heading(3, "🔁", "Workflows")
        rows = [(_code(name), " &rarr; ".join(map(_code, steps))) for name, steps in project.workflows.items()]
        yield _table(("Workflow", "Steps"), rows)
    plan = _plan(project)
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


def _plan(project: ProjectModel) -> Plan:
    """The whole project's plan, whatever lies in its directory: the same text on every machine."""
    names = list(project.commands)
    try:
        return make_plan(project, names)
    except Cycle:
        return make_plan(project, names, only=True)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _prose(text: str) -> str:
    return text.replace("<!--", "&lt;!--")  # else it could hold a marker, or hide what follows


def _cell(text: str) -> str:
    return _prose("<br>".join(text.strip().splitlines())).replace("\\|", "|").replace("|", "\\|")


def _code(text: str) -> str:
    """`text` as code in a cell of a table, whatever it holds."""
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
    """Without user, password and query: what should not stand in project.yml must not be copied from it either."""
    return without_secrets(remote.url)
