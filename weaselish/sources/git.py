"""A file, a directory or all of a git repository at a branch, tag or commit, fetched by the user's own git."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError, UnsafePath, listed, near_match
from weaselish.files.remove import remove
from weaselish.files.state_dir import STATE
from weaselish.sources.git_links import resolve_links
from weaselish.sources.git_process import GitError, run_git
from weaselish.sources.masking import mask_url_secrets

__all__ = ["CheckedOut", "GitError", "Source", "UnknownPath", "check_out", "latest_commit"]

_REMOTE = "proj-source"  # in no user's configuration
_DEFAULTS = ("HEAD", "refs/heads/main", "refs/heads/master")
_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")
_NO_FILTERS = "* -filter\n"  # in info/attributes: nothing like LFS runs
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER = 1024  # bytes
_SUBMODULE = "160000"


class UnknownPath(ProjError):
    """The repository was reached, and does not have the requested path.

    Cure: correct `path:` or `branch:` of the asset.
    """


@dataclass(frozen=True, slots=True)
class Source:
    """What to take from which repository. `ref`: a branch, tag or commit; None is the default branch."""

    repo: str  # as git needs it
    path: str = ""  # "": all
    ref: str | None = None
    shown: str = ""  # the repository as messages show it, without secrets
    cwd: Path = Path()  # a relative path of a repository starts here


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """`lfs_pointers`: files that only point to content on an LFS server, relative to `path`."""

    path: Path
    commit: str
    lfs_pointers: tuple[str, ...] = ()


def check_out(source: Source, place: Path, *, sparse: bool = False, cancel: Cancel) -> CheckedOut:
    """Put what `source` names into `place`, an empty directory: no `.git`, no link that leads out of it.

    Fetches only the commit, not its history. With `sparse`, fetches only the files below the path if the server can.
    Raises GitError, UnknownPath, UnsafePath.
    """
    repository = _Repository(source, place / "repository", cancel)
    ref = repository.find_ref()
    if sparse:
        with suppress(GitError, UnsafePath):
            return repository.check_out(ref, sparse=True)
        remove(place / "repository")
    return repository.check_out(ref, sparse=False)


def latest_commit(source: Source, *, cancel: Cancel) -> str | None:
    """Ask the server which commit `source` names now. None if `ref` is a commit, which never changes."""
    return _Repository(source, source.cwd, cancel).find_ref().commit


@dataclass(frozen=True, slots=True)
class _Ref:
    """What to fetch: the full name of a branch or tag with its commit, or a commit id as written."""

    name: str
    commit: str | None = None

    @property
    def object_format(self) -> str:
        return "sha256" if len(self.commit or self.name) == 64 else "sha1"


class _Repository:
    def __init__(self, source: Source, directory: Path, cancel: Cancel) -> None:
        self._source = source
        self._shown = source.shown or mask_url_secrets(source.repo)
        self._directory = directory
        self._cancel = cancel

    def check_out(self, ref: _Ref, *, sparse: bool) -> CheckedOut:
        self._directory.mkdir()
        self._git("init", "--quiet", "--template=", f"--object-format={ref.object_format}")
        self._git("config", f"remote.{_REMOTE}.url", self._address())
        self._write_info("attributes", _NO_FILTERS)
        commit = self._fetch(ref, ("--filter=blob:none",) if sparse else ())
        path = self._source.path
        self._check_path(commit, path)
        settings = {}
        if sparse and path:
            self._write_info("sparse-checkout", "/" + re.sub(r"([\\*?\[\] ])", r"\\\1", path) + "\n")
            settings = {"core.sparseCheckout": "true"}
        self._git("checkout", "--quiet", "--detach", commit, settings=settings)
        remove(self._directory / ".git")
        for state in list(self._directory.rglob(STATE)):  # of a nested project: runs that never happened here
            remove(state)
        content = resolve_links(self._directory, path, self._shown)
        return CheckedOut(content, commit, tuple(_lfs_pointers(content)))

    def _write_info(self, name: str, text: str) -> None:
        file = self._directory / ".git/info" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8", "surrogateescape")

    def _address(self) -> str:
        """Return the address as written. A relative path is made absolute from where the user wrote it."""
        local = self._source.cwd / self._source.repo
        return str(local.absolute()) if local.exists() else self._source.repo

    def find_ref(self) -> _Ref:
        """Find what to fetch. Raises GitError if the repository does not have it."""
        name = self._source.ref
        candidates = _DEFAULTS if name is None else (f"refs/heads/{name}", f"refs/tags/{name}")
        refs = self._refs(*candidates)
        for candidate in candidates:
            if candidate in refs:
                return _Ref(candidate, refs.get(f"{candidate}^{{}}", refs[candidate]))
        if name is None:
            raise self._no_default()
        if not _COMMIT.fullmatch(name):
            raise self._no_ref(name)
        return _Ref(name)

    def _refs(self, *words: str) -> dict[str, str]:
        """Ask the server for refs: name -> commit. An annotated tag has a second name, `TAG^{}`, for its commit."""
        patterns = [pattern for word in words for pattern in ((word,) if word == "HEAD" else (word, f"{word}^{{}}"))]
        listing = self._git("ls-remote", "--quiet", "--", self._address(), *patterns, cwd=self._source.cwd)
        return {name: commit for commit, _, name in (line.partition("\t") for line in listing.splitlines())}

    def _names(self) -> list[str]:
        """Ask the server for all branches and tags, branches first."""
        refs = [name for name in self._refs() if name.startswith(("refs/heads/", "refs/tags/"))]
        return [name.split("/", 2)[-1] for name in sorted(refs) if not name.endswith("^{}")]

    def _no_default(self) -> GitError:
        names = self._names()
        if not names:
            return GitError(f"`{self._shown}` is empty: no branch was pushed to it yet")
        return GitError(f"`{self._shown}` has no default branch", hint=f"name a branch or tag: {listed(names)}")

    def _no_ref(self, name: str) -> GitError:
        names = self._names()
        close = near_match(name, names)
        hint = f"did you mean `{close}`?" if close else f"it has {listed(names)}" if names else None
        return GitError(f"`{self._shown}` has no branch, tag or commit `{name}`", hint=hint)

    def _fetch(self, ref: _Ref, options: tuple[str, ...]) -> str:
        """Fetch the commit, alone if the server can do that, else with all history. Return its full id."""
        is_commit = ref.commit is None
        if not is_commit or len(ref.name) in (40, 64):
            for depth in (("--depth", "1"), ()):
                try:
                    self._git("fetch", "--quiet", "--no-tags", *depth, *options, _REMOTE, ref.name)
                    return self._git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
                except GitError:
                    if not (depth or is_commit):
                        raise
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        self._git("fetch", "--quiet", "--update-head-ok", *options, _REMOTE, *everything)
        try:
            return self._git("rev-parse", "--verify", f"{ref.name}^{{commit}}").strip()
        except GitError:
            raise self._no_ref(ref.name) from None

    def _check_path(self, commit: str, path: str) -> None:
        if not path:
            return
        entry = self._git("ls-tree", "-z", commit, "--", path)
        if not entry:
            paths = self._git("ls-tree", "-r", "-t", "-z", "--name-only", commit).split("\0")
            close = near_match(path, paths)
            hint = f"did you mean `{close}`?" if close else None
            raise UnknownPath(f"there is no `{path}` in `{self._shown}`", hint=hint)
        if entry.startswith(_SUBMODULE):
            raise UnknownPath(f"`{path}` in `{self._shown}` is a submodule", hint="name the submodule's own repository")

    def _git(self, *words: str, cwd: Path | None = None, settings: Mapping[str, str] | None = None) -> str:
        own = {"safe.directory": str(self._directory)} if cwd is None else {}
        try:
            return run_git(words, cwd=cwd or self._directory, cancel=self._cancel, settings={**own, **(settings or {})})
        except GitError as error:
            raise GitError(f"git cannot fetch from `{self._shown}`: {self._masked(error.message)}") from None

    def _masked(self, text: str) -> str:
        if self._source.repo != self._shown:
            for secret in (self._source.repo, mask_url_secrets(self._source.repo)):
                text = text.replace(secret, self._shown)
        return mask_url_secrets(text)


def _lfs_pointers(content: Path) -> list[str]:
    """Find the files that are Git LFS pointers."""
    files = [content] if content.is_file() else [Path(at, name) for at, _, names in os.walk(content) for name in names]
    return sorted(str(file.relative_to(content)) for file in files if _is_lfs_pointer(file))


def _is_lfs_pointer(file: Path) -> bool:
    if file.is_symlink() or file.stat().st_size > _LARGEST_POINTER:
        return False
    with open(file, "rb") as opened:
        return opened.read(len(_LFS_POINTER)) == _LFS_POINTER
