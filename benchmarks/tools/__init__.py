"""The tools that are compared, by name, in the order of the columns."""

from __future__ import annotations

from benchmarks.tools.base import Tool
from benchmarks.tools.copiers import Boto3, Cp, Rclone, Tar
from benchmarks.tools.doit import Doit
from benchmarks.tools.dvc import Dvc
from benchmarks.tools.go_task import GoTask
from benchmarks.tools.limits import LIMITS
from benchmarks.tools.make import Make
from benchmarks.tools.ninja import Ninja
from benchmarks.tools.proj import Proj, ProjBlake3
from benchmarks.tools.snakemake import Snakemake
from benchmarks.tools.weasel import Weasel

TOOLS: tuple[Tool, ...] = (
    Proj(),
    ProjBlake3(),
    Weasel(),
    Dvc(),
    Doit(),
    Snakemake(),
    GoTask(),
    Make(),
    Ninja(),
    Rclone(),
    Boto3(),
    Cp(),
    Tar(),
    *LIMITS,
)
