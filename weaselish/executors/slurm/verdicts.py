"""What a job that left no result of its own means: states and reasons of Slurm as outcomes."""

from __future__ import annotations

from weaselish.executors.base import Ending, Outcome
from weaselish.executors.slurm.programs import Verdict


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# reasons of a job that waits and will not start as it is
NEVER = _words("""\
PartitionConfig PartitionTimeLimit PartitionNodeLimit BadConstraints DependencyNeverSatisfied InvalidAccount InvalidQOS
AccountNotAllowed QOSNotAllowed AssocMaxCpuPerJobLimit AssocMaxNodePerJobLimit AssocMaxWallDurationPerJobLimit
QOSMaxCpuPerJobLimit QOSMaxNodePerJobLimit QOSMaxMemoryPerJob QOSMaxGRESPerJob QOSMaxWallDurationPerJobLimit
QOSTimeLimit JobHoldMaxRequeue
""")
_KILLED = 9


def outcome_of(verdict: Verdict | None, *, has_memory_limit: bool, printed: str) -> Outcome:
    """Return the outcome of a job that ended without a result. `printed` is the last that Slurm or the node printed."""
    if verdict is None:
        return _ended(1, "Slurm no longer knows its job, which left no result", printed)
    code = verdict.exit_code or (128 + verdict.signal if verdict.signal else 1)
    state, reason = verdict.state, f" ({verdict.reason})" if verdict.reason else ""
    launch_failed = state == "FAILED" and verdict.reason == "JobLaunchFailure" and verdict.signal == _KILLED
    if state == "OUT_OF_MEMORY" or (launch_failed and (has_memory_limit or "memory limit" in printed)):
        if has_memory_limit:
            return Outcome(Ending.SIGNALLED, 128 + _KILLED, ran_out_of_memory=True)
        message = "Slurm ended its job, which used more memory than jobs get that request none"
        hint = "request it: `resources: {memory: 4GiB}` in the command"
        return Outcome(Ending.SIGNALLED, 128 + _KILLED, message=message, hint=hint)
    if state in ("TIMEOUT", "DEADLINE"):
        return Outcome(Ending.TIMED_OUT, 124, message=f"Slurm ended its job at the time limit{reason}")
    if state == "NODE_FAIL":
        return _ended(code, f"the node of its job failed{reason}", "")
    if state == "CANCELLED":
        return _ended(code, f"its job was cancelled in Slurm{reason}", "")
    return _ended(code, f"its job ended without a result: {state}{reason}", printed)


def _ended(code: int, message: str, printed: str) -> Outcome:
    return Outcome(Ending.EXITED, code, message=message, hint=printed or None)
