"""What Slurm says about jobs that left no result, in words of a user."""

from __future__ import annotations

import pytest

from weaselish.executors.base import Ending
from weaselish.executors.slurm.programs import Verdict
from weaselish.executors.slurm.verdicts import outcome_of

EXCEEDED = "slurmstepd: error: StepId=1.batch exceeded memory limit (112533504 > 104857600), being killed"


@pytest.mark.parametrize(
    "verdict", [Verdict("OUT_OF_MEMORY", 0, 9), Verdict("FAILED", 0, 9, "JobLaunchFailure")], ids=["cgroup", "polled"]
)
def test_a_job_over_its_memory_says_whether_it_requested_any(verdict: Verdict) -> None:
    limited = outcome_of(verdict, has_memory_limit=True, printed=EXCEEDED)
    assert (limited.exit_code, limited.ran_out_of_memory) == (137, True)
    unlimited = outcome_of(verdict, has_memory_limit=False, printed=EXCEEDED)
    assert (unlimited.exit_code, unlimited.ran_out_of_memory) == (137, False)
    assert "more memory than jobs get" in (unlimited.message or "")
    assert "resources: {memory:" in (unlimited.hint or "")


def test_a_job_that_could_not_be_launched_for_another_reason_shows_what_slurm_printed() -> None:
    outcome = outcome_of(Verdict("FAILED", 1, 0, "JobLaunchFailure"), has_memory_limit=False, printed="no such user")
    assert outcome.ended is Ending.EXITED
    assert outcome.hint == "no such user"
