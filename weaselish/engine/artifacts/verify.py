"""Verifies a version: reads its bytes, or computes it again from the record of its run and compares."""

from __future__ import annotations

import enum
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from weaselish import __version__
from weaselish.engine import events
from weaselish.engine.artifacts.catalogue import Version
from weaselish.engine.artifacts.equivalent import Difference, differences
from weaselish.engine.artifacts.facts import selector_after_at
from weaselish.engine.artifacts.pull import Puller
from weaselish.engine.artifacts.rerun import ExecutorsIn, Rerun
from weaselish.engine.artifacts.stores import Stores, named_artifact
from weaselish.engine.artifacts.transfer import find_version
from weaselish.engine.remote.resolve import OpenStore
from weaselish.engine.workers import run_aside
from weaselish.errors import StoreError
from weaselish.model.artifacts import Artifact
from weaselish.stores.base import Store
from weaselish.workspace import Workspace

_GRACE = 0.8  # seconds to unwind after Ctrl-C


class CheckState(enum.StrEnum):
    INTACT = "intact"  # the bytes are those of the manifest
    UNKNOWN = "unattested"  # it can be read, but no manifest says what it should be
    DAMAGED = "damaged"
    IDENTICAL = "identical"  # computed again, with the same digest
    EQUIVALENT = "equivalent"  # other bytes, and numbers within the tolerances
    DIFFERENT = "different"
    FAILED = "failed"  # the script did not succeed

    @property
    def is_good(self) -> bool:
        return self in (CheckState.INTACT, CheckState.UNKNOWN, CheckState.IDENTICAL, CheckState.EQUIVALENT)


@dataclass(frozen=True, slots=True)
class Check:
    """What a verification found. `notes`: why the result may differ. `stored`: whether it is kept on the remote."""

    name: str
    version: str | None
    state: CheckState
    message: str = ""
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    stored: bool = False


def verify(
    workspace: Workspace,
    name: str,
    wanted: str,
    *,
    prefix: str,
    executors_in: ExecutorsIn | None,
    open_store: OpenStore,
    report: events.Reporter,
) -> Check:
    """Verify the bytes of a version; with `executors_in`, also compute it again. Raises NoSuchVersion, StoreError."""
    artifact, selector = named_artifact(workspace, name), selector_after_at(wanted)
    with Stores(workspace, open_store) as stores:

        def look_up() -> Version:
            return find_version(workspace, stores, artifact, selector, prefix)

        version = run_aside(look_up, workspace.cancel, grace=_GRACE)
        store = stores.of(artifact)
        puller = Puller(workspace, store, report)
        check = run_aside(lambda: _check_bytes(puller, artifact, version), workspace.cancel, grace=_GRACE)
        if executors_in is None or check.state is CheckState.DAMAGED:
            return check
        remote = stores.remote(artifact)
        rerun = Rerun(workspace, store, puller, artifact, version, open_store, remote, executors_in, report)
        return _check_by_rerun(rerun, store, is_read_only=remote.read_only)


def _check_bytes(puller: Puller, artifact: Artifact, version: Version) -> Check:
    with TemporaryDirectory(prefix="proj-artifact-") as place:
        try:
            puller.fetch(artifact, version, Path(place), unpacks=version.is_directory and version.manifest is not None)
        except StoreError as error:
            return Check(artifact.name, version.number, CheckState.DAMAGED, error.message)
    state = CheckState.UNKNOWN if version.manifest is None else CheckState.INTACT
    return Check(artifact.name, version.number, state)


def _check_by_rerun(rerun: Rerun, store: Store, *, is_read_only: bool) -> Check:
    artifact, version = rerun.artifact, rerun.version
    with TemporaryDirectory(prefix="proj-rerun-") as place:
        ended = rerun.run(Path(place) / "project")
        state = CheckState.FAILED
        found: tuple[Difference, ...] = ()
        if ended.failure is None:
            state = CheckState.IDENTICAL if ended.is_identical else CheckState.DIFFERENT
        if state is CheckState.DIFFERENT and artifact.equivalent:
            found = tuple(differences(rerun, ended))
            state = CheckState.DIFFERENT if any(not one.is_within for one in found) else CheckState.EQUIVALENT
    check = Check(artifact.name, version.number, state, ended.failure or "", found, ended.notes)
    if is_read_only:
        return check
    _store(store, version, check)
    return Check(check.name, check.version, state, check.message, found, check.notes, stored=True)


def _store(store: Store, version: Version, check: Check) -> None:
    """Keep what a rerun found beside the version."""
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    record = version.manifest.record if version.manifest else None
    document = {
        "format": 1,
        "at": f"{at}Z",
        "outcome": check.state.value,
        "message": check.message,
        "differences": [one._asdict() for one in check.differences],
        "notes": list(check.notes),
        "run": record._asdict() if record else None,
        "tool": f"proj {__version__}",
        "host": os.uname().nodename,
    }
    name = f"{at.replace(':', '').replace('-', '')}.{int(now * 1_000_000) % 1_000_000:06}Z.json"
    text = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    store.put(f"{version.names.checks(version.number)}/{name}", [text])
