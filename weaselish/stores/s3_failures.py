"""What botocore's errors mean."""

from __future__ import annotations

from collections.abc import Mapping

from botocore import exceptions  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from weaselish.stores.certificates import MissingCertificates
from weaselish.stores.failures import Failure, FailureKind, detail_of, status_kind

ERRORS: tuple[type[Exception], ...] = (
    exceptions.BotoCoreError,
    exceptions.ClientError,
    ResponseParserError,
    MissingCertificates,
    OSError,
    ValueError,  # botocore's, for an invalid endpoint or region
)
HINTS: Mapping[FailureKind, str] = {
    FailureKind.NO_CREDENTIALS: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `profile:` of the remote to one of"
    " `aws configure list-profiles`; for a public bucket set `anonymous: true`",
    FailureKind.EXPIRED: "sign in again (`aws sso login`), or renew the session token",
    FailureKind.REFUSED: "check that the key is right and may do this in the bucket",
    FailureKind.NO_BUCKET: "check the name in `url:`, or create the bucket first",
    FailureKind.WRONG_CLOCK: "set the clock of this machine",
    FailureKind.WRONG_REGION: "set `region:` of the remote to the bucket's region",
    FailureKind.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in AWS_CA_BUNDLE",
    FailureKind.ARCHIVED: "restore it first, for example with `aws s3api restore-object`, and try again",
    FailureKind.PASSING: "try again later; if it still fails, check `endpoint_url:`: is this an S3 server?",
    FailureKind.MISCONFIGURED: "check `url:`, `endpoint_url:` and `region:` of the remote: is this an S3 server?",
    FailureKind.UNREACHABLE: "check `endpoint_url:` of the remote, the network and the proxy settings",
}

_CODES = {
    "NoSuchKey": FailureKind.NO_OBJECT,
    "NoSuchBucket": FailureKind.NO_BUCKET,
    "ExpiredToken": FailureKind.EXPIRED,
    "TokenRefreshRequired": FailureKind.EXPIRED,
    "ExpiredTokenException": FailureKind.EXPIRED,
    "RequestTimeTooSkewed": FailureKind.WRONG_CLOCK,
    "RequestExpired": FailureKind.WRONG_CLOCK,
    "PermanentRedirect": FailureKind.WRONG_REGION,
    "AuthorizationHeaderMalformed": FailureKind.WRONG_REGION,
    "IllegalLocationConstraintException": FailureKind.WRONG_REGION,
    "InvalidAccessKeyId": FailureKind.REFUSED,
    "SignatureDoesNotMatch": FailureKind.REFUSED,
    "InvalidToken": FailureKind.REFUSED,
    "InvalidBucketName": FailureKind.MISCONFIGURED,
    "InvalidObjectState": FailureKind.ARCHIVED,
    "PreconditionFailed": FailureKind.CONDITION,
    "ConditionalRequestConflict": FailureKind.CONFLICT,
    "NoSuchUpload": FailureKind.CONFLICT,
    "RequestTimeout": FailureKind.PASSING,
    "BadDigest": FailureKind.PASSING,
    "IncompleteBody": FailureKind.PASSING,
}
_STATUSES = {
    301: FailureKind.WRONG_REGION,
    409: FailureKind.CONFLICT,
}
_CLASSES: tuple[tuple[type[Exception], FailureKind], ...] = (
    (exceptions.SSOError, FailureKind.EXPIRED),
    (exceptions.TokenRetrievalError, FailureKind.EXPIRED),
    (exceptions.NoCredentialsError, FailureKind.NO_CREDENTIALS),
    (exceptions.PartialCredentialsError, FailureKind.NO_CREDENTIALS),
    (exceptions.CredentialRetrievalError, FailureKind.NO_CREDENTIALS),
    (exceptions.ProfileNotFound, FailureKind.NO_CREDENTIALS),
    (exceptions.SSLError, FailureKind.UNTRUSTED),
    (exceptions.EndpointConnectionError, FailureKind.UNREACHABLE),
    (exceptions.ConnectTimeoutError, FailureKind.UNREACHABLE),
    (exceptions.ProxyConnectionError, FailureKind.UNREACHABLE),
    (exceptions.HTTPClientError, FailureKind.PASSING),
    (exceptions.ConnectionError, FailureKind.PASSING),
    (exceptions.IncompleteReadError, FailureKind.PASSING),
    (ConnectionError, FailureKind.PASSING),
    (TimeoutError, FailureKind.PASSING),
    (ResponseParserError, FailureKind.MISCONFIGURED),
    (exceptions.ParamValidationError, FailureKind.MISCONFIGURED),
    (ValueError, FailureKind.MISCONFIGURED),
)


def explain(error: Exception) -> Failure:
    if isinstance(error, MissingCertificates):
        return error.failure()
    if isinstance(error, exceptions.ClientError):
        return _explain_answer(error)
    if isinstance(error, exceptions.ConfigParseError):
        return Failure(FailureKind.MISCONFIGURED, detail_of(error), "correct this file of the AWS configuration")
    for kind, failure in _CLASSES:
        if isinstance(error, kind):
            return Failure(failure, detail_of(error))
    return Failure(FailureKind.OTHER, detail_of(error))


def status_of(error: exceptions.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _explain_answer(error: exceptions.ClientError) -> Failure:
    answer, status = error.response.get("Error", {}), status_of(error)
    code = str(answer.get("Code", "")) or str(status)
    return Failure(_CODES.get(code) or status_kind(status, _STATUSES), detail_of(answer.get("Message", ""), code=code))
