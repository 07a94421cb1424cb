"""What a run will do with each step, from a cache or without one, and what that will probably take."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping

from weaselish.engine.cache.lazy import LazyResults, digests_as_deps
from weaselish.engine.cache.run_cache import RunCache, may_restore
from weaselish.engine.run.caching import Caching
from weaselish.engine.run.planning import needed_deps
from weaselish.engine.run.staleness import Staleness, check_staleness
from weaselish.errors import InvalidProject
from weaselish.files.walk import Unreadable
from weaselish.named_tuple import NamedTuple
from weaselish.plan.graph import Plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.plan.record import Record
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace


class Action(enum.Enum):
    """What a run will do with a step."""

    NOTHING = "nothing"  # it is up to date, or unrecorded
    LEAVE = "leave in the cache"  # it is up to date, and no step that runs needs its outputs
    RESTORE = "restore"
    RUN = "run"
    UNKNOWN = "unknown"  # it depends on what a step before it produces


class Forecast(NamedTuple):
    """`seconds`: what the action took last time, or will probably take; None if not known. `size`: bytes of content."""

    action: Action
    seconds: float | None = None
    size: int = 0


NOTHING = Forecast(Action.NOTHING)


def foretell(
    workspace: Workspace,
    plan: Plan,
    caching: Caching,
    *,
    named: Collection[str],
    forced: Collection[str] = (),
    args: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[Step, Forecast]:
    """Return what a run of the plan will do with each step. Asks the cache what it holds, and downloads no output.

    The outputs of `named` commands must be on the disk after the run, those of `forced` ones must be new.
    """
    cache = caching.open()
    try:
        return Forecaster(workspace, plan, cache, named=named, forced=forced, args=args or {}).forecasts()
    finally:
        if cache is not None:
            cache.close()


def with_forecasts(reasons: Iterable[Reason], forecasts: Mapping[Step, Forecast]) -> tuple[Reason, ...]:
    """Return the reasons, changed where an upstream step that could run will be restored or left in the cache."""
    changed = []
    for reason in reasons:
        upstream = forecasts.get(Step(reason.subject or "")) if reason.kind is ReasonKind.UPSTREAM_WILL_RUN else None
        if upstream is None or upstream.action in (Action.RUN, Action.UNKNOWN):
            changed.append(reason)
        elif upstream.action is Action.RESTORE:
            changed.append(reason._replace(kind=ReasonKind.UPSTREAM_WILL_BE_RESTORED))
    return tuple(changed)


class Forecaster:
    """Foretells a run of a plan, step by step in its order. Changes nothing."""

    def __init__(
        self,
        workspace: Workspace,
        plan: Plan,
        cache: RunCache | None,
        *,
        named: Collection[str],
        forced: Collection[str],
        args: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._workspace = workspace
        self._plan = plan
        self._cache = cache
        self._named = named
        self._forced = forced
        self._args = args
        self._needed = needed_deps(plan)
        self._lazy = None if cache is None else LazyResults(workspace, cache)
        self._restored: dict[str, str] = {}  # outputs that will be restored -> digest as a dep
        self._open: set[str] = set()  # steps whose results are not known yet

    def forecasts(self) -> dict[Step, Forecast]:
        """Return the forecast of each step that is not unrecorded."""
        forecasts = {
            step: self._forecast(step) for step in self._plan.steps if step.command not in self._plan.unrecorded
        }
        return self._with_fetches(forecasts)

    def _forecast(self, step: Step) -> Forecast:
        self._workspace.cancel.check()
        if any(producer in self._open for producer in self._plan.producers[step]):
            self._open.add(step)
            return Forecast(Action.UNKNOWN, self._last_seconds(step))
        staleness = self._check(step)
        if staleness is None:
            return Forecast(Action.UNKNOWN)
        is_forced = step.command in self._forced
        if not staleness.reasons and not is_forced:
            return Forecast(Action.NOTHING)
        if not is_forced and (forecast := self._from_cache(step, staleness)) is not None:
            return forecast
        self._open.add(step)
        return Forecast(Action.RUN, self._last_seconds(step))

    def _check(self, step: Step) -> Staleness | None:
        try:
            return check_staleness(
                self._workspace,
                self._plan.command(step),
                args=self._args.get(step, ()),
                needed=self._needed,
                expected=None if self._lazy is None else self._expected,
            )
        except (Unreadable, InvalidProject):
            return None

    def _from_cache(self, step: Step, staleness: Staleness) -> Forecast | None:
        """Return what the cache will do for a step that is out of date, None if it will run."""
        command = self._plan.command(step)
        if self._cache is None or self._lazy is None:
            return None
        if step.command not in self._named and (held := self._lazy.leave(step, command, staleness)) is not None:
            return Forecast(Action.LEAVE, size=_size(held))
        if not may_restore(command) or (cached := self._cache.find(command, staleness.now)) is None:
            return None
        self._restored |= digests_as_deps(self._workspace, cached)
        return self._restore(_size(cached))

    def _restore(self, size: int) -> Forecast:
        return Forecast(Action.RESTORE, self._cache.seconds_for(size) if self._cache else None, size)

    def _expected(self, path: str, digest: str | None) -> str | None:
        """Return the digest that a dep will have when its step's turn comes."""
        return self._restored.get(path) or (self._lazy.expected(path, digest) if self._lazy else digest)

    def _last_seconds(self, step: Step) -> float | None:
        for record in self._workspace.records.last(step.command):
            if isinstance(record, Record):
                provenance = self._workspace.records.complete(record).provenance
                return provenance.seconds if provenance else None
        return None

    def _with_fetches(self, forecasts: Mapping[Step, Forecast]) -> dict[Step, Forecast]:
        """Return the forecasts; a step that a running step reads is restored instead of left in the cache."""
        result = dict(forecasts)
        for step, forecast in forecasts.items():
            if forecast.action in (Action.RUN, Action.UNKNOWN):
                for producer in self._plan.producers[step]:
                    left = result.get(producer)
                    if left is not None and left.action is Action.LEAVE:
                        result[producer] = self._restore(left.size)
        return result


def _size(record: Record) -> int:
    return sum(output.size or 0 for output in record.outputs)
