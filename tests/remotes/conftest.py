"""Remotes of every kind, on real servers."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from harness import ProjectDir
from servers import Server
from stores.conftest import (  # noqa: F401 - fixtures
    BUCKET,
    azurite,
    fake_gcs,
    moto,
    no_credentials_of_this_machine,
    rclone,
    seaweedfs,
)

SCHEMES = {"seaweedfs": "s3", "moto": "s3", "rclone": "s3", "fake_gcs": "gs", "azurite": "az"}
PLACES = ["directory", *(pytest.param(name, marks=pytest.mark.servers) for name in SCHEMES)]


@pytest.fixture
def remote(request: pytest.FixtureRequest, project: ProjectDir, tmp_path: Path) -> str:
    """The URL of an empty remote of the kind that the parameter names; the project's environment signs in."""
    kind = request.param
    if kind == "directory":
        return str(tmp_path / "remote")
    sign_in(project, request.getfixturevalue(kind))
    return f"{SCHEMES[kind]}://{BUCKET}/{uuid.uuid4().hex}"


def sign_in(project: ProjectDir, server: Server) -> None:
    """The server is given by AWS_ENDPOINT_URL, as people do, not by the variable that is for S3 alone."""
    environ = {**server.environ, "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}
    if "AWS_ENDPOINT_URL_S3" in environ:
        environ["AWS_ENDPOINT_URL"] = environ.pop("AWS_ENDPOINT_URL_S3")
    project.environ.update(environ)
