"""Which runs a garbage collection removes, and why the others stay."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterator

from weaselish.engine.gc.inventory import Inventory, StoredRun
from weaselish.engine.gc.protected import Protected
from weaselish.named_tuple import NamedTuple

YOUNG = 86_400.0  # seconds: a push may be about to name anything younger


class Kept(enum.Enum):
    """Why a run stays."""

    NAMED = "named by a lock file"
    VERSION = "named by a version of an artifact"
    SNAPSHOT = "named by a snapshot"
    YOUNG = "younger than the grace time"
    LAST = "among the last results of an output"
    RECENT = "not old enough"
    IRREPLACEABLE = "cannot be computed again"
    BUDGET = "within the budget"
    NO_POLICY = "no policy was given"


class Policy(NamedTuple):
    """What a removed run must satisfy. Without `last`, `older` and `budget`, no run is removed.

    `last`: results of each output that stay. `older`, `grace`: seconds. `budget`: bytes that may stay; the runs that
    are cheapest to compute again for each byte go first.
    """

    last: int | None = None
    older: float | None = None
    budget: int | None = None
    irreplaceable: bool = False  # also remove what cannot be computed again, last
    grace: float = YOUNG

    @property
    def is_empty(self) -> bool:
        return self.last is None and self.older is None and self.budget is None


class KeptRuns(NamedTuple):
    """Runs that stay for one reason. `seconds`: what computing them again would take, as far as that is known."""

    runs: int = 0
    size: int = 0
    seconds: float = 0.0

    def and_one(self, run: StoredRun) -> KeptRuns:
        return KeptRuns(self.runs + 1, self.size + run.size, self.seconds + (run.seconds or 0.0))


class Choice(NamedTuple):
    """`removed`: runs, each with the bytes that removing it frees. `frees`: bytes of objects that no other run uses."""

    removed: tuple[tuple[StoredRun, int], ...]
    kept: dict[Kept, KeptRuns]

    @property
    def frees(self) -> int:
        return sum(size for _, size in self.removed)

    @property
    def seconds(self) -> float:
        """What computing the removed runs again would take."""
        return sum(run.seconds or 0.0 for run, _ in self.removed)


def choose(inventory: Inventory, policy: Policy, protected: Protected, *, now: float) -> Choice:
    """Choose the runs to remove, and count them as removed in the inventory."""
    kept: defaultdict[Kept, KeptRuns] = defaultdict(KeptRuns)
    eligible: list[tuple[StoredRun, bool]] = []
    for run, why, is_dear in _judged(inventory, policy, protected, now):
        if why is None:
            eligible.append((run, is_dear))
        else:
            kept[why] = kept[why].and_one(run)
    eligible.reverse()  # of runs that cost the same, the oldest goes first
    eligible.sort(key=_by_cost)
    removed: list[tuple[StoredRun, int]] = []
    left = inventory.used_size()
    for run, _ in eligible:
        if policy.budget is not None and left <= policy.budget:
            kept[Kept.BUDGET] = kept[Kept.BUDGET].and_one(run)
            continue
        size = inventory.remove(run)
        left -= size
        removed.append((run, size))
    return Choice(tuple(removed), dict(kept))


def _judged(
    inventory: Inventory, policy: Policy, protected: Protected, now: float
) -> Iterator[tuple[StoredRun, Kept | None, bool]]:
    """Yield each run, why it stays, and whether it cannot be computed again."""
    results: Counter[str] = Counter()  # output -> newer results
    for run in inventory.runs():
        outputs = inventory.outputs_of(run)
        is_last = policy.last is not None and any(results[path] < policy.last for path, _ in outputs)
        results.update(path for path, _ in outputs)
        is_dear = run.seconds is None or inventory.has_lost_inputs(run)
        age = now - run.modified
        if protected.covers(run.key, outputs):
            yield run, Kept.NAMED, is_dear
        elif inventory.is_named(run):
            yield run, Kept.VERSION, is_dear
        elif run.record in protected.records:
            yield run, Kept.SNAPSHOT, is_dear
        elif age < policy.grace:
            yield run, Kept.YOUNG, is_dear
        elif policy.is_empty:
            yield run, Kept.NO_POLICY, is_dear
        elif is_last:
            yield run, Kept.LAST, is_dear
        elif policy.older is not None and age < policy.older:
            yield run, Kept.RECENT, is_dear
        elif is_dear and not policy.irreplaceable:
            yield run, Kept.IRREPLACEABLE, is_dear
        else:
            yield run, None, is_dear


def _by_cost(one: tuple[StoredRun, bool]) -> tuple[bool, float]:
    """Order by what a byte costs to compute again; what cannot be computed again comes last."""
    run, is_dear = one
    return is_dear, (run.seconds or 0.0) / max(1, run.size)
