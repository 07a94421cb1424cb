"""What can go wrong with a request to a bucket, and the message about it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum

from weaselish.errors import StoreError
from weaselish.named_tuple import NamedTuple


class FailureKind(Enum):
    """Why a request failed. Each cloud's module maps its library's errors to these. The value is for messages."""

    NO_OBJECT = "no such object"
    NO_BUCKET = "no such bucket"
    NO_REPOSITORY = "no such repository"
    NO_CREDENTIALS = "no usable credentials"
    EXPIRED = "the credentials have expired"
    REFUSED = "access refused"
    WRONG_CLOCK = "this machine's clock is wrong"
    WRONG_REGION = "the bucket is in another region"
    UNTRUSTED = "its certificate is not trusted"
    MISCONFIGURED = "the remote is not set up right"
    ARCHIVED = "the object is archived"
    UNREACHABLE = "cannot be reached"
    PASSING = "the connection or the server failed"
    CONDITION = "the object exists, or changed"
    CONFLICT = "another writer was faster"
    OTHER = "the request failed"


_LONGEST = 240  # characters of a library's text in a message
_SYSTEM_ERROR = re.compile(r"(?s).*\[Errno -?\d+\] ([^'\")>\]]+)")
_NOISE = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>:? *")
_IN_URL = re.compile(r"\?[^\s'\"]*|(?<=://)[^/\s@]*@")  # the query, and user and password
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]+")
_SECRET_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"),
)
_ASSIGNED = re.compile(r"(?i)(\w*(?:key|token|secret|password|signature|\bsig))=[^;&\s]+")

_STATUSES = {
    401: FailureKind.REFUSED,
    403: FailureKind.REFUSED,
    404: FailureKind.NO_OBJECT,
    408: FailureKind.PASSING,
    412: FailureKind.CONDITION,
    429: FailureKind.PASSING,
}
PASSING = {FailureKind.UNREACHABLE, FailureKind.PASSING}
ABOUT_CREDENTIALS = {FailureKind.NO_CREDENTIALS, FailureKind.EXPIRED, FailureKind.REFUSED}


class Failure(NamedTuple):
    """A library's error, translated. `detail` is its useful text. `hint` replaces the cloud's hint for the kind."""

    kind: FailureKind
    detail: str = ""
    hint: str | None = None


class RequestFailed(StoreError):
    """A request to the remote failed, after retries if these may help. Causes: no network, permission or bucket.

    Cure: the message names the reason, and the hint the setting to change; `proj remote test` tries again.
    """

    def __init__(self, kind: FailureKind, message: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.is_missing_bucket = kind is FailureKind.NO_BUCKET


def request_failed(
    remote: str, failure: Failure, doing: str, hints: Mapping[FailureKind, str], tried: str = ""
) -> RequestFailed:
    """Describe a failed request in one line. `tried` names where the credentials came from."""
    reason = failure.kind.value + (f" ({failure.detail})" if failure.detail else "")
    message = f"{remote}: {reason} while {doing}" + (f"; tried {tried}" if tried else "")
    return RequestFailed(failure.kind, message, failure.hint or hints.get(failure.kind))


def detail_of(error: object, *, code: str = "") -> str:
    """Return the useful part of a library's error in one short line, without what could be a secret."""
    text = str(error)
    if match := _SYSTEM_ERROR.search(text):
        text = match[1]
    text = _NOISE.sub("", text)
    text = " ".join(_masked(_IN_URL.sub("", text)).split()).rstrip(" .:")
    if code and not text.startswith(code):
        text = f"{code}: {text}" if text else code
    text = text or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _masked(text: str) -> str:
    """Mask the credentials that a server or library repeats in its message."""
    for name in _SECRET_VARIABLES:
        if secret := os.environ.get(name):
            text = text.replace(secret, "…")
    return _ASSIGNED.sub(r"\1=…", _KEY_ID.sub("…", text))


def status_kind(status: int, kinds: Mapping[int, FailureKind]) -> FailureKind:
    """Return what an HTTP status means, if the answer has no code that says more. `kinds`: what only this cloud means.

    The rest is the same in all clouds.
    """
    passing = FailureKind.PASSING if status >= 500 and status != 501 else FailureKind.OTHER
    return kinds.get(status) or _STATUSES.get(status, passing)
