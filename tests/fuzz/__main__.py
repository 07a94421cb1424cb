"""`python -m fuzz [MUTANTS] [FIRST SEED] [QUESTIONS]` from `tests/`: try many mutants and print what went wrong.

Each mutant is asked all questions, unless QUESTIONS says how many.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from fuzz.world import QUESTIONS, Fault, run


def main(mutants: int = 20_000, first: int = 0, questions: int = len(QUESTIONS)) -> int:
    """Return 1 if any mutant found a fault."""
    begun = time.monotonic()

    def report(count: int, found: list[Fault]) -> None:
        for fault in found:
            print(f"\n{fault.mutant}\n`proj {' '.join(fault.words)}`\n{fault.what}\n{fault.path}", flush=True)
        if count % 500 == 0:
            print(f"{count} mutants, {time.monotonic() - begun:.0f} s", flush=True)

    root = Path(tempfile.mkdtemp(prefix="proj-fuzz-"))
    faults = run(root, range(first, first + mutants), questions, report)
    print(f"{mutants} mutants, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
