"""S3 and servers that speak its protocol, through botocore, the core of boto3.

boto3 would add what we do not use, and cloudpathlib the libraries of all other clouds: 0.4 s of imports.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

import botocore.session  # type: ignore[import-untyped]
from botocore import UNSIGNED, exceptions
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

from weaselish import __version__
from weaselish.stores.base import Stored
from weaselish.stores.bucket import (
    ANONYMOUS,
    CONNECT_TIMEOUT,
    CONNECTIONS,
    READ_TIMEOUT,
    WRITER,
    Condition,
    Head,
    Part,
    as_header,
)
from weaselish.stores.certificates import certificates_file, check_certificates
from weaselish.stores.failures import Failure, FailureKind
from weaselish.stores.parts import THREADS
from weaselish.stores.s3_copy import copy_in_parts
from weaselish.stores.s3_failures import ERRORS, HINTS, explain, status_of

if TYPE_CHECKING:
    from weaselish.connections.credentials import Credentials
    from weaselish.model.project import Remote

PIECE = 2**20  # bytes
SMALL = 2**21  # bytes of a body that is sent without waiting for `100 Continue`

_SOURCES = {
    "explicit": "the credentials of the connection",
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


class S3Bucket:
    """A bucket of S3. Creating it raises what is wrong with the profile, the certificates or the endpoint.

    Each body is sent with its MD5, which every server of this kind checks, unlike the newer checksums.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = ERRORS
    hints: ClassVar[Mapping[FailureKind, str]] = HINTS
    lanes = THREADS
    most_deletions = 1000
    copied_at_once = 5 * 2**30  # bytes: S3 copies no larger object in one request
    copied_part = 2**30  # bytes

    def __init__(self, remote: Remote, credentials: Credentials | None = None) -> None:
        self._session = botocore.session.Session(profile=None if credentials else remote.profile)
        if credentials:
            self._session.set_credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
        self._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
        self._is_anonymous = remote.anonymous
        self._client: Any = self._session.create_client(
            "s3",
            region_name=remote.region or None,
            endpoint_url=remote.endpoint_url or None,
            verify=_certificates(self._session),
            config=_config(is_anonymous=remote.anonymous),
        )
        self._client.meta.events.register("before-call.s3", _send_without_waiting)
        self._bucket, _, path = remote.url.partition("://")[2].partition("/")
        self._common = {"Bucket": self._bucket, **({"RequestPayer": "requester"} if remote.requester_pays else {})}
        self._encryption = _encryption(remote)
        self.prefix = path.strip("/")
        is_aws = ".amazonaws.com" in self._client.meta.endpoint_url
        self.honours_conditions, self.endpoint = is_aws, "" if is_aws else self._client.meta.endpoint_url

    def credentials(self) -> str:
        if self._is_anonymous:
            return ANONYMOUS
        credentials = self._session.get_credentials()
        if credentials is None:
            return "the environment, the shared credentials and config files, and the machine's role"
        profile = self._session.profile or "default"
        source = _SOURCES.get(credentials.method, credentials.method)
        return source if credentials.method in ("env", "explicit") else f"{source} (profile `{profile}`)"

    @staticmethod
    def explain(error: Exception) -> Failure:
        return explain(error)

    def page(self, prefix: str, token: str | None) -> tuple[list[Stored], str | None]:
        after = {"ContinuationToken": token} if token else {}
        answer = self._client.list_objects_v2(Prefix=prefix, **after, **self._common)
        if "Name" not in answer:
            raise ValueError("the answer is not a listing, and must not count as an empty one")
        page = [
            Stored(item["Key"], item["Size"], item["LastModified"].timestamp(), as_header(item.get("ETag", "")))
            for item in answer.get("Contents", ())
        ]
        return page, answer["NextContinuationToken"] if answer.get("IsTruncated") else None

    def head(self, key: str) -> Head:
        """Request one byte instead of the head alone: only answers with a body say what is wrong."""
        answer = self._get_range(key, "bytes=0-0", {})
        if answer is None:
            answer = self._client.head_object(Key=key, **self._common)
        else:
            answer["Body"].read()  # so that the connection can be used again
        stored = Stored(key, _size(answer), answer["LastModified"].timestamp(), answer["ETag"])
        return Head(stored, str(answer["Metadata"].get(WRITER, "")))

    def read(self, key: str, start: int, length: int, first: Part | None) -> Part:
        condition = {"IfMatch": first.version} if first else {}
        answer = self._get_range(key, f"bytes={start}-{start + length - 1}", condition)
        if answer is None:
            answer = self._client.head_object(Key=key, **condition, **self._common)
            return Part((), _size(answer), answer["ETag"])
        return Part(list(answer["Body"].iter_chunks(PIECE)), _size(answer), answer["ETag"])

    def write(self, key: str, body: bytes, writer: str, condition: Condition) -> None:
        self._conditionally(
            self._client.put_object,
            condition,
            Key=key,
            Body=body,
            ContentMD5=_md5(body),
            Metadata={WRITER: writer},
            **self._encryption,
        )

    def begin(self, key: str, writer: str, condition: Condition) -> S3Upload:
        answer = self._client.create_multipart_upload(
            Key=key, Metadata={WRITER: writer}, **self._encryption, **self._common
        )
        return S3Upload(self, key, answer["UploadId"], condition)

    def copy(self, source: str, target: str, size: int, writer: str, condition: Condition) -> None:
        """Copy in one request what S3 allows to, anything larger in parts."""
        origin = {"Bucket": self._bucket, "Key": source}
        if size <= self.copied_at_once:
            metadata = {"Metadata": {WRITER: writer}, "MetadataDirective": "REPLACE"}
            known = self._client.meta.service_model.operation_model("CopyObject").input_shape.members
            condition = condition if "IfNoneMatch" in known else Condition()  # botocore learned it late
            self._conditionally(
                self._client.copy_object, condition, Key=target, CopySource=origin, **metadata, **self._encryption
            )
            return
        copy_in_parts(self.begin(target, writer, condition), origin, size, part=self.copied_part)

    def delete(self, key: str) -> None:
        self._client.delete_object(Key=key, **self._common)

    def delete_many(self, keys: Sequence[str]) -> None:
        objects = [{"Key": key} for key in keys]
        answer = self._client.delete_objects(Delete={"Objects": objects, "Quiet": True}, **self._common)
        for failure in answer.get("Errors", ()):
            if failure.get("Code") != "NoSuchKey":
                raise exceptions.ClientError({"Error": failure}, "DeleteObjects")

    def create(self) -> None:
        region = self._client.meta.region_name
        elsewhere = self.honours_conditions and region not in (None, "us-east-1", "aws-global")
        location = {"CreateBucketConfiguration": {"LocationConstraint": region}} if elsewhere else {}
        self._client.create_bucket(Bucket=self._bucket, **location)

    def close(self) -> None:
        self._client.close()

    def _get_range(self, key: str, span: str, condition: Mapping[str, str]) -> Any:
        """Return the answer, None if the object has no bytes in that range."""
        try:
            return self._client.get_object(Key=key, Range=span, **condition, **self._common)
        except exceptions.ClientError as error:
            if status_of(error) != 416:
                raise
            return None

    def _conditionally(self, method: Any, condition: Condition, **request: Any) -> None:
        conditions = {"IfNoneMatch": "*"} if condition.absent else {}
        if condition.version is not None:
            conditions = {"IfMatch": condition.version}
        try:
            method(**request, **conditions, **self._common)
        except exceptions.ClientError as error:
            if not conditions or self.honours_conditions or status_of(error) != 501:
                raise
            method(**request, **self._common)  # the server has no conditions; our caller checked just before


