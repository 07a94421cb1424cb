"""A file, directory or all of a git repository, at a branch, tag or commit, by the user's own git and credentials."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weaselish.errors import ProjError, UnsafePath, near_match
from weaselish.files.swap import remove

# what git exports to hooks: it would lead to another repository than the one meant
_OF_ANOTHER = re.compile("GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR)")
_SETTINGS = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "advice.detachedHead=false"),
)
_NO_NEWS = re.compile(
    r"\W*$|Warning: |Cloning into|Could not read from remote|Please make sure|and the repository exists"
)


class GitError(ProjError):
    pass


class UnknownPath(ProjError):
    """The repository was reached, and does not hold what was asked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to take from where. `ref`: a branch, tag or commit; None is the repository's default branch."""

    repo: str  # as git is to be given it
    path: str = ""  # "": all
    ref: str | None = None
    shown: str = ""  # the repository, for messages: without secrets
    cwd: Path = Path()  # what a repository's relative path counts from


@dataclass(frozen=True, slots=True)
class CheckedOut:
    path: Path
    commit: str


def check_out(source: Source, place: Path, *, sparse: bool = False, alive: Callable[[], None]) -> CheckedOut:
    """What `source` names, made in `place`, an empty directory: without `.git`, and without links that lead out of it.

    Only the commit is fetched, not its history; with `sparse`, of a server that can, only the files below the path.
    `alive` is called now and then, and raises to give up. Raises GitError, UnknownPath, UnsafePath.
    """
    repository = _Repository(source, place / "repository", alive)
    ref = repository.find_ref()
    if sparse:
        with suppress(GitError, UnsafePath):
            return repository.check_out(ref, sparse=True)
        remove(place / "repository")
    return repository.check_out(ref, sparse=False)


def without_secrets(text: str) -> str:
    """A text without user, password and query of the URLs in it; for ssh the user, which is no secret, stays."""
    text = re.sub(r"(?<!ssh)://[^/\s]*@", "://", text)
    text = re.sub(r"(?<=ssh://)([^/\s:@]*):[^/\s]*(?=@)", r"\1", text)
    return re.sub(r"(://[^\s?'`]*)\?[^\s'`]*", r"\1", text)


