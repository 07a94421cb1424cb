"""What the lock files of a project name: in the working tree, and in every branch and tag."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from weaselish.errors import ProjError
from weaselish.named_tuple import NamedTuple
from weaselish.plan.record import Record
from weaselish.records.lockfile import FILE
from weaselish.sources.git_process import GitError, run_git
from weaselish.workspace import Workspace

_DIGEST = re.compile(r"\b[0-9a-f]{32,64}(?:\.dir)?")


class Refs(enum.Enum):
    """Whose lock files protect what they name, besides that of the working tree."""

    ALL = "all"  # local and remote-tracking branches, and tags
    BRANCHES = "branches"  # local and remote-tracking branches
    NONE = "none"

    @property
    def patterns(self) -> tuple[str, ...]:
        return {
            Refs.ALL: ("refs/heads", "refs/remotes", "refs/tags"),
            Refs.BRANCHES: ("refs/heads", "refs/remotes"),
            Refs.NONE: (),
        }[self]


class Protected(NamedTuple):
    """The digests and keys that lock files name, and the keys of the records that snapshots name."""

    names: frozenset[str]
    records: frozenset[str] = frozenset()

    def covers(self, key: str, outputs: list[tuple[str, str]]) -> bool:
        """Return whether lock files name a run: its key, or the digests of all of its outputs."""
        return key in self.names or all(digest in self.names for _, digest in outputs)


def protected(workspace: Workspace, refs: Refs) -> Protected:
    """Return what lock files name. Raises GitError if git cannot read one, and ProjError.

    Every text in a lock file that looks like a digest counts, so that other versions and Weasel's are understood, too.
    """
    names = set(_current(workspace))
    for text in _locks_in_git(workspace, refs):
        names.update(_DIGEST.findall(text))
    return Protected(frozenset(names))


def _current(workspace: Workspace) -> Iterator[str]:
    """Yield what project.lock and the journals of the working tree name."""
    yield from _DIGEST.findall(_lock_text(workspace))
    for name in workspace.project.commands:
        for record in workspace.records.last(name):
            if isinstance(record, Record):
                yield record.fingerprint.key
                yield from (output.digest for output in record.all_outputs)


def _lock_text(workspace: Workspace) -> str:
    """Return project.lock, empty without one. Raises ProjError if it cannot be read: what it names is not known."""
    try:
        return (workspace.root / FILE).read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        hint = "without it, gc cannot tell what is needed: make it readable, or delete it"
        raise ProjError(f"`{FILE}` cannot be read: {error.strerror or error}", hint=hint) from None


def _locks_in_git(workspace: Workspace, refs: Refs) -> Iterator[str]:
    """Yield the content of project.lock in each ref; nothing outside of a repository."""

    def git(*words: str) -> str:
        return run_git(words, cwd=workspace.root, cancel=workspace.cancel, settings={})

    if not refs.patterns:
        return
    try:
        prefix = git("rev-parse", "--show-prefix").strip()
    except GitError:
        if any((directory / ".git").exists() for directory in (workspace.root, *workspace.root.parents)):
            raise
        return
    seen: set[str] = set()
    for ref in git("for-each-ref", "--format=%(refname)", *refs.patterns).split():
        blob = git("ls-tree", "--full-tree", "--format=%(objectname)", ref, "--", f"{prefix}{FILE}").strip()
        if blob and blob not in seen:
            seen.add(blob)
            yield git("cat-file", "blob", blob)
