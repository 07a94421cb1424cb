"""One file over HTTP, into a partial file that a later attempt, or a later process, goes on with.

Beside the partial file `NAME` lies `NAME.json`: which answer it is the beginning of. It goes on only where the server
vouches with a strong ETag that the rest belongs to the same bytes; else the file begins anew.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weaselish.errors import ProjError
from weaselish.files.atomic import write_atomically, writing

if TYPE_CHECKING:
    import httpx

PAUSES = (0.5, 2.0)  # seconds before another attempt; counted anew when bytes have come
LONGEST_PAUSE = 60.0  # that a server may ask for
TIMEOUT = 30.0  # seconds without a byte
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class Progress(Protocol):
    """Hears from one thread what is fetched."""

    def expect(self, size: int) -> None:
        """So many bytes are still to come."""
        ...

    def passed(self, size: int) -> None:
        """So many bytes more have come. Raises to give up."""
        ...


class DownloadError(ProjError):
    pass


class _MayPass(DownloadError):
    """Another attempt may do; `pause`: how long the server asked to wait."""

    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a partial file is the beginning of. The URL as a digest: it may hold a token."""

    url: str
    etag: str
    size: int


def download(url: str, partial: Path, *, shown: str, progress: Progress) -> str | None:
    """Fetch all of `url` into `partial`, going on where it ends; the ETag. `shown` is how messages call the URL.

    Raises DownloadError; what has come by then stays for the next call.
    """
    import httpx

    try:
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT, auth=_netrc(url)) as client:
            return _persistently(client, url, partial, shown, progress)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise DownloadError(f"`{shown}` cannot be fetched: {type(error).__name__}") from None


def drop_partial(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _answer_file(partial).unlink(missing_ok=True)


def _persistently(client: httpx.Client, url: str, partial: Path, shown: str, progress: Progress) -> str | None:
    failures, furthest = 0, _size(partial)
    while True:
        try:
            return _attempt(client, url, partial, shown, progress)
        except _MayPass as error:
            failures = 1 if _size(partial) > furthest else failures + 1
            furthest = max(furthest, _size(partial))
            if failures > len(PAUSES):
                raise
            _pause(max(PAUSES[failures - 1], min(error.pause, LONGEST_PAUSE)), progress)


def _attempt(client: httpx.Client, url: str, partial: Path, shown: str, progress: Progress) -> str | None:
    import httpx

    known = _known(partial, url)
    offset = _size(partial) if known else 0
    if known and offset == known.size:
        return known.etag
    headers = {"Accept-Encoding": "identity"}
    if known and offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": known.etag}
    try:
        with client.stream("GET", url, headers=headers) as answer:
            return _receive(answer, url, partial, shown, progress, known if offset else None)
    except httpx.UnsupportedProtocol:
        raise
    except httpx.TransportError as error:
        raise _MayPass(f"`{shown}` cannot be fetched: {str(error) or type(error).__name__}") from None


def _receive(
    answer: httpx.Response, url: str, partial: Path, shown: str, progress: Progress, known: _Answer | None
) -> str | None:
    """Write an answer's bytes; its ETag. `known`: what the partial file is the beginning of."""
    _check_status(answer, partial, shown)
    etag: str | None = answer.headers.get("ETag")
    offset, total = 0, _length(answer.headers)
    if answer.status_code == 206:
        offset, total = _continued(answer, partial, shown, known)
    else:
        drop_partial(partial)
        if total is not None and etag and not etag.startswith("W/"):
            described = asdict(_Answer(_digest(url), etag, total))
            with writing(f"`{partial}.json`"):
                write_atomically(_answer_file(partial), [json.dumps(described).encode()])
    if total is not None:
        progress.expect(total - offset)
    _append(answer, partial, progress)
    if total is not None and _size(partial) != total:
        raise _MayPass(f"`{shown}` ended after {_size(partial)} of {total} bytes")
    return etag


def _check_status(answer: httpx.Response, partial: Path, shown: str) -> None:
    status = answer.status_code
    if status in (200, 206):
        return
    message = f"`{shown}` cannot be fetched: the server says {status} {answer.reason_phrase}".rstrip()
    if status == 416:
        drop_partial(partial)
    if status == 416 or status in _PASSING:
        error = _MayPass(message)
        error.pause = _asked_pause(answer.headers)
        raise error
    hint = "credentials are taken from ~/.netrc, or put them into the URL as `${env.NAME}`"
    raise DownloadError(message, hint=hint if status in (401, 403) else None)


def _continued(answer: httpx.Response, partial: Path, shown: str, known: _Answer | None) -> tuple[int, int]:
    """Where a partial answer begins and how large the whole is, if it is the one that was asked for."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    is_same = known and answer.headers.get("ETag") in (None, known.etag)
    if known and found and is_same and (int(found[1]), int(found[2])) == (_size(partial), known.size):
        return _size(partial), known.size
    drop_partial(partial)
    raise _MayPass(f"`{shown}` cannot be fetched: the server sent another part than was asked for")


def _append(answer: httpx.Response, partial: Path, progress: Progress) -> None:
    with writing(f"`{partial}`"), open(partial, "ab") as file:
        for chunk in answer.iter_raw():
            file.write(chunk)
            progress.passed(len(chunk))


def _known(partial: Path, url: str) -> _Answer | None:
    try:
        answer = _Answer(**json.loads(_answer_file(partial).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return answer if answer.url == _digest(url) and _size(partial) <= answer.size else None


def _answer_file(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _digest(url: str) -> str:
    return sha256(url.encode("utf-8", "surrogateescape")).hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _asked_pause(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _pause(seconds: float, progress: Progress) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        progress.passed(0)
        time.sleep(min(left, 0.2))


def _netrc(url: str) -> httpx.Auth | None:
    """Credentials as other tools find them, unless the URL holds some."""
    import netrc

    import httpx

    if httpx.URL(url).userinfo:
        return None
    with suppress(OSError, netrc.NetrcParseError):
        return httpx.NetRCAuth()
    return None
