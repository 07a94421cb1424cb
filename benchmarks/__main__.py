"""python -m benchmarks: measure, and print the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Wrong
from benchmarks.report import insert, tables
from benchmarks.run import run
from benchmarks.tools import TOOLS
from benchmarks.tools.base import Tool
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Workload

_SCRATCH = Path(tempfile.gettempdir()) / "weaselish-benchmarks"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        _list()
        return 0
    workloads, tools = _workloads(options.workload), _tools(options.tools)
    options.scratch.mkdir(parents=True, exist_ok=True)
    results = run(workloads, tools, options.runs, options.scratch, options.limit)
    for group, table in tables(workloads, tools, results, options.scratch).items():
        print(f"## {group}\n\n{table}\n")
        if options.markdown:
            insert(options.markdown, group, table)
    return 1 if any(isinstance(cell, Wrong) for cell in results.cells.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workload", nargs="*", help="workloads or groups of them; all if none is named")
    parser.add_argument("--tools", metavar="NAME,…", help="only these; all if left out")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="rounds, each of which measures all (3)")
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="cut off what takes longer (120)")
    parser.add_argument("--scratch", type=Path, default=_SCRATCH, metavar="DIR", help=f"where to work ({_SCRATCH})")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the tables into a file, between their marks")
    parser.add_argument("--list", action="store_true", help="name workloads and tools")
    return parser


def _list() -> None:
    for group in dict.fromkeys(workload.group for workload in WORKLOADS):
        print(f"{group}: {' '.join(workload.name for workload in WORKLOADS if workload.group == group)}")
    print(f"tools: {' '.join(tool.name for tool in TOOLS)}")


def _workloads(names: Sequence[str]) -> list[Workload]:
    _check(names, {name for workload in WORKLOADS for name in (workload.name, workload.group)})
    return [workload for workload in WORKLOADS if not names or {workload.name, workload.group} & set(names)]


def _tools(names: str | None) -> list[Tool]:
    wanted = names.split(",") if names else [tool.name for tool in TOOLS]
    _check(wanted, {tool.name for tool in TOOLS})
    return [tool for tool in TOOLS if tool.name in wanted]


def _check(names: Sequence[str], known: set[str]) -> None:
    unknown = set(names) - known
    if unknown:
        sys.exit(f"there is no {', '.join(sorted(unknown))}; --list names what there is")


if __name__ == "__main__":
    sys.exit(main())
