"""What the errors of azure-storage-blob mean."""

from __future__ import annotations

from collections.abc import Mapping

from azure.core import exceptions

from weaselish.stores.certificates import MissingCertificates
from weaselish.stores.failures import Failure, FailureKind, detail_of, status_kind

ERRORS: tuple[type[Exception], ...] = (exceptions.AzureError, MissingCertificates, OSError, ValueError)
HINTS: Mapping[FailureKind, str] = {
    FailureKind.NO_CREDENTIALS: "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and"
    " AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or `pip install azure-identity` and `az login`;"
    " for a public container set AZURE_STORAGE_ACCOUNT and `anonymous: true`",
    FailureKind.EXPIRED: "create a new token, or sign in again (`az login`)",
    FailureKind.REFUSED: "check that the key or token is right, still valid, and may do this in the container",
    FailureKind.NO_BUCKET: "check the name in `url:`, or create the container first",
    FailureKind.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in REQUESTS_CA_BUNDLE",
    FailureKind.ARCHIVED: "move it to the hot or cool tier first (`az storage blob set-tier`), and try again",
    FailureKind.MISCONFIGURED: "check `url:` and `endpoint_url:` of the remote, and AZURE_STORAGE_CONNECTION_STRING",
    FailureKind.UNREACHABLE: "check the account's name, the network and the proxy settings",
}

_CODES = {
    "BlobNotFound": FailureKind.NO_OBJECT,
    "ContainerNotFound": FailureKind.NO_BUCKET,
    "ContainerBeingDeleted": FailureKind.NO_BUCKET,
    "BlobAlreadyExists": FailureKind.CONDITION,
    "BlobArchived": FailureKind.ARCHIVED,
    "BlobBeingRehydrated": FailureKind.ARCHIVED,
    "ConditionNotMet": FailureKind.CONDITION,
    "InvalidBlockList": FailureKind.CONFLICT,  # another writer committed first, which drops our blocks
    "InvalidBlobOrBlock": FailureKind.CONFLICT,
    "Md5Mismatch": FailureKind.PASSING,
    "NoAuthenticationInformation": FailureKind.NO_CREDENTIALS,
}
_STATUSES = {409: FailureKind.CONFLICT}


def explain(error: Exception) -> Failure:
    if isinstance(error, MissingCertificates):
        return error.failure()
    if isinstance(error, exceptions.HttpResponseError) and error.status_code:
        return _explain_answer(error)
    detail = detail_of(error)
    if isinstance(error, exceptions.ClientAuthenticationError):
        return Failure(FailureKind.NO_CREDENTIALS, detail)
    if isinstance(error, exceptions.ServiceRequestTimeoutError | exceptions.ServiceRequestError):
        is_untrusted = "certificate" in str(error).lower()
        return Failure(FailureKind.UNTRUSTED if is_untrusted else FailureKind.UNREACHABLE, detail)
    if isinstance(error, ValueError) and not isinstance(error, exceptions.AzureError):
        return Failure(FailureKind.MISCONFIGURED, detail)
    return Failure(FailureKind.PASSING, detail)


def _explain_answer(error: exceptions.HttpResponseError) -> Failure:
    code, status = str(getattr(error, "error_code", "") or ""), error.status_code or 0
    message = (error.message or "").splitlines()[:1]
    kind = _CODES.get(code) or status_kind(status, _STATUSES)
    return Failure(kind, detail_of("".join(message), code=code or str(status)))
