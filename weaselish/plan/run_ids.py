"""Run ids as people see and type them: the last digits are enough as long as only one run has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from weaselish.errors import UsageError, listed

_SHOWN = 6  # digits at least
_TYPED = 4  # digits at least


class UnknownRun(UsageError):
    """No run has that id, or several have.

    Cure: `proj log` lists the runs; type more digits of the id.
    """


def is_run_id(text: str) -> bool:
    """Return whether a word may be a run id, or the end of one."""
    return text.isascii() and text.isdecimal() and _TYPED <= len(text) <= 20


def short_ids(runs: Iterable[int]) -> Mapping[int, str]:
    """Return for each run id its last digits, as many as tell all of them apart."""
    texts = {run: str(run) for run in runs}
    length = _SHOWN
    while len({text[-length:] for text in texts.values()}) < len(texts):
        length += 1
    return {run: text[-length:] for run, text in texts.items()}


def find_run(text: str, runs: Collection[int]) -> int:
    """Return the one run whose id is `text` or ends with it. `runs`: the newest last. Raises UnknownRun."""
    if is_run_id(text):
        found = [run for run in dict.fromkeys(runs) if str(run).endswith(text)]
        exact = [run for run in found if str(run) == text]
        if len(found) == 1 or exact:
            return (exact or found)[0]
        if found:
            raise UnknownRun(f"several runs end with `{text}`: {listed(map(str, found))}", hint="give more digits")
    known = list(short_ids(runs).values())[::-1]
    raise UnknownRun(f"no run `{text}` is on record", hint=f"runs: {listed(known, most=8)}" if known else None)
