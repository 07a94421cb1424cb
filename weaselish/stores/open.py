"""Open the store of a remote."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.connections.credentials import Credentials
from weaselish.errors import StoreError
from weaselish.files.atomic import writing
from weaselish.files.home import put_home
from weaselish.model.urls import ARTIFACTORY, directory_of, remote_url_problem, scheme_of, without_secrets
from weaselish.stores.directory import DirectoryStore
from weaselish.stores.wrappers import ReadOnly, Retrying

if TYPE_CHECKING:
    from weaselish.cancel import Cancel
    from weaselish.model.project import Remote
    from weaselish.stores.base import Store
    from weaselish.stores.bucket import Bucket

EXTRAS = {"s3": "s3", "gs": "gs", "az": "azure"}  # scheme of a URL -> the extra to install
_BUCKETS = {
    "s3": "s3.S3Bucket",
    "gs": "gs.GSBucket",
    "az": "azure.AzureBucket",
    **dict.fromkeys(ARTIFACTORY, "artifactory.ArtifactoryBucket"),
}
_OPTIONS = {  # scheme of a URL -> the options that apply
    "s3": ("endpoint_url", "profile", "region", "anonymous", "sse", "kms_key", "requester_pays"),
    "gs": ("endpoint_url", "anonymous", "requester_pays"),
    "az": ("endpoint_url", "anonymous"),
    "http": ("auth",),
    "https": ("auth",),
    **dict.fromkeys(ARTIFACTORY, ("profile", "anonymous", "auth")),
}
_ALL_OPTIONS = (*_OPTIONS["s3"], "auth")


def open_store(
    remote: Remote,
    *,
    root: Path,
    cancel: Cancel,
    environ: Mapping[str, str] | None = None,
    given: Credentials | None = None,
) -> Store:
    """Open the remote's store. `root` is the project's directory: a relative path counts from it.

    `given` are credentials that take precedence over all others. `environ` is what `env:` refers to, by default the
    process's environment. No request is sent to the store, and nothing is created on disk, before it is used. Raises
    `StoreError` if the remote is not set up right, has no credentials, or needs a library that is not installed, and
    `ProjError` if a secret cannot be resolved.
    """
    if remote.is_user_cache:
        return _open_directory(remote, root, cancel)  # nothing there passes by itself
    scheme = check_remote(remote)
    if scheme == "file":
        return _wrapped(_open_directory(remote, root, cancel), remote, cancel)
    from weaselish.connections.login import credentials_of

    credentials = credentials_of(remote, root=root, cancel=cancel, environ=environ, given=given)
    return _wrapped(_open(remote, scheme, credentials, cancel), remote, cancel)


def _wrapped(store: Store, remote: Remote, cancel: Cancel) -> Store:
    store = Retrying(store, cancel=cancel)
    return ReadOnly(store, f"remote `{remote.name}`") if remote.read_only else store


def credentials_source(remote: Remote) -> str | None:
    """Return where the remote's credentials come from, or what was tried, never a secret. None if it needs none."""
    scheme = check_remote(remote)
    if scheme == "file":
        return None
    from weaselish.connections.login import find_login

    if sources := dict.fromkeys(found.source for found in find_login(remote).values()):
        return ", ".join(sources)
    return _bucket(remote, scheme, None).credentials() if scheme in _BUCKETS else None


def create_bucket(
    remote: Remote,
    *,
    root: Path,
    cancel: Cancel,
    environ: Mapping[str, str] | None = None,
    given: Credentials | None = None,
) -> None:
    """Create the bucket or directory of a remote. Arguments as for `open_store`. Raises StoreError and ProjError."""
    scheme = check_remote(remote)
    if scheme == "file":
        path = _directory(remote, root)
        with writing(f"`{path}`"):
            path.mkdir(parents=True, exist_ok=True)
        return
    if scheme not in EXTRAS:
        raise StoreError(f"`proj` cannot create `{remote.url}`", hint="create it on the server")
    from weaselish.connections.login import credentials_of
    from weaselish.stores.failures import request_failed
    from weaselish.stores.threads import Threads

    credentials = credentials_of(remote, root=root, cancel=cancel, environ=environ, given=given)
    bucket = _bucket(remote, scheme, credentials)
    try:
        Threads().run(bucket.create, cancel)
    except bucket.errors as error:
        raise request_failed(label(remote), bucket.explain(error), "creating the bucket", bucket.hints) from None
    finally:
        bucket.close()


