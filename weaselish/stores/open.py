"""From a remote of project.yml to its store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from weaselish.errors import StoreError
from weaselish.model.urls import remote_url_problem, without_secrets
from weaselish.stores.directory import DirectoryStore
from weaselish.stores.wrappers import ReadOnly, Retrying

if TYPE_CHECKING:
    from weaselish.model.project import Remote
    from weaselish.stores.base import Store
    from weaselish.stores.bucket import Bucket

EXTRAS = {"s3": "s3", "gs": "gs", "az": "azure"}  # scheme of a URL: what to install


def open_store(remote: Remote, *, root: Path) -> Store:
    """The remote's store; `root` is the project's directory, from which a relative path counts.

    The bucket is asked nothing and nothing is made on the disk before the store is used. Raises `StoreError` if the
    remote is not set up right, lacks credentials, or its cloud's library is not installed.
    """
    store = Retrying(_open_cloud(remote) if _scheme(remote) in EXTRAS else _open_directory(remote, root))
    return ReadOnly(store, f"remote `{remote.name}`") if remote.read_only else store


def credentials_source(remote: Remote) -> str | None:
    """Where the remote's credentials were found, or what was tried; None for a directory. Never a secret."""
    return _bucket(remote).credentials() if _scheme(remote) in EXTRAS else None


def _scheme(remote: Remote) -> str:
    if problem := remote_url_problem(remote.url):
        raise StoreError(f"remote `{remote.name}`: {problem[0]}", hint=problem[1])
    scheme, separator, _ = remote.url.partition("://")
    if not separator:
        return "file"
    if (scheme := scheme.lower()) not in {"file", *EXTRAS}:
        raise StoreError(
            f"remote `{remote.name}`: there is no store for `{scheme}://`",
            hint="use a path, `file://`, `s3://`, `gs://` or `az://`",
        )
    return scheme


def _open_directory(remote: Remote, root: Path) -> DirectoryStore:
    _refuse_options(remote, "endpoint_url", "profile", "region")
    path = remote.url
    if "://" in path:
        path = unquote(urlsplit(path).path)
    return DirectoryStore(root / Path(path).expanduser(), remote=f"remote `{remote.name}` ({path})")


def _open_cloud(remote: Remote) -> Store:
    from weaselish.stores.cloud import CloudStore

    bucket = _bucket(remote)
    return CloudStore(bucket, remote=_label(remote, bucket.endpoint))


def _bucket(remote: Remote) -> Bucket:
    scheme = _scheme(remote)
    _refuse_secrets(remote)
    if scheme != "s3":
        _refuse_options(remote, "profile", "region")
    try:
        return _connect(remote, scheme)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"remote `{remote.name}`: `{scheme}://` needs a library that is not installed (`{error.name}`)",
            hint=f"pip install 'weaselish[{EXTRAS[scheme]}]'",
        ) from None


def _connect(remote: Remote, scheme: str) -> Bucket:
    """Each cloud's module is imported, and with it its library, only here."""
    from weaselish.stores.bucket import refusal

    kind: type[Bucket]
    match scheme:
        case "s3":
            from weaselish.stores.cloud_s3 import S3Bucket as kind
        case "gs":
            from weaselish.stores.cloud_gs import GSBucket as kind
        case _:
            from weaselish.stores.cloud_azure import AzureBucket as kind
    try:
        return kind(remote)
    except kind.errors as error:
        trouble, detail = kind.explain(error)
        raise refusal(_label(remote), trouble, detail, "setting it up", kind.hints.get(trouble)) from None


def _label(remote: Remote, endpoint: str = "") -> str:
    endpoint = without_secrets(remote.endpoint_url or endpoint)
    return f"remote `{remote.name}` ({remote.url}" + (f" at {endpoint})" if endpoint else ")")


def _refuse_secrets(remote: Remote) -> None:
    """A bucket's URL is shown in messages and kept in project.yml: it must not hold a credential."""
    for option, url in (("url", remote.url), ("endpoint_url", remote.endpoint_url or "")):
        host = url.partition("://")[2].partition("/")[0]
        if "@" in host or "sig=" in url.partition("?")[2]:
            raise StoreError(
                f"remote `{remote.name}`: its `{option}:` holds a credential",
                hint="take it out, and give it by environment variables or a profile",
            )


def _refuse_options(remote: Remote, *names: str) -> None:
    for name in names:
        if getattr(remote, name) is not None:
            raise StoreError(f"remote `{remote.name}`: `{name}:` means nothing for `{remote.url}`", hint="remove it")
