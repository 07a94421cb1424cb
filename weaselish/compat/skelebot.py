"""Turn the artifacts of a skelebot.yaml into keys of project.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from weaselish.compat.foreign_yaml import ForeignYaml
from weaselish.files import yaml12
from weaselish.model.locations import Path
from weaselish.model.urls import remote_url_problem

FILE, VERSION = "skelebot.yaml", "VERSION"
REMOTE = "models"
_REPOSITORY: Path = ("components", "repository")
_SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_DOUBLE = re.compile(r"\.(tar\.(gz|bz2|xz|zst)|(nii|csv|json|jsonl|txt)\.gz)$")
_LOGINS = {
    "user_pass": {"type": "basic", "user": "env:JF_USER", "password": "env:JF_PASSWORD"},
    "token": {"type": "bearer", "token": "env:JF_TOKEN"},
    "api_key": {"type": "api_key", "token": "env:JF_API_KEY"},
}
_AWS = (("Secret", "Artifactory"), ("Profile", "default"), ("Region", "us-east-1"))


@dataclass(frozen=True, slots=True)
class Imported:
    text: str  # YAML, for project.yml
    notes: tuple[str, ...]  # what the user has to check or do


def read_skelebot(data: bytes, *, file: str = FILE, version: bytes | None = None) -> Imported:
    """Return the keys for the version, the store and the artifacts. `version` is the file VERSION beside it.

    Raises InvalidProject with all problems and their positions.
    """
    source, notes = ForeignYaml(data, file), list[str]()
    keys: dict[str, object] = {}
    if name := source.text(("name",)):
        keys["title"] = name
    if number := _version(source, version, notes):
        keys["version"] = number
    if source.value(_REPOSITORY) is None:
        source.problem((), "`components.repository` is missing", "without it there is nothing to import")
    if not source.mapping(_REPOSITORY):
        source.raise_problems()
    keys["remotes"] = {REMOTE: _remote(source, notes)}
    keys["artifacts"] = _artifacts(source, notes)
    source.raise_problems()
    return Imported(yaml12.write(keys), tuple(notes))


def _version(source: ForeignYaml, file: bytes | None, notes: list[str]) -> object:
    if file is not None:
        text = file.decode("utf-8", "replace").strip()
        if not _SEMANTIC.fullmatch(text):
            notes.append(f"`{VERSION}` does not hold a semantic version such as `1.0.0`")
        return {"file": VERSION}
    text = source.text(("version",))
    if not text:
        notes.append("no version found: `version: 1.0.0`, or `version: {file: VERSION}`, is needed to push")
    elif not _SEMANTIC.fullmatch(text):
        source.problem(("version",), f"`{text}` is not a semantic version", "write three numbers, such as `1.0.0`")
    return text


def _remote(source: ForeignYaml, notes: list[str]) -> Mapping[str, object]:
    """Return the remote for the store that the file configures. Two stores are a problem."""
    configured = [name for name in ("s3", "artifactory") if source.value((*_REPOSITORY, name)) is not None]
    if len(configured) == 2:
        message = "both `s3` and `artifactory` are configured, and Skelebot uses only `s3`"
        source.problem((*_REPOSITORY, "artifactory"), message, "remove the one that you do not use", key=True)
    elif configured == ["s3"]:
        return _s3(source)
    elif configured == ["artifactory"]:
        return _artifactory(source, notes)
    else:
        source.problem(_REPOSITORY, "neither `s3` nor `artifactory` is configured", key=True)
    return {}


def _s3(source: ForeignYaml) -> Mapping[str, object]:
    path = (*_REPOSITORY, "s3")
    source.mapping(path)
    bucket = source.text((*path, "bucket"), is_needed=True)
    remote: dict[str, object] = {"url": "s3://" + bucket.removeprefix("s3://").strip("/")}
    for name in ("region", "profile"):
        if value := source.text((*path, name)):
            remote[name] = value
    return _checked(source, (*path, "bucket"), remote) if bucket else remote


def _artifactory(source: ForeignYaml, notes: list[str]) -> Mapping[str, object]:
    path = (*_REPOSITORY, "artifactory")
    source.mapping(path)
    url, repository = (source.text((*path, name), is_needed=True) for name in ("url", "repo"))
    inner = source.text((*path, "path")).strip("/")
    if not url or not repository:
        return {}
    if "://" not in url:
        url = f"https://{url}"
    scheme, _, rest = url.partition("://")
    host, _, context = rest.partition("/")
    if "@" in host:
        host = host.rpartition("@")[2]
        notes.append("left out the login in the `url` of `artifactory`: change it, it was in a file")
    if "artifactory" not in context.split("/"):
        context = f"{context.strip('/')}/artifactory"
        notes.append("added `/artifactory` to the URL of the server: check that it is right")
    place = quote("/".join(part for part in (repository.strip("/"), inner) if part))
    remote: dict[str, object] = {"url": f"artifactory+{scheme}://{host}/{context.strip('/')}/{place}"}
    remote["auth"] = _auth(source, notes)
    return _checked(source, (*path, "url"), remote)


def _checked(source: ForeignYaml, path: Path, remote: Mapping[str, object]) -> Mapping[str, object]:
    if problem := remote_url_problem(str(remote["url"])):
        source.problem(path, *problem)
    return remote


def _auth(source: ForeignYaml, notes: list[str]) -> Mapping[str, str]:
    """Return references to the login: Skelebot asks for it, or reads a secret of AWS."""
    path = (*_REPOSITORY, "auth")
    if source.value(path) is None:
        path = (*_REPOSITORY, "artifactory", "auth")
    source.mapping(path)
    kind = source.text((*path, "authType")) or "user_pass"
    login = dict(_LOGINS.get(kind.replace("apikey", "api_key"), {}))
    if not login:
        source.problem((*path, "authType"), f"`{kind}` is not a kind of login", "`token`, `api_key` or `user_pass`")
        return {}
    if source.switch((*path, "aws")):
        secret, profile, region = (source.text((*path, f"aws{name}")) or default for name, default in _AWS)
        options = f"profile={quote(profile)}&region={quote(region)}"
        login["password" if kind == "user_pass" else "token"] = f"aws-sm:{secret}#token?{options}"
    variables = [value.partition(":")[2] for value in login.values() if value.startswith("env:")]
    if variables:
        notes.append(
            f"`proj` reads the login from {' and '.join(f'`{name}`' for name in variables)} in the environment"
        )
    return login


def _artifacts(source: ForeignYaml, notes: list[str]) -> Mapping[str, object]:
    artifacts: dict[str, object] = {}
    path: Path = (*_REPOSITORY, "artifacts")
    for number in range(source.length(path)):
        item = (*path, number)
        if not isinstance(source.value(item), dict):
            source.problem(item, "an artifact is not a mapping", "`- {name: model, file: model.pkl}`")
            continue
        name, file = (source.text((*item, key), is_needed=True) for key in ("name", "file"))
        if name in artifacts:
            source.problem((*item, "name"), f"two artifacts have the name `{name}`", "rename one of them")
        if name and file:
            is_singular = source.switch((*item, "singular"))
            clean = str(PurePosixPath(file))
            artifacts[name] = {"path": clean, "remote": REMOTE} | ({"singular": True} if is_singular else {})
            notes += _renamed(name, file, "" if is_singular else "_v1.0.0")
    if not artifacts:
        notes.append("no artifacts are listed")
    return artifacts


def _renamed(name: str, file: str, version: str) -> list[str]:
    """Return a note if Skelebot stored a file under another name than `proj` looks for."""
    parts = file.split(".")
    theirs = f".{parts[1]}" if len(parts) > 1 else ""
    double = _DOUBLE.search(file)
    ours = double[0] if double else PurePosixPath(file).suffix
    if theirs == ours:
        return []
    return [
        f"`{name}`: Skelebot stored `{name}{version}{theirs}`, `proj` looks for `{name}{version}{ours}`: copy the file"
    ]