class S3Upload:
    """A multipart upload."""

    def __init__(self, bucket: S3Bucket, key: str, upload_id: str, condition: Condition) -> None:
        self._bucket = bucket
        self._condition = condition
        self._upload = {"Key": key, "UploadId": upload_id}
        self._tags: dict[int, str] = {}

    def send(self, number: int, body: bytes) -> None:
        answer = self._bucket._client.upload_part(
            PartNumber=number + 1, Body=body, ContentMD5=_md5(body), **self._upload, **self._bucket._common
        )
        self._tags[number] = answer["ETag"]

    def copy(self, number: int, source: Mapping[str, str], start: int, end: int) -> None:
        """Take a part from another object."""
        span = f"bytes={start}-{end - 1}"
        answer = self._bucket._client.upload_part_copy(
            PartNumber=number + 1, CopySource=source, CopySourceRange=span, **self._upload, **self._bucket._common
        )
        self._tags[number] = answer["CopyPartResult"]["ETag"]

    def finish(self) -> None:
        parts = [{"PartNumber": number + 1, "ETag": tag} for number, tag in sorted(self._tags.items())]
        self._bucket._conditionally(
            self._bucket._client.complete_multipart_upload,
            self._condition,
            MultipartUpload={"Parts": parts},
            **self._upload,
        )

    def abort(self) -> None:
        self._bucket._client.abort_multipart_upload(**self._upload, **self._bucket._common)


def _config(*, is_anonymous: bool) -> Any:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": False},  # the MD5 is signed
        user_agent=f"weaselish/{__version__}",  # botocore would compose its own for each request
        **({"signature_version": UNSIGNED} if is_anonymous else {}),
    )


def _certificates(session: Any) -> str | None:
    if path := session.get_config_variable("ca_bundle"):
        check_certificates("AWS_CA_BUNDLE, or `ca_bundle` in the AWS config file,", path)
        return str(path)
    return certificates_file("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def _encryption(remote: Remote) -> dict[str, str]:
    encryption = {"ServerSideEncryption": remote.sse} if remote.sse else {}
    return encryption | ({"SSEKMSKeyId": remote.kms_key} if remote.kms_key else {})


def _send_without_waiting(params: dict[str, Any], **_: object) -> None:
    """Send a small body along with its request.

    botocore lets each body wait for `100 Continue`: a round trip, whose answer it reads byte by byte.
    """
    body = params.get("body")
    if isinstance(body, BytesIO) and len(body.getbuffer()) <= SMALL:
        params["headers"].pop("Expect", None)


def parse_time(value: object) -> datetime:
    """Parse a time as botocore does, but without its 0.1 ms for each object of a listing."""
    if isinstance(value, str):
        for parse in (datetime.fromisoformat, parsedate_to_datetime):
            with suppress(ValueError):
                return parse(value)
    parsed: datetime = parse_timestamp(value)
    return parsed


def _size(answer: Mapping[str, Any]) -> int:
    return int(answer["ContentRange"].rpartition("/")[2] if "ContentRange" in answer else answer["ContentLength"])


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
