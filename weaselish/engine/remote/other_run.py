"""Says why a run on the remote does not fit the current project, for `proj pull --run`."""

from __future__ import annotations

from weaselish.engine.remote.download import NotPulled
from weaselish.engine.run.secrets import hidden_values
from weaselish.errors import in_short
from weaselish.model.project import Command
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.reasons import ReasonKind, reasons_to_run
from weaselish.plan.record import NO_REPOSITORY, Record
from weaselish.workspace import Workspace


def other_run(workspace: Workspace, command: Command, now: Fingerprint, record: Record) -> NotPulled:
    """Return what the run had that the current state has not, and what would make it fit."""
    outputs = {output.path: output.digest for output in record.all_outputs}
    reasons = [
        reason
        for reason in reasons_to_run(command, now, record, outputs.get, lambda: hidden_values(workspace, command))
        if reason.kind not in (ReasonKind.NO_SKIP, ReasonKind.NO_OUTPUTS)
    ]
    what = f": {in_short(reasons)}" if reasons else ""
    git = record.provenance.git if record.provenance else None
    ways = ["repeat the `--vars` of that run"] if workspace.project.vars else []
    ways += [f"check out its commit {git.commit[:10]}"] if git not in (None, NO_REPOSITORY) else []
    return NotPulled(f"run {record.run} had a different script, deps or env{what}", hint=" or ".join(ways) or None)
