"""A fake of Artifactory on loopback, written from the vendor's documentation of its REST API and from public reports.

It is not Artifactory: no such server can be installed for the tests. What it does not know is not proven by it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

from http_server import http_server

READ, DEPLOY, DELETE = "read", "deploy", "delete"
ALL = frozenset({READ, DEPLOY, DELETE})
USER, PASSWORD, TOKEN, API_KEY = "ada", "pass:wörd", "t0ken-of-ada", "AKCp-key-of-ada"
READER_TOKEN, DEPLOYER_TOKEN = "t0ken-of-a-reader", "t0ken-of-a-deployer"
PRO_ONLY = "This REST API is available only in Artifactory Pro (see: jfrog.com/artifactory/features)."
BLOCK = 1 << 18

Reply = Callable[[], None]  # sends the answer


@dataclass(frozen=True, slots=True)
class Blob:
    data: bytes
    modified: datetime
    sha1: str
    sha256: str
    md5: str

    @staticmethod
    def of(data: bytes) -> Blob:
        now = datetime.now(UTC)
        sha1, md5 = hashlib.sha1(data).hexdigest(), hashlib.md5(data).hexdigest()
        return Blob(data, now, sha1, hashlib.sha256(data).hexdigest(), md5)

    @property
    def time(self) -> str:
        return self.modified.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Fake:
    """What the server holds, what each login may do, and which requests fail."""

    port: int = 0
    is_pro: bool = True
    anonymous: frozenset[str] = frozenset()  # what users without a login may do
    repositories: dict[str, dict[str, Blob]] = field(default_factory=lambda: {"ml-models": {}, "other": {}})
    requests: list[str] = field(default_factory=list)  # method, path and whether by checksum
    logins: list[str] = field(default_factory=list)  # what `Authorization` or the key's header held
    failures: list[tuple[str, int]] = field(default_factory=list)  # method and status of the next failures
    lost_answers: int = 0  # so many writes are stored, and the connection is cut instead of an answer
    cuts: list[int] = field(default_factory=list)  # the next downloads end after so many bytes
    message: str = "as the test wanted"  # of failures
    page: bytes = b""  # what a proxy answers to everything, with status 200
    drops_headers: bool = False  # a proxy drops `X-Checksum-Deploy`
    has_ranges: bool = True
    damages: int = 0  # so many bodies are damaged on their way
    redirect: str = ""  # where downloads are redirected to
    lock: threading.RLock = field(default_factory=threading.RLock)

    def url(self, path: str = "ml-models") -> str:
        return f"artifactory+http://127.0.0.1:{self.port}/artifactory/{path}"

    def keys(self, repository: str = "ml-models") -> list[str]:
        return sorted(self.repositories[repository])

    def rights(self, headers: Message) -> frozenset[str] | None:
        """Return what the login of a request may do, None if it is wrong."""
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        basic_token = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        logins = {
            **dict.fromkeys((f"Basic {basic}", f"Basic {basic_token}", f"Bearer {TOKEN}", API_KEY), ALL),
            f"Bearer {READER_TOKEN}": frozenset({READ}),
            f"Bearer {DEPLOYER_TOKEN}": frozenset({READ, DEPLOY}),
        }
        login = headers.get("Authorization") or headers.get("X-JFrog-Art-Api") or ""
        self.logins.append(login)
        return logins.get(login) if login else self.anonymous


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_DELETE(self) -> None:
        self._serve(self._delete)

    def do_POST(self) -> None:
        self._serve(self._post)

    def _serve(self, method: Callable[[list[str]], Reply]) -> None:
        self.body = self._read_body()
        if self.body is None:
            return
        if self.fake.page:
            self._send(200, self.fake.page, {"Content-Type": "text/html"})
            return
        if self.fake.drops_headers:
            del self.headers["X-Checksum-Deploy"], self.headers["X-Checksum-Sha1"], self.headers["X-Checksum-Sha256"]
        by = " by checksum" if self.headers.get("X-Checksum-Deploy") == "true" else ""
        raw = urlsplit(self.path)
        with self.fake.lock:
            self.fake.requests.append(f"{self.command} {self.path}{by}")
            self.path_parts = [unquote(part) for part in raw.path.partition(";")[0].strip("/").split("/")]
            self.query = parse_qs(raw.query, keep_blank_values=True)
            try:
                self._check_failures()
                rights = self.fake.rights(self.headers)
                if rights is None:
                    raise Refusal(401, "Bad credentials")
                self.rights = rights
                if self.path_parts[0] != "artifactory":
                    raise Refusal(404, "File not found.")
                answer = method(self.path_parts[1:])
            except Refusal as refusal:
                answer = self._error(refusal)
        answer()

    def _check_failures(self) -> None:
        for number, (method, status) in enumerate(self.fake.failures):
            if method == self.command:
                del self.fake.failures[number]
                raise Refusal(status, self.fake.message)

    def _read_body(self) -> bytes | None:
        """Return the body, None if it is cut off: an incomplete one is dropped."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return None
        if self.command == "PUT" and body and self.fake.damages:
            self.fake.damages -= 1
            return body[:-1] + bytes([body[-1] ^ 1])
        return body

    # -- answers, each sent after the lock is released --------------------------------------------------------------

    def _error(self, refusal: Refusal) -> Reply:
        body = {"errors": [{"status": refusal.status, "message": str(refusal)}]}
        return self._json(body, refusal.status)

    def _json(self, answer: object, status: int = 200) -> Reply:
        return lambda: self._send(status, json.dumps(answer, indent=2).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], *, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut is not None:
            body, self.close_connection = body[:cut], True
        for start in range(0, len(body), BLOCK):
            self.wfile.write(body[start : start + BLOCK])

    # -- methods ----------------------------------------------------------------------------------------------------

    def _need(self, right: str) -> None:
        if right in self.rights:
            return
        if not self.fake.logins[-1]:
            raise Refusal(401, "Authentication is required")
        raise Refusal(403, f"User is not permitted to {right} this item")

    def _repository(self, name: str) -> dict[str, Blob]:
        if name not in self.fake.repositories:
            raise Refusal(404, f"Repository {name} not found")
        return self.fake.repositories[name]

    def _get(self, parts: list[str]) -> Reply:
        self._need(READ)
        if parts[:2] == ["api", "storage"]:
            return self._storage(parts[2], "/".join(parts[3:]))
        files, key = self._repository(parts[0]), "/".join(parts[1:])
        blob = files.get(key)
        if blob is None:
            if not self._is_folder(files, key):
                raise Refusal(404, "File not found.")
            return lambda: self._send(
                200, b"<html><body>Index of a folder</body></html>", {"Content-Type": "text/html"}
            )
        if self.fake.redirect:
            return lambda: self._send(302, b"", {"Location": f"{self.fake.redirect}?signature=s3cret"})
        return self._file(blob)

    def _file(self, blob: Blob) -> Reply:
        headers = {
            "ETag": blob.sha1,
            "X-Checksum-Sha1": blob.sha1,
            "X-Checksum-Sha256": blob.sha256,
            "X-Checksum-Md5": blob.md5,
            "Accept-Ranges": "bytes",
        }
        cut = self.fake.cuts.pop(0) if self.fake.cuts and self.command == "GET" else None
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match or not self.fake.has_ranges:
            return lambda: self._send(200, blob.data, headers, cut=cut)
        start = int(match[1])
        end = min(int(match[2] or len(blob.data)), len(blob.data) - 1)
        if start >= len(blob.data):
            return lambda: self._send(416, b"", {"Content-Range": f"bytes */{len(blob.data)}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{len(blob.data)}"
        return lambda: self._send(206, blob.data[start : end + 1], headers, cut=cut)

    def _storage(self, repository: str, key: str) -> Reply:
        files = self._repository(repository)
        uri = f"http://127.0.0.1:{self.fake.port}/artifactory/api/storage/{repository}/{key}"
        if "list" in self.query:
            return self._list(files, key, uri)
        common = {"uri": uri, "repo": repository, "path": f"/{key}"}
        if blob := files.get(key):
            return self._json(common | _description(blob))
        if not self._is_folder(files, key):
            raise Refusal(404, "Unable to find item")
        base = f"{key}/" if key else ""
        names = {name.removeprefix(base).partition("/")[::2] for name in files if name.startswith(base)}
        children = [{"uri": f"/{name}", "folder": bool(rest)} for name, rest in {(n, bool(r)) for n, r in names}]
        return self._json(
            common
            | {
                **dict.fromkeys(("created", "lastModified", "lastUpdated"), "2025-01-01T00:00:00.000Z"),
                "children": children,
            }
        )

    def _list(self, files: Mapping[str, Blob], key: str, uri: str) -> Reply:
        if not self.fake.is_pro:
            raise Refusal(400, PRO_ONLY)
        if not self.fake.logins[-1]:
            raise Refusal(401, "Authentication is required")
        if key in files:
            raise Refusal(400, "Expected a folder but found a file")
        if not self._is_folder(files, key):
            raise Refusal(404, "Unable to find item")
        base = f"{key}/" if key else ""
        is_deep = self.query.get("deep") == ["1"]
        listed = [
            {
                "uri": f"/{name.removeprefix(base)}",
                "size": len(blob.data),
                "lastModified": blob.time,
                "folder": False,
                "sha1": blob.sha1,
            }
            for name, blob in files.items()
            if name.startswith(base) and (is_deep or "/" not in name.removeprefix(base))
        ]
        return self._json({"uri": uri, "created": "2025-01-01T00:00:00.000Z", "files": listed})

    def _put(self, parts: list[str]) -> Reply:
        self._need(DEPLOY)
        files, key = self._repository(parts[0]), "/".join(parts[1:])
        if self.headers.get("X-Checksum-Deploy") == "true":
            blob = self._known()
        else:
            assert self.body is not None
            blob = Blob.of(self.body)
            self._check_sums(blob)
        if key in files and DELETE not in self.rights:
            message = f"Not enough permissions to delete/overwrite artifact '{parts[0]}:{key}'"
            raise Refusal(403, f"{message} (user '{USER}' needs DELETE permission).")
        files[key] = blob
        if self.fake.lost_answers:
            self.fake.lost_answers -= 1
            return self._hang_up
        return self._json({"repo": parts[0], "path": f"/{key}", **_description(blob)}, 201)

    def _hang_up(self) -> None:
        self.close_connection = True

    def _known(self) -> Blob:
        given = {self.headers.get(f"X-Checksum-{kind}") for kind in ("Sha1", "Sha256")} - {None}
        given |= {self.headers["X-Checksum"]} if "X-Checksum" in self.headers else set()
        for files in self.fake.repositories.values():
            for blob in files.values():
                if given and given <= {blob.sha1, blob.sha256}:
                    return Blob.of(blob.data)
        raise Refusal(404, "Checksum deploy failed. No existing file with these checksums")

    def _check_sums(self, blob: Blob) -> None:
        for kind, actual in (("Sha1", blob.sha1), ("Sha256", blob.sha256), ("Md5", blob.md5)):
            given = self.headers.get(f"X-Checksum-{kind}")
            if given and given.lower() != actual:
                raise Refusal(409, f"Checksum error: received '{given}' but actual is '{actual}'")

    def _delete(self, parts: list[str]) -> Reply:
        """Delete a file, or a folder with everything in it, as Artifactory does."""
        files, key = self._repository(parts[0]), "/".join(parts[1:])
        found = [name for name in files if name == key or name.startswith(f"{key}/" if key else "")]
        if not found:
            raise Refusal(404, "Could not locate artifact")
        self._need(DELETE)
        for name in found:
            del files[name]
        return lambda: self._send(204, b"", {})

    def _post(self, parts: list[str]) -> Reply:
        if parts[:2] != ["api", "copy"]:
            raise Refusal(404, "File not found.")
        if not self.fake.is_pro:
            raise Refusal(400, PRO_ONLY)
        self._need(DEPLOY)
        blob = self._repository(parts[2]).get("/".join(parts[3:]))
        if blob is None:
            raise Refusal(404, "Could not find the source item")
        repository, _, target = self.query["to"][0].strip("/").partition("/")
        if target in self._repository(repository):
            self._need(DELETE)
        self._repository(repository)[target] = Blob.of(blob.data)
        return self._json({"messages": [{"level": "INFO", "message": "copying completed, 1 artifacts"}]})

    @staticmethod
    def _is_folder(files: Mapping[str, Blob], key: str) -> bool:
        return not key or any(name.startswith(f"{key}/") for name in files)


def _description(blob: Blob) -> dict[str, object]:
    return {
        "created": blob.time,
        "createdBy": USER,
        "lastModified": blob.time,
        "modifiedBy": USER,
        "lastUpdated": blob.time,
        "mimeType": "application/octet-stream",
        "size": str(len(blob.data)),
        "checksums": {"sha1": blob.sha1, "md5": blob.md5, "sha256": blob.sha256},
    }


@contextmanager
def serving() -> Iterator[Fake]:
    fake = Fake()
    with http_server(type("Handler", (_Handler,), {"fake": fake})) as fake.port:
        yield fake
