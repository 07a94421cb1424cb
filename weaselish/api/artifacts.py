"""The part of the Python interface that publishes and imports artifacts: `project.artifacts`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from weaselish.api.directory import OnEvent, ignore, store_opener
from weaselish.cancel import Cancel
from weaselish.model.artifacts import ALL, Artifact

if TYPE_CHECKING:
    from weaselish.engine.artifacts.catalogue import Version
    from weaselish.engine.artifacts.diff import VersionDiff
    from weaselish.engine.artifacts.facts import Shown
    from weaselish.engine.artifacts.imports import Updated
    from weaselish.engine.artifacts.listing import Listed
    from weaselish.engine.artifacts.pull import Pulled
    from weaselish.engine.artifacts.push import Pushed
    from weaselish.engine.artifacts.stores import Outcome
    from weaselish.engine.artifacts.verify import Check
    from weaselish.executors.base import ExecutorSource
    from weaselish.workspace import Workspace

T = TypeVar("T")
Opened = Callable[["Cancel | None"], AbstractContextManager["Workspace"]]

TRANSFERS = 4  # artifacts at a time


class Artifacts:
    """The artifacts of a project. Methods raise ProjError subclasses for what the user can fix."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    @property
    def declared(self) -> tuple[Artifact, ...]:
        """The artifacts of project.yml."""
        with self._opened(None) as workspace:
            return tuple(workspace.project.artifacts.values())

    def push(
        self,
        name: str,
        *,
        version: str | None = None,
        prefix: str = "",
        force: bool = False,
        alias: str | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Pushed:
        """Publish an artifact under the project's version, or `version`."""
        outcomes = self.push_each(
            name, version=version, prefix=prefix, force=force, alias=alias, on_event=on_event, cancel=cancel
        )
        return outcomes[0].get()

    def push_each(
        self,
        name: str = ALL,
        *,
        version: str | None = None,
        prefix: str = "",
        force: bool = False,
        alias: str | None = None,
        jobs: int = TRANSFERS,
        user: str | None = None,
        token: str | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[Outcome[Pushed], ...]:
        """Publish one artifact or all. An error of one is in its outcome, and the others go on.

        `user` and `token` sign in to a remote over HTTP, instead of its `auth:`.
        """
        from weaselish.engine.artifacts.push import PushOptions
        from weaselish.engine.artifacts.transfer import push_artifacts

        options = PushOptions(version, prefix, force, alias)
        with self._opened(cancel) as workspace:
            return push_artifacts(
                workspace,
                name,
                options,
                jobs=jobs,
                open_store=store_opener(workspace, user=user, token=token),
                report=on_event,
            )

    @overload
    def pull(
        self,
        name: str,
        version: str,
        *,
        override: bool = ...,
        out: str | os.PathLike[str] | None = ...,
        prefix: str = ...,
        force: bool = ...,
        load: None = ...,
        on_event: OnEvent = ...,
        cancel: Cancel | None = ...,
    ) -> Path: ...

    @overload
    def pull(
        self,
        name: str,
        version: str,
        *,
        prefix: str = ...,
        load: Callable[[bytes], T],
        on_event: OnEvent = ...,
        cancel: Cancel | None = ...,
    ) -> T: ...

    def pull(
        self,
        name: str,
        version: str,
        *,
        override: bool = False,
        out: str | os.PathLike[str] | None = None,
        prefix: str = "",
        force: bool = False,
        load: Callable[[bytes], T] | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Path | T:
        """Download a version (`1.4.0`, `LATEST`, `^1.2`, `newest`, `@alias`), verify it, and return where it is.

        With `load`, put nothing in place, and return what `load` makes of the verified bytes.
        """
        if load is not None:
            from weaselish.engine.artifacts.transfer import load_artifact

            with self._opened(cancel) as workspace:
                opener = store_opener(workspace)
                return load_artifact(workspace, name, version, load, prefix=prefix, open_store=opener, report=on_event)
        outcomes = self.pull_each(
            name, version, override=override, out=out, prefix=prefix, force=force, on_event=on_event, cancel=cancel
        )
        return outcomes[0].get().path

    def pull_each(
        self,
        name: str,
        version: str,
        *,
        override: bool = False,
        out: str | os.PathLike[str] | None = None,
        prefix: str = "",
        force: bool = False,
        jobs: int = TRANSFERS,
        user: str | None = None,
        token: str | None = None,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[Outcome[Pulled], ...]:
        """Download a version of one artifact or of `ALL`. An error of one is in its outcome, and the others go on.

        `user` and `token` sign in to a remote over HTTP, instead of its `auth:`.
        """
        from weaselish.engine.artifacts.pull import PullOptions
        from weaselish.engine.artifacts.transfer import pull_artifacts

        options = PullOptions(override, None if out is None else Path(out), prefix, force)
        with self._opened(cancel) as workspace:
            opener = store_opener(workspace, user=user, token=token)
            return pull_artifacts(workspace, name, version, options, jobs=jobs, open_store=opener, report=on_event)

    def list(self, name: str, *, prefix: str = "", cancel: Cancel | None = None) -> tuple[Listed, ...]:
        """Return the versions of an artifact on its remote, the highest first."""
        from weaselish.engine.artifacts.facts import versions_of

        with self._opened(cancel) as workspace:
            return versions_of(workspace, name, prefix=prefix, open_store=store_opener(workspace))

    def show(self, name: str, version: str = "", *, prefix: str = "", cancel: Cancel | None = None) -> Shown:
        """Return the facts about a version, by default about the highest."""
        from weaselish.engine.artifacts.facts import show

        with self._opened(cancel) as workspace:
            return show(workspace, name, version, prefix=prefix, open_store=store_opener(workspace))

    def alias(self, name: str, version: str, alias: str, *, prefix: str = "", cancel: Cancel | None = None) -> Version:
        """Point an alias at a version."""
        from weaselish.engine.artifacts.facts import set_alias

        with self._opened(cancel) as workspace:
            return set_alias(workspace, name, version, alias, prefix=prefix, open_store=store_opener(workspace))

    def yank(
        self, name: str, version: str, *, reason: str = "", prefix: str = "", cancel: Cancel | None = None
    ) -> Version:
        """Withdraw a version: from now on, only its exact number or an alias selects it."""
        from weaselish.engine.artifacts.facts import yank

        with self._opened(cancel) as workspace:
            return yank(workspace, name, version, reason, prefix=prefix, open_store=store_opener(workspace))

    def diff(
        self,
        name: str,
        old: str,
        new: str,
        *,
        prefix: str = "",
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> VersionDiff:
        """Compare two versions: their files, and the runs that produced them."""
        from weaselish.engine.artifacts.diff import diff_versions

        with self._opened(cancel) as workspace:
            opener = store_opener(workspace)
            return diff_versions(workspace, name, old, new, prefix=prefix, open_store=opener, report=on_event)

    def verify(
        self,
        name: str,
        version: str = "",
        *,
        rerun: bool = False,
        prefix: str = "",
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Check:
        """Verify the bytes of a version; with `rerun`, compute it again in a clean directory and compare."""
        from weaselish.engine.artifacts.verify import verify

        with self._opened(cancel) as workspace:
            return verify(
                workspace,
                name,
                version,
                prefix=prefix,
                executors_in=_executors_in if rerun else None,
                open_store=store_opener(workspace),
                report=on_event,
            )

    def update(
        self, *names: str, force: bool = False, on_event: OnEvent = ignore, cancel: Cancel | None = None
    ) -> tuple[Outcome[Updated], ...]:
        """Resolve the ranges of imported artifacts anew, by default of all, put them in place, and pin them."""
        from weaselish.engine.artifacts.imports import update_named

        with self._opened(cancel) as workspace:
            return update_named(workspace, names, force=force, open_store=store_opener(workspace), report=on_event)


@contextmanager
def _executors_in(root: Path, environ: Mapping[str, str]) -> Iterator[ExecutorSource]:
    from weaselish.executors.open import Executors

    with Executors(root, environ) as executors:
        yield executors
