"""What the answers of Artifactory and the errors of httpx mean."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from weaselish.stores.certificates import MissingCertificates
from weaselish.stores.failures import Failure, FailureKind, detail_of, status_kind

HINTS: Mapping[FailureKind, str] = {
    FailureKind.NO_CREDENTIALS: "give the remote a login: `auth: {type: bearer, token: env:NAME}`, or a `profile:`",
    FailureKind.REFUSED: "check that the login is right and not expired, and that it may do this in the repository: "
    "reading needs Read, writing Deploy, replacing and deleting Delete/Overwrite",
    FailureKind.NO_REPOSITORY: "check the name of the repository in `url:`, `…/artifactory/REPOSITORY/PATH`; a server "
    "can also hide a repository that the login may not read",
    FailureKind.UNTRUSTED: "check `url:`, or name the server's certificate in SSL_CERT_FILE",
    FailureKind.PASSING: "try again later; if it still fails, check `url:`: is this an Artifactory server?",
    FailureKind.MISCONFIGURED: "check `url:`, `artifactory+https://HOST/artifactory/REPOSITORY/PATH`",
    FailureKind.UNREACHABLE: "check `url:` of the remote, the network and the proxy settings",
}
_LONGEST = 2**16  # bytes of an answer that is an error
_TOO_LARGE = "raise the limit of the server or of the proxy before it (nginx: `client_max_body_size`)"
_STATUSES = {
    **dict.fromkeys((301, 302, 303, 307, 308), FailureKind.MISCONFIGURED),
    401: FailureKind.REFUSED,
    403: FailureKind.REFUSED,
    404: FailureKind.NO_OBJECT,
    405: FailureKind.MISCONFIGURED,
    407: FailureKind.MISCONFIGURED,
    408: FailureKind.PASSING,
    412: FailureKind.CONDITION,
    425: FailureKind.PASSING,
    429: FailureKind.PASSING,
    507: FailureKind.OTHER,
}


class Answer(Exception):
    """An answer that is not a success, or not what its status says. `text` is the server's message, masked."""

    def __init__(self, status: int, text: str, *, kind: FailureKind | None = None, is_anonymous: bool = False) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text
        self.kind = kind or _kind(status, text, is_anonymous=is_anonymous)


ERRORS: tuple[type[Exception], ...] = (
    Answer,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    MissingCertificates,
    OSError,
    ValueError,  # an answer that is not Artifactory's
)


def explain(error: Exception) -> Failure:
    if isinstance(error, MissingCertificates):
        return error.failure()
    if isinstance(error, Answer):
        hint = _TOO_LARGE if error.status == 413 else None
        return Failure(error.kind, detail_of(error.text, code=str(error.status)), hint)
    detail = detail_of(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        is_untrusted = "certificate" in str(error).lower()
        return Failure(FailureKind.UNTRUSTED if is_untrusted else FailureKind.UNREACHABLE, detail)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Failure(FailureKind.MISCONFIGURED, detail)
    if isinstance(error, httpx.HTTPError | httpx.StreamError | ConnectionError | TimeoutError):
        return Failure(FailureKind.PASSING, detail)
    return Failure(FailureKind.MISCONFIGURED if isinstance(error, ValueError) else FailureKind.OTHER, detail)


def server_text(response: httpx.Response) -> str:
    """Return the message in an answer: Artifactory's errors are JSON, those of a proxy pages for people."""
    text = b""
    try:
        for piece in response.iter_raw():
            text += piece
            if len(text) > _LONGEST:
                break
        return "; ".join(str(error["message"]).strip() for error in json.loads(text)["errors"])
    except (httpx.HTTPError, httpx.StreamError, ValueError, TypeError, KeyError):
        return response.reason_phrase


def _kind(status: int, text: str, *, is_anonymous: bool) -> FailureKind:
    if status == 401 and is_anonymous:
        return FailureKind.NO_CREDENTIALS
    if status == 409 and "checksum" in text.lower():  # the body was damaged on its way
        return FailureKind.PASSING
    return status_kind(status, _STATUSES)
