"""Entries of project.lock without a run record, as Weasel writes them: read as far as they verify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaselish.compat import weasel
from weaselish.engine.run.environment import environment_of
from weaselish.files.walk import View
from weaselish.model.interpolate import put_env
from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.record import Origin, Record, RecordedOutput
from weaselish.records.lock_entry import LockEntry, is_written_by_us
from weaselish.workspace import Workspace


def adopted(workspace: Workspace, command: Command, entry: LockEntry) -> Record:
    """Return the entry as a record with run id 0.

    A path that verifies by Weasel's formula gets its current digest; the others keep Weasel's. Weasel does not note env
    and environment. An entry that `proj` wrote and that lost its block, by a merge for example, keeps its digests. Its
    env is not known and counts as changed. Neither notes how an output was called when it was absent: `md5: null` holds
    only for an `outputs_no_cache` path.
    """
    data = entry.data
    script = tuple(str(line) for line in _items(data, "script"))
    resolved = tuple(put_env(line, workspace.env) for line in command.script)
    is_ours = is_written_by_us(command.name, data)
    deps = [_adopted_path(workspace, command, item, "dep", is_ours=is_ours) for item in _items(data, "deps")]
    outs = [_adopted_path(workspace, command, item, "output", is_ours=is_ours) for item in _items(data, "outs")]
    outputs = [RecordedOutput(path, digest or ABSENT) for path, digest in outs]
    return Record(
        run=0,
        command=command.name,
        fingerprint=Fingerprint(
            script=command.script if script == resolved else script,
            args=(),
            deps=tuple(deps),
            env=() if is_ours else fingerprint(command, workspace.env, lambda dep: ()).env,
            shell=False,
            workdir=".",
            environment=() if is_ours else environment_of(workspace, command, workspace.digests),
        ),
        outputs=tuple(output for output in outputs if output.path not in command.outputs_no_cache),
        outputs_no_cache=tuple(output for output in outputs if output.path in command.outputs_no_cache),
        algorithm=workspace.project.digest,
        origin=Origin.WEASEL,
    )


def _items(data: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list at `key`, an empty one if the value is not a list."""
    items = data.get(key)
    return items if isinstance(items, list) else []


def _adopted_path(
    workspace: Workspace, command: Command, item: object, view: View, *, is_ours: bool
) -> tuple[str, str | None]:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        return "", None
    written = item["path"]
    path = next((path for path, text in command.written if text == written), written)
    md5 = item.get("md5")
    if is_ours or not isinstance(md5, str) or md5 != weasel.digest(workspace.root / path):
        return path, md5 if isinstance(md5, str) else None
    return path, workspace.digests.digest(path, view)
