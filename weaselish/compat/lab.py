"""Turn the connection of a project of Lab into the command that adds the remote to `proj`."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass

from weaselish.compat.foreign_yaml import ForeignYaml
from weaselish.errors import InvalidProject, ProjError, listed
from weaselish.model.urls import remote_url_problem

FILE, CONNECTIONS = "config/runtime.yaml", "~/.lab/config.yaml"


@dataclass(frozen=True, slots=True)
class LabProject:
    name: str
    tag: str
    command: str  # `proj remote add …`, without the secret key
    has_secret: bool


def read_lab(runtime: bytes, connections: bytes | None, *, file: str = FILE) -> LabProject:
    """Return the remote that a project was pushed to. `connections` is ~/.lab/config.yaml, None if it is missing.

    Raises InvalidProject with positions, ProjError if the project was never pushed or its connection is missing.
    """
    project = ForeignYaml(runtime, file)
    name, tag, bucket = (project.text((key,)) for key in ("name", "tag", "bucket"))
    project.raise_problems()
    if not tag or not bucket:
        missing = " and ".join(f"`{key}`" for key, value in (("tag", tag), ("bucket", bucket)) if not value)
        raise ProjError(f"`{file}` has no {missing}", hint="Lab writes both at the first `lab push --tag --bucket`")
    if problem := remote_url_problem(f"s3://{bucket}"):
        project.problem(("bucket",), *problem)
        project.raise_problems()
    if connections is None:
        raise ProjError(
            f"`{CONNECTIONS}`, which has the connection `{tag}`, does not exist",
            hint="copy it from the machine that pushed",
        )
    stored = _connections(connections)
    if tag not in stored.mapping(()):
        raise ProjError(
            f"`{CONNECTIONS}` has no connection `{tag}`", hint=f"it has {listed(stored.mapping(())) or 'none'}"
        )
    endpoint, key = (stored.text((tag, name), is_needed=True) for name in ("minio_endpoint", "minio_accesskey"))
    has_secret = bool(stored.text((tag, "minio_secretkey")))
    stored.raise_problems()
    words = ["proj", "remote", "add", tag, f"s3://{bucket}", "--endpoint", _address(endpoint)]
    return LabProject(name, tag, shlex.join([*words, "--access-key", key, "--secret-key", "-"]), has_secret)


def _connections(data: bytes) -> ForeignYaml:
    """Read the file that holds secrets: no message repeats a part of it."""
    try:
        return ForeignYaml(data, CONNECTIONS)
    except InvalidProject as error:
        problems = [problem._replace(message="this is not a mapping in YAML", hint=None) for problem in error.problems]
        raise InvalidProject(problems, file=CONNECTIONS) from None


def _address(endpoint: str) -> str:
    """Return an endpoint with a scheme where `proj` would assume https: Lab uses http for every server."""
    if "://" in endpoint:
        return endpoint
    host = endpoint.rpartition(":")[0] or endpoint
    try:
        is_private = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        is_private = False
    return endpoint if is_private else f"http://{endpoint}"
