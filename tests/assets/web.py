"""A real HTTP server on loopback, with ranges and ETags, that fails where a test tells it to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from http_server import http_server

BLOCK = 1 << 18


@dataclass(slots=True)
class File:
    """What is served under one path. The lists hold what happens to the next requests, one entry each."""

    data: bytes
    etag: str | None = ""  # "": a strong one of the data; None: none
    ranges: bool = True
    length: bool = True  # else the answer ends with the connection
    statuses: list[int] = field(default_factory=list)  # 0: an answer as it should be
    cuts: list[int] = field(default_factory=list)  # the connection is cut after so many bytes
    stall: threading.Event | None = None  # the first half is sent, then this is waited for
    password: str | None = None  # what `Authorization` must be
    location: str | None = None  # redirects there


@dataclass(slots=True)
class Request:
    path: str
    range: str | None
    sent: int = 0


class Web:
    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.requests: list[Request] = []
        self.halfway = threading.Event()  # a stalled answer has come to its middle
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def ranges(self) -> list[str | None]:
        return [request.range for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path.lstrip("/"))
        request = Request(path, self.headers.get("Range"))
        with self.web.lock:
            self.web.requests.append(request)
            self.web.at_once += 1
            self.web.most_at_once = max(self.web.most_at_once, self.web.at_once)
        try:
            with suppress(ConnectionError):
                self._answer(self.web.files.get(path), request)
        finally:
            with self.web.lock:
                self.web.at_once -= 1

    def _answer(self, file: File | None, request: Request) -> None:
        status = 404 if file is None else file.statuses.pop(0) if file.statuses else 0
        if file and file.password and self.headers.get("Authorization") != file.password:
            status = 401
        if file is None or status:
            return self._end(status)
        if file.location:
            return self._end(302, ("Location", file.location))
        etag = f'"{md5(file.data).hexdigest()}"' if file.etag == "" else file.etag
        begin, headers = 0, [("ETag", etag)] if etag else []
        asked = re.fullmatch(r"bytes=(\d+)-", request.range or "")
        if asked and file.ranges and self.headers.get("If-Range") in (None, etag):
            begin = int(asked[1])
            if begin >= len(file.data):
                return self._end(416)
            headers.append(("Content-Range", f"bytes {begin}-{len(file.data) - 1}/{len(file.data)}"))
        self._send(file, request, begin, headers, partly=bool(begin))
        return None

    def _send(self, file: File, request: Request, begin: int, headers: list[tuple[str, str]], *, partly: bool) -> None:
        self.send_response(206 if partly else 200)
        if file.length:
            headers.append(("Content-Length", str(len(file.data) - begin)))
        else:
            self.close_connection = True
            headers.append(("Connection", "close"))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        cut = file.cuts.pop(0) if file.cuts else None
        end = len(file.data) if cut is None else begin + cut
        body, half = memoryview(file.data)[begin:end], len(file.data) // 2
        for at in range(0, len(body), BLOCK):
            if file.stall and begin + at >= half and not file.stall.is_set():
                self.web.halfway.set()
                file.stall.wait(60)
            self.wfile.write(body[at : at + BLOCK])
            request.sent += len(body[at : at + BLOCK])
        if cut is not None:
            self.close_connection = True

    def _end(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()
    with http_server(type("Handler", (_Handler,), {"web": web})) as web.port:
        yield web
