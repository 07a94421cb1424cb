"""The run cache of a run, opened when the first step is out of date: its imports take time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weaselish.engine.events import StepResult
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.model.cache import CACHE_VARIABLE, OFF, CacheSettings
from weaselish.model.project import Command, Remote
from weaselish.plan.sequence import Step
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.engine.cache.run_cache import RunCache
    from weaselish.engine.cache.steps import CachedSteps
    from weaselish.engine.remote.resolve import OpenStore
    from weaselish.engine.run.staleness import Expected


class Caching:
    """Opens the cache that an option, the environment or project.yml names. Thread-safe.

    `name` overrides all else; "off" is none. `steps`: those of the plan, in its order. It looks up their keys together.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str | None,
        open_store: OpenStore,
        report: SerialReporter,
        *,
        steps: Sequence[Step] = (),
    ) -> None:
        """Check the cache that an option or the environment names. Raises UnknownName and InvalidProject."""
        self._workspace = workspace
        self._name = name if name is not None else workspace.environ.get(CACHE_VARIABLE)
        self._open_store = open_store
        self._report = report
        self._plan = steps
        self._lock = threading.Lock()
        self._steps: CachedSteps | None = None
        self._is_open = False
        self._found = None if self._name is None else self._find()

    @property
    def is_configured(self) -> bool:
        """Return whether a run uses a cache."""
        name = self._name
        return self._workspace.project.cache is not None if name is None else name not in ("", OFF)

    @property
    def steps(self) -> CachedSteps | None:
        """What settles steps from the cache, None without one."""
        with self._lock:
            if not self._is_open:
                self._steps, self._is_open = self._open(), True
            return self._steps

    def _open(self) -> CachedSteps | None:
        cache = self.open()
        if cache is None:
            return None
        from weaselish.engine.cache.steps import CachedSteps

        names = dict.fromkeys(step.command for step in self._plan)
        cache.look_up([self._workspace.project.commands[name] for name in names])
        return CachedSteps(self._workspace, cache, self._report, self._plan)

    def open(self) -> RunCache | None:
        """Open the cache. The caller closes it."""
        if not self.is_configured:
            return None
        found = self._found or self._find()
        if found is None:
            return None
        from weaselish.engine.cache.run_cache import RunCache

        return RunCache(self._workspace, *found, open_store=self._open_store, report=self._report)

    def _find(self) -> tuple[CacheSettings, Remote] | None:
        from weaselish.engine.cache.settings import cache_settings

        return cache_settings(self._workspace, self._name)

    def may_be_absent(self, command: Command, dep: str) -> bool:
        """Return whether it may turn out that the command does not need a missing dep."""
        return self.steps is not None and self.steps.may_be_absent(command, dep)

    def expected_elsewhere(self, remote: str | None) -> Expected | None:
        """Return what gives the digests of outputs in the cache, for a step that reads its deps from `remote`.

        None if that is not the cache, and while the cache is not open.
        """
        steps = self._steps
        return steps.expected if steps is not None and steps.cache.source == remote else None

    def result_of(self, result: StepResult) -> StepResult:
        """Return the final result of a step: its outputs may have been needed after all."""
        return result if self._steps is None else self._steps.result_of(result)

    def close(self) -> None:
        """Wait until the results of this run are stored."""
        if self._steps is not None:
            self._steps.cache.close()
