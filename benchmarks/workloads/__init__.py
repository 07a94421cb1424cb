"""The workloads, in the order of the tables."""

from __future__ import annotations

from benchmarks.data import HUGE, LARGE, PARTS, SMALL, TINY
from benchmarks.workloads.base import Workload
from benchmarks.workloads.commands import FromScratch, StartUp, UpToDate
from benchmarks.workloads.deps import Dep
from benchmarks.workloads.transfers import Transfer

WORKLOADS: tuple[Workload, ...] = (
    StartUp(),
    *(UpToDate(shape, commands) for commands in (10, 100, 1000) for shape in ("chain", "fan")),
    Dep("dep-10k", SMALL, "10,000 files", touched=True),
    Dep("dep-100k", TINY, "100,000 files", touched=False),
    Dep("dep-2g", HUGE, "2 GiB", touched=True),
    FromScratch(100),
    FromScratch(500),
    FromScratch(16, jobs=8, seconds=0.5),
    *(
        Transfer(f"{place}-{name}", files, what, to_s3=place == "s3", whole=files is SMALL)
        for name, files, what in (
            ("1g", LARGE, "1 × 1 GiB"),
            ("200m", PARTS, "200 × 1 MiB"),
            ("10k", SMALL, "10,000 × 4 KiB"),
        )
        for place in ("directory", "s3")
    ),
)
