"""The requests to an Artifactory server, through httpx: with the login, which no other server gets."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import httpx

from weaselish import __version__
from weaselish.stores.artifactory_failures import Answer, server_text
from weaselish.stores.artifactory_login import Login
from weaselish.stores.bucket import CONNECT_TIMEOUT, CONNECTIONS, READ_TIMEOUT
from weaselish.stores.certificates import certificates_file

_MOST_REDIRECTS = 5


class ArtifactoryClient:
    """Sends requests to the server at the URL `server`. Creating it raises what is wrong with the certificates."""

    def __init__(self, server: str, login: Login) -> None:
        self._server = server
        self._login = login
        self._client = httpx.Client(
            verify=_certificates(),
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=CONNECTIONS),
            headers={"User-Agent": f"weaselish/{__version__}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        params: str = "",
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        waiting: float = READ_TIMEOUT,
    ) -> Iterator[httpx.Response]:
        """Send a request and yield the answer, its body unread. Raises Answer unless it is a success."""
        timeout = httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT, read=waiting)
        headers = {**self._login.headers, **(headers or {})}
        url = f"{self._server}/{path}" + (f"?{params}" if params else "")
        with self._client.stream(method, url, headers=headers, content=content, timeout=timeout) as response:
            if not response.is_success:
                raise self._answer(response)
            yield response

    @contextmanager
    def content(self, path: str, span: str) -> Iterator[httpx.Response]:
        """Request a range of an object. Status 416 counts as a success. Raises Answer.

        Redirects are followed, for example to the bucket behind the server, which does not get the login.
        """
        url, login = httpx.URL(f"{self._server}/{path}"), self._login.headers
        for _ in range(_MOST_REDIRECTS):
            with self._client.stream("GET", url, headers={**login, "Range": span}) as response:
                if not response.has_redirect_location:
                    if not response.is_success and response.status_code != 416:
                        raise self._answer(response)
                    yield response
                    return
                target = response.url.join(response.headers["Location"])
            if (target.scheme, target.netloc) != (url.scheme, url.netloc):
                login = {}
            if url.scheme == "https" != target.scheme:
                break
            url = target
        raise self._answer(response)

    def _answer(self, response: httpx.Response) -> Answer:
        if response.has_redirect_location:
            target = response.url.join(response.headers["Location"])
            text = f"it redirects to {target.scheme}://{target.host}{target.path}"
        else:
            text = server_text(response)
        return Answer(response.status_code, self._login.masked(text), is_anonymous=not self._login.headers)


def _certificates() -> ssl.SSLContext | bool:
    path = certificates_file("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return ssl.create_default_context(cafile=path) if path else True
