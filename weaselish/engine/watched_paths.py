"""What a run depends on and does not produce itself, and the state of it on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.files.directory_watch import Directories
from weaselish.files.file_stat import Listing, pack_file
from weaselish.files.globs import GlobWalk
from weaselish.files.projignore import FILE as PROJIGNORE
from weaselish.files.walk import Walker
from weaselish.load import FILE
from weaselish.model.paths import dep_base, inside, is_glob, is_outside
from weaselish.model.project import ProjectModel
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan

State = Mapping[str, Listing]  # path -> what stat says of the file, or of each file in the directory; empty: missing

_DIRECTLY = b""  # the name of a file itself in its listing


class WatchedPaths(NamedTuple):
    """The paths of one project that a run of a plan depends on."""

    root: Path
    files: tuple[str, ...] = (FILE,)  # project.yml, and what it is read with
    deps: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()  # of the plan's steps: changes inside them do not count

    @classmethod
    def of(cls, root: Path, project: ProjectModel, plan: Plan) -> WatchedPaths:
        """Return what a run of the plan depends on, except what its own steps produce."""
        commands = [project.commands[name] for name in plan.commands]
        outputs = dict.fromkeys(path for command in commands for path in command.all_outputs)
        deps = dict.fromkeys(dep for command in commands for dep in command.deps)
        kept = (dep for dep in deps if not any(inside(dep, output) for output in outputs))
        return cls(root, (FILE, *project.dotenv, *project.env_files), tuple(kept), tuple(outputs))

    @property
    def size(self) -> int:
        return len(self.files) + len(self.deps)

    # -- the state on the disk ----------------------------------------------------------------------------------------

    def state_of_files(self) -> dict[str, Listing]:
        """Return the current state of project.yml and the files that it is read with."""
        return {path: self._listing_of_file(path) for path in (*self.files, PROJIGNORE)}

    def state(self, cancel: Cancel) -> State:
        """Return the current state of all paths. Raises Cancelled."""
        state = self.state_of_files()
        try:
            walker = Walker(self.root, cancel)
        except ProjError:  # of .projignore: the next run reports it
            return state
        for dep in self.deps:
            cancel.check()
            for path in self._matches(dep, cancel):
                state[path] = self._listing(path, walker)
        return state

    def _matches(self, dep: str, cancel: Cancel) -> Iterable[str]:
        if os.path.lexists(self.root / dep) or not is_glob(dep):
            return (dep,)
        matches = GlobWalk(self.root, dep, cancel).matches()
        return [match for match in matches if not any(inside(match, output) for output in self.outputs)]

    def _listing(self, path: str, walker: Walker) -> Listing:
        full = os.fsencode(self._full(path))
        if not os.path.isdir(full):
            return self._listing_of_file(path)
        try:
            listing = walker.walk(path, full, "dep")
        except ProjError as error:
            return [(_DIRECTLY, error.message.encode("utf-8", "replace"))]
        outputs = [output for output in self.outputs if inside(output, path)]
        if not outputs:
            return listing or [(_DIRECTLY, b"")]
        return [
            (name, packed)
            for name, packed in listing
            if not any(inside(os.path.join(path, os.fsdecode(name)), output) for output in outputs)
        ]

    def _listing_of_file(self, path: str) -> Listing:
        with suppress(OSError):
            return [(_DIRECTLY, pack_file(os.stat(self.root / path)))]
        return []

    # -- the directories to watch -------------------------------------------------------------------------------------

    def directories(self, cancel: Cancel) -> Directories:
        """Return the directories in which a change of any path shows. Raises Cancelled."""
        deep = {full for dep in self.deps for full in self._deep(dep, cancel)}
        flat = {full for path in (*self.files, *self.deps) for full in self._above(path)}
        return Directories(frozenset(flat), frozenset(deep))

    def _deep(self, dep: str, cancel: Cancel) -> Iterator[str]:
        """Yield the directories whose entire content counts."""
        base = dep_base(dep)
        is_name = base != dep and "**" not in dep and dep.count("/") == (0 if base == "." else base.count("/") + 1)
        for path in self._matches(dep, cancel) if is_name else (base,):
            full = self._full(path)
            if os.path.isdir(full):
                yield full

    def _above(self, path: str) -> Iterator[str]:
        """Yield the existing directories above a path, up to the project; above one outside, the nearest.

        For a glob, the directory that contains all matches is among them; for a link, that of what it leads to.
        """
        full, root = self._full(path), os.fspath(self.root)
        if os.path.islink(full) and os.path.isdir(target := os.path.dirname(os.path.realpath(full))):
            yield target
        above = full if (base := dep_base(path)) == path else self._full(f"{base}/*")
        while above not in (root, os.path.dirname(above)):
            above = os.path.dirname(above)
            if os.path.isdir(above):
                yield above
                if is_outside(path):
                    return

    def _full(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.root, path))


def changed_paths(before: State, now: State) -> tuple[str, ...]:
    """Return the files that changed, as paths of the project: those that appeared, vanished or were written."""
    changed: dict[str, None] = {}
    for path in (*before, *(new for new in now if new not in before)):
        old, new = before.get(path, []), now.get(path, [])
        if old != new:
            names = {name for name, _ in set(old) ^ set(new)}
            changed.update((os.path.normpath(os.path.join(path, os.fsdecode(name))), None) for name in sorted(names))
    return tuple(changed)