class _Repository:
    def __init__(self, source: Source, directory: Path, alive: Callable[[], None]) -> None:
        self._source = source
        self._shown = source.shown or without_secrets(source.repo)
        self._directory = directory
        self._alive = alive

    def check_out(self, ref: str, *, sparse: bool) -> CheckedOut:
        self._directory.mkdir()
        self._git("init", "--quiet", "--template=")
        self._git("config", "remote.origin.url", self._address())
        commit = self._fetch(ref, ("--filter=blob:none",) if sparse else ())
        path = self._source.path
        self._check_path(commit, path)
        sparsely: tuple[str, ...] = ()
        if sparse and path:
            patterns = self._directory / ".git/info/sparse-checkout"
            patterns.parent.mkdir(exist_ok=True)
            patterns.write_text("/" + re.sub(r"([\\*?\[\] ])", r"\\\1", path) + "\n", "utf-8", "surrogateescape")
            sparsely = ("-c", "core.sparseCheckout=true")
        self._git(*sparsely, "checkout", "--quiet", "--detach", commit)
        remove(self._directory / ".git")
        return CheckedOut(_settled(self._directory, path, self._shown), commit)

    def _address(self) -> str:
        """The address as it was written; a relative path counts from where the user meant it."""
        there = self._source.cwd / self._source.repo
        return str(there.absolute()) if there.exists() else self._source.repo

    def find_ref(self) -> str:
        """The full name of what to fetch, or a commit as it was given. Raises GitError."""
        wanted = self._source.ref
        names = ["HEAD"] if wanted is None else [f"refs/heads/{wanted}", f"refs/tags/{wanted}", wanted]
        listing = self._git("ls-remote", "--quiet", "--", self._address(), *names, cwd=self._source.cwd)
        found = {line.partition("\t")[2] for line in listing.splitlines()}
        for name in names:
            if name in found and (name == "HEAD" or name.startswith("refs/")):
                return name
        if wanted is None:
            raise GitError(f"`{self._shown}` has no default branch", hint="name a branch, tag or commit")
        if not re.fullmatch(r"[0-9a-fA-F]{4,64}", wanted):
            raise self._no_ref(wanted)
        return wanted

    def _no_ref(self, wanted: str) -> GitError:
        listing = self._git("ls-remote", "--quiet", "--heads", "--tags", "--", self._address(), cwd=self._source.cwd)
        names = [line.partition("\t")[2].split("/", 2)[-1] for line in listing.splitlines()]
        close = near_match(wanted, names)
        hint = f"did you mean `{close}`?" if close else None
        return GitError(f"`{self._shown}` has no branch, tag or commit `{wanted}`", hint=hint)

    def _fetch(self, ref: str, options: tuple[str, ...]) -> str:
        """The commit, fetched: alone where the server can, else with all history."""
        is_commit = not ref.startswith("refs/") and ref != "HEAD"
        if not is_commit or len(ref) in (40, 64):
            for depth in (("--depth", "1"), ()):
                try:
                    self._git("fetch", "--quiet", "--no-tags", *depth, *options, "origin", ref)
                    return self._git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
                except GitError:
                    if not (depth or is_commit):
                        raise
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        self._git("fetch", "--quiet", "--update-head-ok", *options, "origin", *everything)
        try:
            return self._git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()
        except GitError:
            raise self._no_ref(ref) from None

    def _check_path(self, commit: str, path: str) -> None:
        if not path:
            return
        found = self._git("ls-tree", "-z", commit, "--", path)
        if not found:
            known = self._git("ls-tree", "-r", "-t", "-z", "--name-only", commit).split("\0")
            close = near_match(path, known)
            hint = f"did you mean `{close}`?" if close else None
            raise UnknownPath(f"there is no `{path}` in `{self._shown}`", hint=hint)
        if found.startswith("160000"):
            raise UnknownPath(f"`{path}` in `{self._shown}` is a submodule", hint="name the submodule's own repository")

    def _git(self, *words: str, cwd: Path | None = None) -> str:
        env = {name: text for name, text in os.environ.items() if not _OF_ANOTHER.fullmatch(name)}
        try:
            process = subprocess.Popen(
                ["git", *_SETTINGS, *words],
                cwd=cwd or self._directory,
                env={**env, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise GitError("git is not installed, or not on the PATH") from None
        out, err = self._ended(process)
        if process.returncode:
            raise self._error(err.decode("utf-8", "replace"))
        return out.decode("utf-8", "surrogateescape")

    def _ended(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        with process:
            try:
                while True:
                    self._alive()
                    try:
                        return process.communicate(timeout=0.2)
                    except subprocess.TimeoutExpired:
                        continue
            except BaseException:
                process.terminate()
                raise

    def _error(self, told: str) -> GitError:
        if self._source.repo != self._shown:
            for text in (self._source.repo, without_secrets(self._source.repo)):
                told = told.replace(text, self._shown)
        told = without_secrets(told)
        lines = [re.sub(r"^(fatal|error|remote): *", "", line) for line in told.splitlines() if line.strip()]
        reasons = [line for line in lines if line and not _NO_NEWS.match(line)] or lines or ["it says nothing"]
        return GitError(f"git cannot fetch from `{self._shown}`: {reasons[0]}")


def _settled(repository: Path, path: str, shown: str) -> Path:
    """`path` in a working tree, each link in it that leads elsewhere in the repository replaced by what it leads to."""
    top = Path(os.path.realpath(repository))
    content = _led_to(top / path, top, shown)
    for link in _links(content):
        if not os.path.isabs(os.readlink(link)) and Path(os.path.realpath(link)).is_relative_to(content):
            continue
        target = _led_to(link, top, shown)
        if content.is_relative_to(target) or any(_links(target)):
            raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` leads to a directory that holds links")
        link.unlink()
        (shutil.copytree if target.is_dir() else shutil.copy)(target, link)
    return content


def _led_to(link: Path, top: Path, shown: str) -> Path:
    real = Path(os.path.realpath(link))
    if not real.is_relative_to(top):
        raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` is a link that leads out of the repository")
    if not real.exists():
        raise UnsafePath(f"`{link.relative_to(top)}` in `{shown}` is a link to something that is not there")
    return real


def _links(directory: Path) -> Iterator[Path]:
    for at, directories, files in os.walk(directory):
        yield from (path for name in (*directories, *files) if (path := Path(at, name)).is_symlink())
