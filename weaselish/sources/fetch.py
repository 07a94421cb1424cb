"""What an asset is fetched from, beside HTTP and git, its checksum, and the note of what was fetched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from weaselish.compat import weasel
from weaselish.errors import ProjError, UnsafePath
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.hashing import BLOCK
from weaselish.files.state_dir import STATE
from weaselish.model.project import Asset
from weaselish.sources.git import without_secrets
from weaselish.sources.http import Progress

_FORMAT = 1
# the third part of the path of a page on GitHub that is no page of a file
_NO_PAGES = {"raw", "releases", "archive", "zipball", "tarball", "suites", "actions"}


class WrongChecksum(ProjError):
    pass


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched to `dest`: kept as `.proj/assets/….json`. Its texts hold no secret."""

    dest: str
    source: str  # digest of what project.yml said
    origin: str  # the URL or repository, for people
    digest: str  # of what came, as of a dep
    algorithm: str
    size: int
    checksum: str | None = None  # that it was found to have
    etag: str | None = None
    commit: str | None = None


def source_of(asset: Asset) -> str:
    git = asset.git
    said = [asset.url] if git is None else [git.repo, git.path, git.branch]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def keep_fetched(root: Path, fetched: Fetched) -> None:
    file = _file(root, fetched.dest, ".json")
    with writing(f"`{file}`"):
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, [json.dumps({"format": _FORMAT, **asdict(fetched)}, indent=2).encode()])


def last_fetched(root: Path, dest: str) -> Fetched | None:
    """What was fetched to `dest` last; None if nothing, or if that cannot be read."""
    try:
        data = json.loads(_file(root, dest, ".json").read_bytes())
        return Fetched(**data) if data.pop("format") == _FORMAT else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def partial_file(root: Path, dest: str) -> Path:
    """Where a download to `dest` grows, from one process to the next."""
    file = _file(root, dest, ".part")
    with writing(f"`{file.parent}`"):
        file.parent.mkdir(exist_ok=True)
    return file


def _file(root: Path, dest: str, suffix: str) -> Path:
    name = hashlib.md5(dest.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return root / STATE / "assets" / f"{name}{suffix}"


# -- checksums ---------------------------------------------------------------------------------------------------------


def has_checksum(path: Path, checksum: str) -> bool:
    return _checksum(path, checksum) == checksum


def check_checksum(path: Path, checksum: str) -> None:
    """Raises WrongChecksum."""
    found = _checksum(path, checksum)
    if found != checksum:
        raise WrongChecksum(f"its checksum is wrong: expected {checksum}, found {found}")


def _checksum(path: Path, like: str) -> str | None:
    """The checksum of the kind of `like`; the MD5 of a directory is that of Weasel."""
    try:
        if not like.startswith("sha256:"):
            return weasel.digest(path)
        if path.is_dir():
            raise WrongChecksum("`sha256:` is for files, and this is a directory", hint="give an MD5, as Weasel does")
        with open(path, "rb", buffering=0) as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProjError(f"`{path}` cannot be read: {error.strerror}") from None


# -- sources -----------------------------------------------------------------------------------------------------------


def scheme_of(url: str) -> str:
    """The URL's scheme in lower case; `file` for a path."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else "file"


def raw_url(url: str) -> str:
    """The URL of the bytes of a file, for that of the page that GitHub shows of it; any other URL as it is."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if parts.hostname not in ("github.com", "www.github.com") or len(path) < 4 or path[2] in _NO_PAGES:
        return url
    kept = path[:2] + (path[3:] if path[2] in ("blob", "tree") else path[2:])
    return parts._replace(netloc="raw.githubusercontent.com", path="/" + "/".join(kept)).geturl()


def copy_local(url: str, root: Path, to: Path, *, target: Path) -> None:
    """Copy the file or directory that `url` names, a path from `root` or a `file://` URL, to `to`.

    Links count as what they lead to. `target`: where the copy is meant for.
    """
    source = Path(os.path.realpath(root / _local_path(url)))
    where = Path(os.path.realpath(target.parent), target.name)
    if source.is_relative_to(where) or where.is_relative_to(source):
        raise UnsafePath(f"`{url}` and where it is to be copied lie in one another")
    if not source.exists():
        raise ProjError(f"`{url}` is not there", hint="a path counts from the project's directory")
    try:
        if source.is_dir():
            shutil.copytree(source, to)
        else:
            shutil.copy(source, to)
    except OSError as error:  # shutil.Error too, which has no strerror
        raise ProjError(f"`{url}` cannot be copied: {error.strerror or 'not all of it can be read'}") from None


def _local_path(url: str) -> str:
    if "://" not in url:
        return url
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise ProjError(f"`{parts.netloc}` cannot be the host of a `file://` URL", hint="write `file:///` and the path")
    return unquote(parts.path)


def write_chunks(chunks: Iterable[bytes], to: Path, progress: Progress) -> None:
    with writing(f"`{to}`"), open(to, "xb", buffering=0) as file:
        for chunk in chunks:
            file.write(chunk)
            progress.passed(len(chunk))


def read_anything(url: str, *, shown: str) -> Iterator[bytes]:
    """The bytes at a URL of whatever scheme fsspec knows."""
    scheme = scheme_of(url)
    try:
        import fsspec
    except ModuleNotFoundError:
        hint = f"pip install fsspec, with what it needs for `{scheme}://`"
        raise ProjError(
            f"`{shown}`: `{scheme}://` needs a library that is not installed (`fsspec`)", hint=hint
        ) from None
    try:
        with fsspec.open(url, "rb") as file:
            while block := file.read(BLOCK):
                yield block
    except ImportError as error:
        needed = f" (`{error.name}`)" if error.name else ""
        hint = f"pip install what fsspec needs for `{scheme}://`"
        raise ProjError(f"`{shown}` needs a library that is not installed{needed}", hint=hint) from None
    except Exception as error:  # noqa: BLE001 - each of its file systems raises errors of its own
        told = without_secrets(str(error).replace(url, shown)).strip()
        raise ProjError(f"`{shown}` cannot be fetched: {told or type(error).__name__}") from None
