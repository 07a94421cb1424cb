"""S3 and servers that speak it, through botocore, the core of boto3.

boto3 itself would add what we do not use, and cloudpathlib the libraries of all other clouds: 0.4 s of imports.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

import botocore.session  # type: ignore[import-untyped]
from botocore import exceptions as failures
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

from weaselish import __version__
from weaselish.stores.base import Stored
from weaselish.stores.bucket import CONNECT_TIMEOUT, CONNECTIONS, READ_TIMEOUT, Part, Trouble
from weaselish.stores.parts import THREADS

if TYPE_CHECKING:
    from weaselish.model.project import Remote

PIECE = 2**20  # bytes
SMALL = 2**21  # bytes of a body that is sent unasked
MARK = "writer"  # user metadata

_SOURCES = {
    "env": "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the AWS config file",
    "custom-process": "the profile's credential_process",
    "assume-role": "the role that the profile assumes",
    "assume-role-with-web-identity": "the web identity token",
    "sso": "AWS single sign-on",
    "login": "`aws login`",
    "iam-role": "the instance's role",
    "container-role": "the container's role",
}
_CODES = {
    "NoSuchKey": Trouble.NO_OBJECT,
    "NoSuchBucket": Trouble.NO_BUCKET,
    "ExpiredToken": Trouble.EXPIRED,
    "TokenRefreshRequired": Trouble.EXPIRED,
    "ExpiredTokenException": Trouble.EXPIRED,
    "RequestTimeTooSkewed": Trouble.WRONG_CLOCK,
    "RequestExpired": Trouble.WRONG_CLOCK,
    "PermanentRedirect": Trouble.WRONG_REGION,
    "AuthorizationHeaderMalformed": Trouble.WRONG_REGION,
    "IllegalLocationConstraintException": Trouble.WRONG_REGION,
    "InvalidAccessKeyId": Trouble.REFUSED,
    "SignatureDoesNotMatch": Trouble.REFUSED,
    "InvalidToken": Trouble.REFUSED,
    "InvalidBucketName": Trouble.MISCONFIGURED,
    "PreconditionFailed": Trouble.CONDITION,
    "ConditionalRequestConflict": Trouble.CONFLICT,
    "NoSuchUpload": Trouble.CONFLICT,
    "RequestTimeout": Trouble.PASSING,
    "BadDigest": Trouble.PASSING,
    "IncompleteBody": Trouble.PASSING,
}
_STATUSES = {
    301: Trouble.WRONG_REGION,
    401: Trouble.REFUSED,
    403: Trouble.REFUSED,
    404: Trouble.NO_OBJECT,
    408: Trouble.PASSING,
    409: Trouble.CONFLICT,
    412: Trouble.CONDITION,
    429: Trouble.PASSING,
}
_CLASSES: tuple[tuple[type[Exception], Trouble], ...] = (
    (failures.SSOError, Trouble.EXPIRED),
    (failures.TokenRetrievalError, Trouble.EXPIRED),
    (failures.NoCredentialsError, Trouble.NO_CREDENTIALS),
    (failures.PartialCredentialsError, Trouble.NO_CREDENTIALS),
    (failures.CredentialRetrievalError, Trouble.NO_CREDENTIALS),
    (failures.ProfileNotFound, Trouble.NO_CREDENTIALS),
    (failures.SSLError, Trouble.UNTRUSTED),
    (failures.EndpointConnectionError, Trouble.UNREACHABLE),
    (failures.ConnectTimeoutError, Trouble.UNREACHABLE),
    (failures.ProxyConnectionError, Trouble.UNREACHABLE),
    (failures.HTTPClientError, Trouble.PASSING),
    (failures.ConnectionError, Trouble.PASSING),
    (failures.IncompleteReadError, Trouble.PASSING),
    (ConnectionError, Trouble.PASSING),
    (TimeoutError, Trouble.PASSING),
    (ResponseParserError, Trouble.MISCONFIGURED),
    (failures.ParamValidationError, Trouble.MISCONFIGURED),
    (ValueError, Trouble.MISCONFIGURED),
)


class S3Bucket:
    """Raises, when made, what is wrong with the profile or the endpoint.

    Each body goes with its MD5, which every server of this kind checks, unlike the newer checksums.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = (
        failures.BotoCoreError,
        failures.ClientError,
        ResponseParserError,
        OSError,
        ValueError,  # botocore's for an endpoint or a region that cannot be one
    )
    hints: ClassVar[Mapping[Trouble, str]] = {
        Trouble.NO_CREDENTIALS: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `profile:` of the remote to one of"
        " `aws configure list-profiles`",
        Trouble.EXPIRED: "sign in again (`aws sso login`), or renew the session token",
        Trouble.REFUSED: "check that the key is right and may do this in the bucket",
        Trouble.NO_BUCKET: "check the name in `url:`, or create the bucket first",
        Trouble.WRONG_CLOCK: "set the clock of this machine",
        Trouble.WRONG_REGION: "set `region:` of the remote to the bucket's region",
        Trouble.UNTRUSTED: "check `endpoint_url:`, or name the server's certificate in AWS_CA_BUNDLE",
        Trouble.PASSING: "try again later; if it stays so, check `endpoint_url:`: is this an S3 server?",
        Trouble.MISCONFIGURED: "check `url:`, `endpoint_url:` and `region:` of the remote: is this an S3 server?",
        Trouble.UNREACHABLE: "check `endpoint_url:` of the remote, the network and the proxy settings",
    }
    lanes = THREADS

    def __init__(self, remote: Remote) -> None:
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"payload_signing_enabled": False},  # the MD5 is signed
            user_agent=f"weaselish/{__version__}",  # botocore puts its own together anew for each request
        )
        self._session = botocore.session.Session(profile=remote.profile)
        self._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=time_of)
        self._client: Any = self._session.create_client(
            "s3", region_name=remote.region or None, endpoint_url=remote.endpoint_url or None, config=config
        )
        self._client.meta.events.register("before-call.s3", _send_at_once)
        self._bucket, _, path = remote.url.partition("://")[2].partition("/")
        self.prefix = path.strip("/")
        is_aws = ".amazonaws.com" in self._client.meta.endpoint_url
        self.certain, self.endpoint = is_aws, "" if is_aws else self._client.meta.endpoint_url

    def credentials(self) -> str:
        found = self._session.get_credentials()
        if found is None:
            return "the environment, the shared credentials and config files, and the machine's role"
        profile = self._session.profile or "default"
        where = _SOURCES.get(found.method, found.method)
        return where if found.method == "env" else f"{where} (profile `{profile}`)"

    @staticmethod
    def explain(error: Exception) -> tuple[Trouble, str]:
        if isinstance(error, failures.ClientError):
            return _explain_answer(error)
        for kind, trouble in _CLASSES:
            if isinstance(error, kind):
                return trouble, type(error).__name__
        return Trouble.OTHER, type(error).__name__

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        after = {"ContinuationToken": token} if token else {}
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **after)
        if "Name" not in answer:
            raise ValueError("some other server's page, which must not count as an empty listing")
        found = [
            Stored(item["Key"], item["Size"], item["LastModified"].timestamp()) for item in answer.get("Contents", ())
        ]
        return found, answer["NextContinuationToken"] if answer.get("IsTruncated") else None

    def read(self, key: str, start: int, length: int, version: str | None) -> Part:
        request = {"Bucket": self._bucket, "Key": key, "Range": f"bytes={start}-{start + length - 1}"}
        if version:
            request["IfMatch"] = version
        try:
            answer = self._client.get_object(**request)
        except failures.ClientError as error:
            if start or _status(error) != 416:
                raise
            del request["Range"]  # an empty object has no first byte
            answer = self._client.get_object(**request)
        size = answer["ContentRange"].rpartition("/")[2] if "ContentRange" in answer else answer["ContentLength"]
        return Part(list(answer["Body"].iter_chunks(PIECE)), int(size), answer["ETag"])

    def mark(self, key: str) -> str | None:
        """Asks for a byte instead of the head alone: what is wrong is said in the body of an answer."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range="bytes=0-0")
            answer["Body"].read()  # so that the connection can be used again
        except failures.ClientError as error:
            if _status(error) != 416:
                raise
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
        return str(answer["Metadata"].get(MARK, ""))

    def write(self, key: str, body: bytes, mark: str, *, replace: bool) -> None:
        self._create(
            self._client.put_object,
            replace=replace,
            Key=key,
            Body=body,
            ContentMD5=_md5(body),
            Metadata={MARK: mark},
        )

    def begin(self, key: str, mark: str, *, replace: bool) -> S3Upload:
        answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, Metadata={MARK: mark})
        return S3Upload(self, key, answer["UploadId"], replace=replace)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _create(self, method: Any, *, replace: bool, **request: Any) -> None:
        try:
            method(Bucket=self._bucket, **request, **({} if replace else {"IfNoneMatch": "*"}))
        except failures.ClientError as error:
            if replace or self.certain or _status(error) != 501:
                raise
            method(Bucket=self._bucket, **request)  # it does not know the condition; our caller has looked


class S3Upload:
    def __init__(self, bucket: S3Bucket, key: str, upload_id: str, *, replace: bool) -> None:
        self._bucket = bucket
        self._replace = replace
        self._upload = {"Key": key, "UploadId": upload_id}
        self._tags: dict[int, str] = {}

    def send(self, number: int, body: bytes) -> None:
        answer = self._bucket._client.upload_part(
            Bucket=self._bucket._bucket, PartNumber=number + 1, Body=body, ContentMD5=_md5(body), **self._upload
        )
        self._tags[number] = answer["ETag"]

    def finish(self) -> None:
        parts = [{"PartNumber": number + 1, "ETag": tag} for number, tag in sorted(self._tags.items())]
        self._bucket._create(
            self._bucket._client.complete_multipart_upload,
            replace=self._replace,
            MultipartUpload={"Parts": parts},
            **self._upload,
        )

    def abort(self) -> None:
        self._bucket._client.abort_multipart_upload(Bucket=self._bucket._bucket, **self._upload)


def _send_at_once(params: dict[str, Any], **_: object) -> None:
    """A small body goes with its request. botocore has each wait for `100 Continue`: a round trip, read bytewise."""
    body = params.get("body")
    if isinstance(body, BytesIO) and len(body.getbuffer()) <= SMALL:
        params["headers"].pop("Expect", None)


def time_of(value: object) -> datetime:
    """As botocore's own parser, which takes 0.1 ms for the time in an answer, and for each object in a listing."""
    if isinstance(value, str):
        for parse in (datetime.fromisoformat, parsedate_to_datetime):
            with suppress(ValueError):
                return parse(value)
    found: datetime = parse_timestamp(value)
    return found


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _status(error: failures.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _explain_answer(error: failures.ClientError) -> tuple[Trouble, str]:
    code, status = str(error.response.get("Error", {}).get("Code", "")), _status(error)
    passing = Trouble.PASSING if status >= 500 and status != 501 else Trouble.OTHER
    return _CODES.get(code) or _STATUSES.get(status, passing), code or str(status)
