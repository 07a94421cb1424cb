"""What a project's files should be: the function of work.sh, and the state of a directory, as plain data.

Knows nothing of weaselish. A tree is path -> (kind, data): `f` with bytes, `l` with the target of a link, `d` for an
empty directory, `x` for what is none of these.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from soak.projects import Project, Step, path_of

Node = tuple[str, bytes]
Tree = dict[str, Node]
View = tuple[tuple[str, Node], ...]  # the files at a path, by relative path; a file is one entry with the path ""
OURS = {".proj", "project.lock", "project.yml", ".env"}
_LEFT_BY_SWAP = re.compile(r"\..*\.proj-(new|old|gone)-")


def read_tree(root: Path) -> Tree:
    """Return everything in a project except what belongs to proj."""
    tree: Tree = {}
    pending = [("", str(root))]
    while pending:
        prefix, directory = pending.pop()
        entries = list(os.scandir(directory))
        if not entries and prefix:
            tree[prefix[:-1]] = ("d", b"")
        for entry in entries:
            path = prefix + entry.name
            if not prefix and (entry.name in OURS or entry.name.startswith("project.lock")):
                continue
            if _LEFT_BY_SWAP.match(entry.name):  # by a killed restore: the next run removes it, a digest ignores it
                continue
            if entry.is_symlink():
                tree[path] = ("l", os.fsencode(os.readlink(entry.path)))
            elif entry.is_dir():
                pending.append((f"{path}/", entry.path))
            elif stat.S_ISREG(entry.stat().st_mode):
                tree[path] = ("f", Path(entry.path).read_bytes())
            else:
                tree[path] = ("x", b"")
    return tree


def output_view(tree: Tree, path: str) -> View:
    """Return an output as proj sees it: links as links."""
    if path in tree and tree[path][0] != "d":
        return (("", tree[path]),)
    if path in tree:
        return (("", ("d", b"")),)
    start = f"{path}/"
    return tuple(sorted((name[len(start) :], node) for name, node in tree.items() if name.startswith(start)))


def dep_view(tree: Tree, path: str) -> View:
    """Return a dep as proj sees it: links as their targets, dangling ones as links."""
    return tuple(sorted(_followed(tree, path, output_view(tree, path))))


def _followed(tree: Tree, path: str, view: View) -> Iterator[tuple[str, Node]]:
    for name, node in view:
        if node[0] != "l":
            yield name, node
            continue
        here = posixpath.dirname(posixpath.join(path, name).rstrip("/"))
        led = output_view(tree, posixpath.normpath(posixpath.join(here, os.fsdecode(node[1]))))
        if led and all(kind != "l" for _, (kind, _) in led):
            yield from ((posixpath.join(name, below) if below else name, found) for below, found in led)
        else:
            yield name, node


def dep_views(tree: Tree, dep: str) -> tuple[tuple[str, View], ...]:
    """The paths that a dep stands for. No match of a glob: the glob itself, absent."""
    matches = matches_of(tree, dep) if "*" in dep else [dep]
    return tuple((path, dep_view(tree, path)) for path in matches or [dep])


def matches_of(tree: Tree, glob: str) -> list[str]:
    directory = posixpath.dirname(glob)
    names = {name[len(directory) + 1 :].split("/")[0] for name in tree if name.startswith(f"{directory}/")}
    found = fnmatch.filter((name for name in names if not name.startswith(".")), posixpath.basename(glob))
    return sorted((f"{directory}/{name}" for name in found), key=os.fsencode)


@dataclass(frozen=True)
class Run:
    """What a successful run of a step used and made: as much as a record of it must vouch for."""

    lines: tuple[str, ...]
    shell: bool
    value: tuple[str | None] | None  # of $VALUE, if it is a part of it
    deps: tuple[tuple[str, View], ...]
    outputs: tuple[tuple[str, View], ...]


def run_of(step: Step, tree: Tree, value: str | None) -> Run:
    """Return the step in the current tree."""
    deps = tuple(pair for dep in step.declared_deps for pair in dep_views(tree, dep))
    outputs = tuple((path, output_view(tree, path)) for path in step.all_outputs)
    return Run(step.lines, step.shell, (value,) if step.env else None, tuple(sorted(deps)), outputs)


def _value(step: Step, value: str | None) -> str | None:
    return f"v-{value or ''}" if step.env else None


def hash_of(step: Step, tree: Tree, value: str | None) -> str:
    """$hash of work.sh."""
    parts = [f"{step.name}\n{step.salt}\n{_value(step, value) or ''}\n".encode()]
    for dep in step.deps:
        for path, view in dep_views(tree, dep):
            parts.append(f"dep {path}\n".encode())
            if len(view) == 1 and view[0][0] == "" and view[0][1][0] == "f":
                parts.append(view[0][1][1])
            elif view and view[0] != ("", ("l", view[0][1][1])):
                lines = [
                    f"{hashlib.md5(data).hexdigest()}  ./{name}".encode() + b"\0"
                    for name, (kind, data) in view
                    if kind == "f"
                ]
                parts += sorted(lines)
            else:
                parts.append(b"absent\n")
    return hashlib.md5(b"".join(parts)).hexdigest()


def made_by(step: Step, tree: Tree, value: str | None) -> Mapping[str, Tree]:
    """Return what a run of the step in this tree produces: output -> its files, by path in the project."""
    digest = hash_of(step, tree, value)
    return {path_of(output): _made(output, digest) for output in (*step.outputs, *step.no_cache)}


def _made(output: str, digest: str) -> Tree:
    path = path_of(output)
    line = f"{path} {digest}"
    match output[0]:
        case "f":
            return {path: ("f", f"{line} begin\n{line} end\n".encode())}
        case "m":
            return {path: ("f", f"{line}\n".encode())} if digest[0] in "01234567" else {}
    return {
        f"{path}/a.txt": ("f", f"{line} a\n".encode()),
        f"{path}/sub/b.txt": ("f", f"{line} b\n".encode()),
        f"{path}/sub/{digest[0]}.txt": ("f", b""),
        f"{path}/link": ("l", b"a.txt"),
        f"{path}/empty": ("d", b""),
    }


def put(tree: Tree, made: Mapping[str, Tree]) -> Tree:
    """The tree with outputs replaced."""
    kept = {
        name: node
        for name, node in tree.items()
        if not any(name == path or name.startswith(f"{path}/") for path in made)
        and not (node[0] == "d" and any(path.startswith(f"{name}/") for path in made))
    }
    for content in made.values():
        kept.update(content)
    return kept


@dataclass(frozen=True)
class Turn:
    """A step at its turn in a run: before it, and as it should be after it."""

    step: Step
    before: Run
    after: Run | None  # None: it fails, or what it needs is missing or has failed
    is_missing: bool = False
    is_unreadable: bool = False


@dataclass(frozen=True)
class Expected:
    turns: tuple[Turn, ...]
    tree: Tree  # at the end

    @property
    def fails(self) -> bool:
        return any(turn.after is None for turn in self.turns)


def expect(project: Project, target: str, tree: Tree, value: str | None, *, only: bool = False) -> Expected:
    """What a run must come to, each step at its turn, whether it is skipped or not."""
    turns: list[Turn] = []
    failed: set[str] = set()
    for step in project.plan(target, only=only):
        views = [view for dep in step.declared_deps for view in dep_views(tree, dep)]
        own = step.all_outputs[:1] if step.reads_own else ()
        is_missing = any(not view and path not in own for path, view in views)
        is_unreadable = any(node[0] == "x" for _, view in views for _, node in view)
        needs = {made for dep in step.deps for made in failed if _overlap(dep, made)}
        before = run_of(step, tree, value)
        if step.is_bad or is_missing or is_unreadable or needs:
            failed.update(step.all_outputs)
            turns.append(Turn(step, before, None, is_missing, is_unreadable))
            continue
        failed.difference_update(step.all_outputs)  # an alternative producer made them after all
        tree = put(tree, made_by(step, tree, value))
        turns.append(Turn(step, before, run_of(step, tree, value)))
    return Expected(tuple(turns), tree)


def _overlap(dep: str, output: str) -> bool:
    return dep == output or dep.startswith(f"{output}/") or output.startswith(f"{dep}/")