def check_remote(remote: Remote) -> str:
    """Return the scheme of the remote's URL, `file` for a path. Raises StoreError if the remote is invalid."""
    if problem := remote_url_problem(remote.url):
        raise StoreError(f"remote `{remote.name}`: {problem[0]}", hint=problem[1])
    scheme = scheme_of(remote.url)
    if scheme != "file":
        _check_for_secrets(remote)
    _check_options(remote, scheme)
    return scheme


def bucket_class(remote: Remote, scheme: str) -> type[Bucket]:
    """Import the module of a cloud, and with it the cloud's library. Raises StoreError if that is not installed."""
    module, _, name = _BUCKETS[scheme].partition(".")
    try:
        kind: type[Bucket] = getattr(import_module(f"weaselish.stores.{module}"), name)
    except ModuleNotFoundError as error:
        raise missing_library(remote, scheme, error) from None
    return kind


def missing_library(remote: Remote, scheme: str, error: ModuleNotFoundError) -> StoreError:
    return StoreError(
        f"remote `{remote.name}`: `{scheme}://` needs a library that is not installed (`{error.name}`)",
        hint=f"pip install 'weaselish[{EXTRAS[scheme]}]'",
    )


def label(remote: Remote, endpoint: str = "") -> str:
    """Return how messages name the remote. `endpoint` is its server's URL, if the remote does not say."""
    endpoint = without_secrets(remote.endpoint_url or endpoint)
    return f"remote `{remote.name}` ({remote.url}" + (f" at {endpoint})" if endpoint else ")")


def _open(remote: Remote, scheme: str, credentials: Credentials | None, cancel: Cancel) -> Store:
    if scheme in ARTIFACTORY:
        return _open_artifactory(remote, scheme, credentials, cancel)
    if scheme in EXTRAS:
        from weaselish.stores.cloud import CloudStore

        bucket = _bucket(remote, scheme, credentials)
        return CloudStore(bucket, remote=label(remote, bucket.endpoint), cancel=cancel)
    from weaselish.stores.cloudpath import CloudPathStore, cloud_path

    return CloudPathStore(cloud_path(remote), remote=label(remote), cancel=cancel)


def _open_artifactory(remote: Remote, scheme: str, credentials: Credentials | None, cancel: Cancel) -> Store:
    from weaselish.stores.artifactory import ArtifactoryBucket
    from weaselish.stores.artifactory_store import ArtifactoryStore

    bucket = _bucket(remote, scheme, credentials)
    assert isinstance(bucket, ArtifactoryBucket)
    return ArtifactoryStore(bucket, remote=label(remote), cancel=cancel)


def _open_directory(remote: Remote, root: Path, cancel: Cancel) -> DirectoryStore:
    name = f"remote `{remote.name}` ({_path(remote)})"
    return DirectoryStore(_directory(remote, root), remote=name, cancel=cancel, is_cache=remote.is_user_cache)


def _directory(remote: Remote, root: Path) -> Path:
    return root / put_home(_path(remote))


def _path(remote: Remote) -> str:
    path = directory_of(remote.url)
    assert path is not None
    return path


def _bucket(remote: Remote, scheme: str, credentials: Credentials | None) -> Bucket:
    from weaselish.stores.failures import request_failed

    kind = bucket_class(remote, scheme)
    try:
        return kind(remote, credentials)
    except kind.errors as error:
        raise request_failed(label(remote), kind.explain(error), "setting it up", kind.hints) from None


def _check_for_secrets(remote: Remote) -> None:
    """Raise StoreError if a URL holds a credential: messages show URLs, and project.yml is shared."""
    for option, url in (("url", remote.url), ("endpoint_url", remote.endpoint_url or "")):
        host = url.partition("://")[2].partition("/")[0]
        if "@" in host or "sig=" in url.partition("?")[2]:
            raise StoreError(
                f"remote `{remote.name}`: its `{option}:` holds a credential",
                hint="remove it, and provide it by environment variables or a profile",
            )


def _check_options(remote: Remote, scheme: str) -> None:
    """Raise StoreError for an option that has no meaning for this kind of store, or beside another option."""
    for name in _ALL_OPTIONS:
        if getattr(remote, name) not in (None, False) and name not in _OPTIONS.get(scheme, ()):
            raise StoreError(f"remote `{remote.name}`: `{name}:` means nothing for `{remote.url}`", hint="remove it")
    if remote.kms_key and remote.sse != "aws:kms":
        raise StoreError(f"remote `{remote.name}`: `kms_key:` needs `sse: aws:kms`", hint="add it, or remove the key")
    if remote.anonymous and (remote.profile or remote.requester_pays):
        other = "profile" if remote.profile else "requester_pays"
        raise StoreError(
            f"remote `{remote.name}`: `anonymous: true` and `{other}:` exclude each other", hint="remove one of them"
        )
