"""Where jobs and their inputs are on a remote, and the URL by which `proj exec` finds a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from weaselish.errors import UsageError
from weaselish.model.project import Remote

INPUTS = ".proj/inputs"
JOBS = ".proj/jobs"
_TEXTS = ("endpoint_url", "profile", "region", "sse", "kms_key")  # settings of a remote that travel in the URL
_SWITCHES = ("anonymous", "requester_pays")
_HINT = "proj exec REMOTE/.proj/jobs/NAME.json, as the executor of a run calls it"


def input_key(digest: str) -> str:
    """Return the key of the object that holds the content with this digest."""
    return f"{INPUTS}/{digest}"


def job_key(job: str) -> str:
    """Return the key of a job's document."""
    return f"{JOBS}/{job}.json"


def attempt_key(job: str, attempt: str) -> str:
    """Return the key of the result of one attempt at a job."""
    return f"{JOBS}/{job}/{attempt}.json"


def alive_key(job: str, attempt: str) -> str:
    """Return the key of the object by which an attempt shows that it lives."""
    return f"{JOBS}/{job}/{attempt}.alive"


def job_url(remote: Remote, root: Path, job: str) -> str:
    """Return the URL of a job's document, with the settings of the remote. `root`: of the project."""
    url = remote.url if "://" in remote.url else os.path.join(root, os.path.expanduser(remote.url))
    if "://" not in url:
        url = os.path.normpath(url)
    given = {name: value for name in _TEXTS if (value := getattr(remote, name))}
    given |= {name: "true" for name in _SWITCHES if getattr(remote, name)}
    if remote.name and "/" not in remote.name and "://" in remote.url:
        given["name"] = remote.name  # by which PROJ_REMOTE_… variables of the place are found
    return f"{url.rstrip('/')}/{job_key(job)}" + (f"?{urlencode(given)}" if given else "")


def from_job_url(url: str) -> tuple[Remote, str]:
    """Return the remote and the name of a job from its URL. Raises UsageError."""
    base, _, query = url.partition("?")
    top, found, name = base.rpartition(f"/{JOBS}/")
    if not found or not name.endswith(".json") or "/" in name:
        raise UsageError(f"`{url}` is not the URL of a job", hint=_HINT)
    given = dict(parse_qsl(query))
    if unknown := [key for key in given if key not in (*_TEXTS, *_SWITCHES, "name")]:
        raise UsageError(f"`{url}` has a setting that no remote has: `{unknown[0]}`", hint=_HINT)
    return _remote(top, given), name.removesuffix(".json")


def _remote(url: str, given: Mapping[str, str]) -> Remote:
    texts = {name: given[name] for name in _TEXTS if name in given}
    switches = {name: given.get(name) == "true" for name in _SWITCHES}
    at = url if "://" in url else os.path.abspath(url)
    return Remote(given.get("name", "job"), at, **texts, **switches)  # type: ignore[arg-type]
