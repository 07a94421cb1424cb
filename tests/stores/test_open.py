"""From remotes to stores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weaselish.errors import StoreError
from weaselish.model.project import Remote
from weaselish.stores.open import credentials_source

from .conftest import open_remote
from .contract import keys, read


def test_a_relative_path_is_relative_to_the_project(tmp_path: Path) -> None:
    open_remote(Remote("local", "where"), root=tmp_path).put("a", [b"x"])
    assert (tmp_path / "where/a").read_bytes() == b"x"


def test_an_absolute_path_the_home_directory_and_a_file_url_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for url in (
        str(tmp_path / "sp ace"),
        "~/sp ace",
        f"file://{tmp_path}/sp%20ace",
        f"FILE://localhost{tmp_path}/sp ace",
    ):
        store = open_remote(Remote("local", url), root=Path("/nowhere"))
        store.put("a", [b"x"])
        assert (keys(store), read(store, "a")) == (["a"], b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["sp ace"]


def test_opening_creates_nothing(tmp_path: Path) -> None:
    remote = Remote("local", "where")
    assert keys(open_remote(remote, root=tmp_path)) == []
    assert credentials_source(remote) is None
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_remote_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="remote `local` is read-only: cannot delete `a`"):
        open_remote(Remote("local", "x", read_only=True), root=tmp_path).delete("a")


@pytest.mark.parametrize(
    ("remote", "message"),
    [
        (Remote("lab", "ftp://host/path"), "remote `lab`: `ftp://` is not supported as a remote"),
        (Remote("lab", "file://host/path"), "remote `lab`: `host` cannot be the host of a `file://` URL"),
        (Remote("lab", "path", profile="p"), "remote `lab`: `profile:` means nothing for `path`"),
        (Remote("lab", "az://c", region="r"), "remote `lab`: `region:` means nothing for `az://c`"),
        (Remote("lab", "path", anonymous=True), "remote `lab`: `anonymous:` means nothing for `path`"),
        (Remote("lab", "gs://b", sse="AES256"), "remote `lab`: `sse:` means nothing for `gs://b`"),
        (Remote("lab", "az://c", requester_pays=True), "remote `lab`: `requester_pays:` means nothing for `az://c`"),
        (Remote("lab", "s3://b", kms_key="k"), "remote `lab`: `kms_key:` needs `sse: aws:kms`"),
        (
            Remote("lab", "s3://b", anonymous=True, profile="p"),
            "remote `lab`: `anonymous: true` and `profile:` exclude each other",
        ),
        (
            Remote("lab", "artifactory+https://me:secret@h/artifactory/r"),
            "remote `lab`: its `url:` holds a credential",
        ),
        (
            Remote("lab", "artifactory+https://h/artifactory/r", region="r"),
            "remote `lab`: `region:` means nothing for `artifactory+https://h/artifactory/r`",
        ),
        (Remote("lab", "s3://key:secret@bucket/x"), "remote `lab`: its `url:` holds a credential"),
        (Remote("lab", "az://c/x?sv=1&sig=secret"), "remote `lab`: its `url:` holds a credential"),
        (Remote("lab", "s3://b", "http://me:secret@host"), "remote `lab`: its `endpoint_url:` holds a credential"),
        (Remote("lab", "az://c", "https://h/?sig=secret"), "remote `lab`: its `endpoint_url:` holds a credential"),
    ],
)
def test_an_invalid_remote_is_an_error_without_secrets(remote: Remote, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_remote(remote)
    assert caught.value.message == message
    assert caught.value.hint and "secret" not in caught.value.hint


@pytest.mark.parametrize(
    ("scheme", "library", "extra"),
    [("s3", "botocore", "s3"), ("gs", "google.cloud.storage", "gs"), ("az", "azure.storage.blob", "azure")],
)
def test_a_library_that_is_not_installed_is_named_with_how_to_install_it(
    scheme: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"weaselish.stores.{extra}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        StoreError, match=f"remote `lab`: `{scheme}://` needs a library that is not installed"
    ) as caught:
        open_remote(Remote("lab", f"{scheme}://bucket"))
    assert caught.value.hint == f"pip install 'weaselish[{extra}]'"


def test_nothing_heavy_is_imported_before_a_bucket_is_opened() -> None:
    code = """
import sys
from pathlib import Path
from weaselish.cancel import Cancel
from weaselish.model.project import Remote
from weaselish.stores.open import open_store
list(open_store(Remote("local", "x"), root=Path("/"), cancel=Cancel()).list(""))
print([name for name in ("boto3", "google", "azure", "cloudpathlib", "requests") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
