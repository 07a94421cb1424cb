"""cloudpathlib: paths in buckets for programs, and a store for the URL schemes that have no store of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, unquote

from cloudpathlib import AnyPath, CloudPath
from cloudpathlib.exceptions import CloudPathException, CloudPathNotExistsError, NoStatError

from weaselish.cancel import Cancel
from weaselish.errors import CannotCopy, NotInStore, StoreError
from weaselish.model.urls import ARTIFACTORY, without_secrets
from weaselish.stores.base import Stored
from weaselish.stores.failures import detail_of, request_failed
from weaselish.stores.keys import check_key, is_key
from weaselish.stores.open import EXTRAS, bucket_class, check_remote, label, missing_library
from weaselish.stores.retry import PassingError
from weaselish.stores.threads import Threads

if TYPE_CHECKING:
    from weaselish.model.project import Remote

BLOCK = 2**20  # bytes per read
_MISSING = (CloudPathNotExistsError, NoStatError, FileNotFoundError)

T = TypeVar("T")


def cloud_path(remote: Remote, key: str = "") -> CloudPath:
    """Return the path of an object in the remote, or of the remote itself, with the remote's credentials.

    Raises StoreError for a directory, and if the library of the cloud is not installed.
    """
    scheme = check_remote(remote)
    if scheme == "file":
        raise StoreError(f"remote `{remote.name}` is a directory: `{remote.url}`", hint="use its path")
    if scheme in ARTIFACTORY:
        raise StoreError(
            f"remote `{remote.name}` is an Artifactory repository, which has no cloudpathlib path",
            hint="use `proj pull`",
        )
    if key:
        check_key(key, f"remote `{remote.name}`")
    base = _bucket_path(remote, scheme) if scheme in EXTRAS else _other_path(remote)
    return base / key if key else base


def _bucket_path(remote: Remote, scheme: str) -> CloudPath:
    kind = bucket_class(remote, scheme)
    try:
        path: CloudPath = _CLIENTS[scheme](remote).CloudPath(remote.url)
    except ModuleNotFoundError as error:
        raise missing_library(remote, scheme, error) from None
    except kind.errors as error:
        raise request_failed(label(remote), kind.explain(error), "setting it up", kind.hints) from None
    return path


def _other_path(remote: Remote) -> CloudPath:
    try:
        path = AnyPath(remote.url)
    except CloudPathException as error:
        raise _error(label(remote), "setting it up", error) from None
    assert isinstance(path, CloudPath), "the URL has a scheme"
    return path


def _s3_client(remote: Remote) -> Any:
    import boto3
    from cloudpathlib import S3Client

    options = {
        "RequestPayer": "requester" if remote.requester_pays else None,
        "ServerSideEncryption": remote.sse,
        "SSEKMSKeyId": remote.kms_key,
    }
    return S3Client(
        boto3_session=boto3.Session(profile_name=remote.profile, region_name=remote.region),
        endpoint_url=remote.endpoint_url,
        no_sign_request=remote.anonymous,
        extra_args={name: value for name, value in options.items() if value},
    )


def _gs_client(remote: Remote) -> Any:
    from cloudpathlib import GSClient

    from weaselish.stores.gs import connect

    return GSClient(storage_client=connect(remote)[1])


def _azure_client(remote: Remote) -> Any:
    from cloudpathlib import AzureBlobClient

    from weaselish.stores.azure import connect

    return AzureBlobClient(blob_service_client=connect(remote)[1])


_CLIENTS: dict[str, Callable[[Remote], Any]] = {"s3": _s3_client, "gs": _gs_client, "az": _azure_client}


class CloudPathStore:
    """Objects at a URL for which cloudpathlib has a client, its own for http(s) or one that the program registered.

    Whole objects pass through temporary files. Writes have no conditions: the store asks for the object just
    before a write. Over http(s) it only reads, since cloudpathlib cannot tell a missing object from a failed request.
    """

    def __init__(self, base: CloudPath, *, remote: str, cancel: Cancel | None = None) -> None:
        self._base = base
        self._remote = remote
        self._cancel = cancel or Cancel()
        self._threads = Threads()
        self._is_web = base.cloud_prefix.startswith("http")

    def list(self, prefix: str) -> Iterator[Stored]:
        if prefix:
            check_key(prefix, self._remote)
        doing = f"listing `{prefix}`" if prefix else "listing it"
        return self._walk(self._path(prefix) if prefix else self._base, doing)

    def head(self, key: str) -> Stored | None:
        check_key(key, self._remote)
        return self._call(f"looking for `{key}`", partial(self._stored, self._path(key)))

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        check_key(key, self._remote)
        return self._get(key, start, end)

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self._check_writable(key)

        def may_write() -> bool:
            head = None if replace and if_version is None else self.head(key)
            if if_version is not None:
                return head is not None and head.version == if_version
            return head is None

        if not may_write():
            return False
        with tempfile.NamedTemporaryFile(prefix="proj-") as file:
            for chunk in chunks:
                self._cancel.check()
                with _translated(self._remote, f"writing `{key}` to a temporary file"):
                    file.write(chunk)
            with _translated(self._remote, f"writing `{key}` to a temporary file"):
                file.flush()
            if not may_write():
                return False
            self._call(f"writing `{key}`", partial(self._upload, Path(file.name), self._path(key)))
        return True

    def copy(self, source: str, target: str, *, replace: bool = False) -> bool:
        raise CannotCopy(f"{self._remote}: it cannot copy objects by itself")

    def delete(self, key: str) -> None:
        self._check_writable(key)
        path = self._path(key)

        def delete() -> None:
            if self._stored(path) is not None:
                path.unlink()

        self._call(f"deleting `{key}`", delete)

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def close(self) -> None:
        self._threads.close()

    def _path(self, key: str) -> CloudPath:
        return self._base / (quote(key) if self._is_web else key)

    def _key(self, path: CloudPath) -> str:
        relative = str(path).removeprefix(str(self._base)).strip("/")
        return unquote(relative) if self._is_web else relative

    def _check_writable(self, key: str) -> None:
        check_key(key, self._remote)
        self._cancel.check()
        if self._is_web:
            raise StoreError(
                f"{self._remote} is read-only: `proj` does not write over http(s)",
                hint="set `read_only: true`, or write through a directory, `s3://`, `gs://` or `az://`",
            )

    def _walk(self, directory: CloudPath, doing: str) -> Iterator[Stored]:
        if self._is_web and not str(directory).endswith("/"):
            directory = directory.client.CloudPath(f"{directory}/")
        entries = iter(directory.iterdir())
        while True:
            entry = self._call(doing, partial(_next, entries))
            if entry is None:
                return
            if not str(entry).startswith(str(directory)):
                continue  # a link to the parent, say
            if self._call(doing, entry.is_dir):
                yield from self._walk(entry, doing)
            elif is_key(self._key(entry)):
                stored = self._call(doing, partial(self._stored, entry))
                if stored is not None:
                    yield stored

    def _stored(self, path: CloudPath) -> Stored | None:
        try:
            if not path.is_file():
                return None
            status = path.stat()
        except _MISSING:
            return None
        return Stored(self._key(path), status.st_size, status.st_mtime, f"{status.st_mtime}-{status.st_size}")

    def _get(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        path = self._path(key)
        with tempfile.TemporaryDirectory(prefix="proj-") as directory:
            file = Path(directory, "object")
            try:
                self._call(f"reading `{key}`", partial(self._download, path, file))
            except _MISSING:
                raise NotInStore(f"{self._remote}: no object `{key}`") from None
            with file.open("rb") as opened:
                opened.seek(start)
                yield from self._pieces(opened, None if end is None else max(0, end - start))

    def _download(self, path: CloudPath, file: Path) -> None:
        if not self._is_web:
            if not path.is_file():
                raise CloudPathNotExistsError
            path.download_to(file)
            return
        path.client._download_file(path, file)  # `download_to` takes a failed request for a missing object

    def _upload(self, file: Path, path: CloudPath) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.upload_from(file, force_overwrite_to_cloud=True)

    def _pieces(self, opened: BinaryIO, left: int | None) -> Iterator[bytes]:
        while block := opened.read(BLOCK if left is None else min(BLOCK, left)):
            self._cancel.check()
            left = None if left is None else left - len(block)
            yield block

    def _call(self, doing: str, call: Callable[[], T]) -> T:
        """Call cloudpathlib and translate its errors, except those that report a missing object."""
        with _translated(self._remote, doing):
            return self._threads.run(call, self._cancel)


def _next(entries: Iterator[CloudPath]) -> CloudPath | None:
    try:
        return next(entries, None)
    except _MISSING:
        return None
    except NotImplementedError as error:  # how its client for http(s) reports any failure
        if isinstance(error.__context__, HTTPError) and error.__context__.code == 404:
            return None
        raise


@contextmanager
def _translated(remote: str, doing: str) -> Iterator[None]:
    try:
        yield
    except _MISSING:
        raise
    except HTTPError as error:
        if error.code == 404:
            raise CloudPathNotExistsError from None
        raise _error(remote, doing, error) from None
    except Exception as error:  # noqa: BLE001 - each client raises errors of its own
        raise _error(remote, doing, error) from None


def _error(remote: str, doing: str, error: Exception) -> StoreError:
    kind = PassingError if isinstance(error, (ConnectionError, TimeoutError)) else StoreError
    return kind(f"{remote}: {without_secrets(detail_of(error))} while {doing}")
