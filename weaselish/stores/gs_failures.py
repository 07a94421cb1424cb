"""What the errors of google-cloud-storage mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.auth import exceptions as auth_failures
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from weaselish.stores.certificates import MissingCertificates
from weaselish.stores.failures import Failure, FailureKind, detail_of, status_kind


class UploadLost(Exception):
    """A resumable upload that broke and cannot continue; the argument names the cause."""


ERRORS: tuple[type[Exception], ...] = (
    GoogleAPIError,
    InvalidResponse,
    UploadLost,
    DataCorruption,
    MissingCertificates,
    auth_failures.GoogleAuthError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # an invalid bucket name or endpoint
)
HINTS: Mapping[FailureKind, str] = {
    FailureKind.NO_CREDENTIALS: "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
    " to a key file; for a public bucket set `anonymous: true`",
    FailureKind.EXPIRED: "run `gcloud auth application-default login` again",
    FailureKind.REFUSED: "check that this account may do this in the bucket",
    FailureKind.NO_BUCKET: "check the name in `url:`, or create the bucket first",
    FailureKind.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in REQUESTS_CA_BUNDLE",
    FailureKind.MISCONFIGURED: "check `url:` and `endpoint_url:` of the remote",
    FailureKind.UNREACHABLE: "check the network, the proxy settings, `endpoint_url:` and STORAGE_EMULATOR_HOST",
}
_STATUSES = {410: FailureKind.CONFLICT}  # an upload that the server has forgotten


def explain(error: Exception) -> Failure:
    if isinstance(error, MissingCertificates):
        return error.failure()
    if isinstance(error, (GoogleAPICallError, InvalidResponse)):
        return _explain_answer(error)
    if isinstance(error, UploadLost):
        return Failure(FailureKind.OTHER, f"the upload was lost: {error}")
    return Failure(_kind(error), detail_of(error))


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, auth_failures.TransportError):
        return FailureKind.UNREACHABLE
    if isinstance(error, auth_failures.DefaultCredentialsError):
        return FailureKind.NO_CREDENTIALS
    if isinstance(error, auth_failures.GoogleAuthError):
        return FailureKind.EXPIRED
    if isinstance(error, requests.exceptions.SSLError):
        return FailureKind.UNTRUSTED
    if isinstance(error, requests.exceptions.ConnectTimeout) or _was_never_open(error):
        return FailureKind.UNREACHABLE
    if isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, requests.JSONDecodeError):
        return FailureKind.MISCONFIGURED
    return FailureKind.PASSING


def _was_never_open(error: BaseException) -> bool:
    """Return whether no connection was opened: no server listens, or the name is unknown."""
    reason: Any = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", None), urllib3.exceptions.NewConnectionError)


def _explain_answer(error: Any) -> Failure:
    status = int(error.response.status_code if isinstance(error, InvalidResponse) else error.code or 0)
    text = str(error).lower()
    if status == 404 and "bucket" in text and "not exist" in text:
        return Failure(FailureKind.NO_BUCKET)
    if status == 401 and "anonymous" in text:
        return Failure(FailureKind.NO_CREDENTIALS)
    detail = detail_of(getattr(error, "message", ""), code=f"{status} {getattr(error, 'reason', None) or ''}".strip())
    return Failure(status_kind(status, _STATUSES), detail)
