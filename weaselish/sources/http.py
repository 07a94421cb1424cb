"""Downloads one file over HTTP into a partial file, which a later attempt or process continues.

Beside the partial file `NAME` is `NAME.json`, which describes the response that the file is the beginning of. A
download continues only if a strong ETag proves that the rest belongs to the same bytes. Otherwise it starts over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.strict_json import read_json_file
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    import httpx

PAUSES = (0.5, 2.0)  # seconds before another attempt; counted anew after progress
LONGEST_PAUSE = 60.0  # that a server may ask for
TIMEOUT = 30.0  # seconds without a byte
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
# the third part of a GitHub path that does not show a file
_NO_FILE_PAGES = {"raw", "releases", "archive", "zipball", "tarball", "suites", "actions"}


class Progress(Protocol):
    """Receives the progress of one download. Called by one thread."""

    def expect(self, size: int) -> None:
        """Announce that `size` bytes are still to come."""
        ...

    def passed(self, size: int) -> None:
        """Count `size` bytes more as downloaded."""
        ...


class DownloadError(ProjError):
    """A URL cannot be downloaded.

    Cure: open the URL in a browser; correct it, or log in where the hint says so.
    """


class _Transient(DownloadError):
    """A failure that another attempt may not meet. The server asked for `pause` seconds before it."""

    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class _Response:
    """Describes the response that a partial file is the beginning of. The URL is a digest: it may hold a token."""

    url: str
    etag: str
    size: int


class _Download(NamedTuple):
    """One download: its address, its name in messages, and where its bytes go."""

    url: str
    shown: str
    partial: Path
    progress: Progress
    cancel: Cancel


def download(url: str, partial: Path, *, shown: str, progress: Progress, cancel: Cancel) -> str | None:
    """Download `url` into `partial`, continuing at its end, and return the ETag. Messages call the URL `shown`.

    Raises DownloadError. The bytes received so far stay for the next call.
    """
    import httpx

    task = _Download(url, shown, partial, progress, cancel)
    try:
        with httpx.Client(follow_redirects=True, timeout=TIMEOUT, auth=_netrc(url)) as client:
            return _with_retries(client, task)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise DownloadError(f"cannot fetch `{shown}`: {type(error).__name__}") from None


def drop_partial(partial: Path) -> None:
    """Delete a partial file and its description."""
    partial.unlink(missing_ok=True)
    _description(partial).unlink(missing_ok=True)


def raw_url(url: str) -> str:
    """Return the raw address of a file whose page on GitHub `url` names. Any other URL is returned unchanged."""
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if parts.hostname not in ("github.com", "www.github.com") or len(path) < 4 or path[2] in _NO_FILE_PAGES:
        return url
    kept = path[:2] + (path[3:] if path[2] in ("blob", "tree") else path[2:])
    return parts._replace(netloc="raw.githubusercontent.com", path="/" + "/".join(kept)).geturl()


def _with_retries(client: httpx.Client, task: _Download) -> str | None:
    failures, furthest = 0, _size(task.partial)
    while True:
        try:
            return _attempt(client, task)
        except _Transient as error:
            failures = 1 if _size(task.partial) > furthest else failures + 1
            furthest = max(furthest, _size(task.partial))
            if failures > len(PAUSES):
                raise
            task.cancel.sleep(max(PAUSES[failures - 1], min(error.pause, LONGEST_PAUSE)))


def _attempt(client: httpx.Client, task: _Download) -> str | None:
    import httpx

    begun = _begun(task)
    offset = _size(task.partial) if begun else 0
    if begun and offset == begun.size:
        return begun.etag
    headers = {"Accept-Encoding": "identity"}
    if begun and offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": begun.etag}
    task.cancel.check()
    try:
        with client.stream("GET", task.url, headers=headers) as response:
            return _receive(response, task, begun if offset else None)
    except httpx.UnsupportedProtocol:
        raise
    except httpx.TransportError as error:
        raise _Transient(f"cannot fetch `{task.shown}`: {str(error) or type(error).__name__}") from None


def _receive(response: httpx.Response, task: _Download, begun: _Response | None) -> str | None:
    """Write the bytes of a response and return its ETag. `begun` describes what the partial file starts with."""
    _check_status(response, task)
    task.cancel.check()
    etag: str | None = response.headers.get("ETag")
    offset, total = 0, _length(response.headers)
    if response.status_code == 206:
        offset, total = _continued(response, task, begun)
    else:
        drop_partial(task.partial)
        if total is not None and etag and not etag.startswith("W/"):
            _describe(task.partial, _Response(_digest(task.url), etag, total))
    if total is not None:
        task.progress.expect(total - offset)
    _append(response, task)
    if total is not None and _size(task.partial) != total:
        raise _Transient(f"`{task.shown}` ended after {_size(task.partial)} of {total} bytes")
    return etag


def _check_status(response: httpx.Response, task: _Download) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    message = f"cannot fetch `{task.shown}`: the server answered {status} {response.reason_phrase}".rstrip()
    if status == 416:
        drop_partial(task.partial)
    if status == 416 or status in _TRANSIENT:
        error = _Transient(message)
        error.pause = _requested_pause(response.headers)
        raise error
    hint = "put credentials into ~/.netrc, or into the URL as `${env.NAME}`"
    raise DownloadError(message, hint=hint if status in (401, 403) else None)


def _continued(response: httpx.Response, task: _Download, begun: _Response | None) -> tuple[int, int]:
    """Return the offset and total size of a partial response. Raises _Transient if it is not the requested part."""
    content = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    is_same = begun and response.headers.get("ETag") in (None, begun.etag)
    if begun and content and is_same and (int(content[1]), int(content[2])) == (_size(task.partial), begun.size):
        return _size(task.partial), begun.size
    drop_partial(task.partial)
    raise _Transient(f"cannot fetch `{task.shown}`: the server sent another part than requested")


def _append(response: httpx.Response, task: _Download) -> None:
    with writing(f"`{task.partial}`"), open(task.partial, "ab") as file:
        for chunk in response.iter_raw():
            task.cancel.check()  # before the write: another process may continue this file once we are cancelled
            file.write(chunk)
            task.progress.passed(len(chunk))


def _begun(task: _Download) -> _Response | None:
    """Return the description of the partial file, if it can be continued from this URL."""
    try:
        response = _Response(**read_json_file(_description(task.partial)))
    except (OSError, ValueError, TypeError):
        return None
    return response if response.url == _digest(task.url) and _size(task.partial) <= response.size else None


def _describe(partial: Path, response: _Response) -> None:
    with writing(f"`{partial}.json`"):
        write_atomically(_description(partial), [json.dumps(asdict(response)).encode()])


def _description(partial: Path) -> Path:
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


def _requested_pause(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _netrc(url: str) -> httpx.Auth | None:
    """Return the credentials of ~/.netrc, as other tools use them, unless the URL holds some."""
    import netrc

    import httpx

    if httpx.URL(url).userinfo:
        return None
    with suppress(OSError, netrc.NetrcParseError):
        return httpx.NetRCAuth()
    return None
