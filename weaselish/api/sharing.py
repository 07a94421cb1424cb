"""The part of the Python interface that deals with remotes and assets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from weaselish.api.artifacts import Artifacts
from weaselish.api.directory import OnEvent, ProjectDirectory, ignore, store_opener
from weaselish.cancel import Cancel
from weaselish.named_tuple import NamedTuple

if TYPE_CHECKING:
    from weaselish.engine.assets.check import AssetResult
    from weaselish.engine.assets.status import AssetStatus
    from weaselish.engine.gc.collect import Collected, GcOptions
    from weaselish.engine.remote.clean import Cleaned
    from weaselish.engine.remote.listing import RemoteRun
    from weaselish.engine.remote.probe import ProbeStep
    from weaselish.engine.remote.pull import Pulled
    from weaselish.engine.remote.push import Pushed
    from weaselish.engine.remote.settings import Setting
    from weaselish.model.project import Remote

DEFAULT = "default"  # the name of the remote that push and pull use


class Probe(NamedTuple):
    """A test of a remote. `steps` runs one operation at a time and ends after the first that fails."""

    remote: Remote  # without secrets in its URL
    credentials: str | None  # where they come from
    steps: Iterator[ProbeStep]


class Sharing(ProjectDirectory):
    """Methods that push, pull and list outputs, and fetch assets."""

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The remotes of project.yml, without secrets in their URLs."""
        from weaselish.engine.remote.resolve import shown_remotes

        return shown_remotes(self._open())

    @property
    def artifacts(self) -> Artifacts:
        """The methods that publish and import the artifacts of project.yml."""
        return Artifacts(self._opened)

    def push(
        self,
        remote: str = DEFAULT,
        *,
        commands: Sequence[str] = (),
        dry: bool = False,
        verify: bool = False,
        repair: bool = False,
        jobs: int = 4,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[Pushed, ...]:
        """Store the outputs of up-to-date commands on a remote: a name, URL or path."""
        from weaselish.engine.remote.push import push
        from weaselish.engine.remote.push_plan import PushOptions
        from weaselish.engine.remote.resolve import find_remote

        options = PushOptions(tuple(commands), dry, verify, repair, jobs=jobs)
        with self._opened(cancel) as workspace:
            found = find_remote(workspace, remote)
            return push(workspace, found, options, open_store=store_opener(workspace), report=on_event)

    def pull(
        self,
        remote: str = DEFAULT,
        *,
        commands: Sequence[str] = (),
        dry: bool = False,
        force: bool = False,
        jobs: int = 4,
        run: str | None = None,
        deps: bool = False,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[Pulled, ...]:
        """Download and verify the outputs that match the current script, deps and env.

        `run` is the id of the only run to pull, or the end of the id. Raises UnknownRun if the remote does not have
        it. With `deps`, pull not the outputs of `commands`, but the outputs of other commands that they read.
        """
        from weaselish.engine.remote.pull import PullOptions, pull
        from weaselish.engine.remote.resolve import find_remote

        options = PullOptions(tuple(commands), dry, force, jobs, run, deps)
        with self._opened(cancel) as workspace:
            found = find_remote(workspace, remote)
            return pull(workspace, found, options, open_store=store_opener(workspace), report=on_event)

    def clean(
        self,
        *names: str,
        remote: str | None = None,
        dry: bool = False,
        confirm: Callable[[Sequence[Cleaned]], bool] = lambda outputs: False,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[Cleaned, ...]:
        """Remove the outputs of commands and workflows, by default of all commands, that a remote holds.

        `confirm` answers whether to remove outputs that exist only locally. `remote` is the only remote to ask.
        """
        from weaselish.engine.remote.clean import CleanOptions, clean

        with self._opened(cancel) as workspace:
            return clean(
                workspace,
                CleanOptions(names, remote, dry),
                confirm=confirm,
                open_store=store_opener(workspace),
                report=on_event,
            )

    def ls(self, remote: str = DEFAULT, *, cancel: Cancel | None = None) -> tuple[RemoteRun, ...]:
        """Return the runs on a remote by command, the newest first."""
        from weaselish.engine.remote.listing import list_runs
        from weaselish.engine.remote.resolve import find_remote

        with self._opened(cancel) as workspace:
            return list_runs(workspace, find_remote(workspace, remote), open_store=store_opener(workspace))

    def gc(
        self,
        remote: str = DEFAULT,
        *,
        options: GcOptions | None = None,
        confirm: Callable[[Collected], bool] = lambda foreseen: True,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Collected:
        """Remove runs from a remote by a policy, and free what nothing needs. `confirm` is asked before a deletion."""
        from weaselish.engine.gc.collect import GcOptions, collect
        from weaselish.engine.remote.resolve import find_remote

        with self._opened(cancel) as workspace:
            return collect(
                workspace,
                find_remote(workspace, remote),
                options or GcOptions(),
                open_store=store_opener(workspace),
                confirm=confirm,
                report=on_event,
            )

    def settings(self, remote: str = DEFAULT) -> tuple[Setting, ...]:
        """Return the settings of a remote and of its credentials, each with its source. Raises UnknownName."""
        from weaselish.engine.remote.resolve import find_remote
        from weaselish.engine.remote.settings import settings_of

        workspace = self._open()
        found = find_remote(workspace, remote)
        is_named = remote in workspace.project.remotes or found.is_users
        return tuple(settings_of(found, is_named=is_named))

    def probe(self, remote: str = DEFAULT, *, cancel: Cancel | None = None) -> Probe:
        """Prepare to list a remote, then to write, read back and delete a small object, one step at a time."""
        from weaselish.engine.remote.probe import probe
        from weaselish.engine.remote.resolve import find_remote
        from weaselish.model.urls import without_secrets
        from weaselish.stores.open import credentials_source

        workspace = self._open(cancel)
        found = find_remote(workspace, remote)
        steps = probe(found, open_store=store_opener(workspace), cancel=workspace.cancel)
        return Probe(found._replace(url=without_secrets(found.url)), credentials_source(found), steps)

    def assets(
        self,
        *dests: str,
        extra: bool = False,
        sparse: bool = False,
        force: bool = False,
        update: bool = False,
        jobs: int = 4,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> tuple[AssetResult, ...]:
        """Fetch assets by their `dest` or name, by default all; with `extra`, including those marked so.

        Of named assets, fetch what project.lock pins. With `update`, fetch the newest content and pin it.
        """
        from weaselish.engine.assets.check import AssetOptions
        from weaselish.engine.assets.fetch import fetch_assets

        options = AssetOptions(dests, extra, sparse, force, jobs, update=update)
        with self._opened(cancel) as workspace:
            return fetch_assets(workspace, options, open_store=store_opener(workspace), report=on_event)

    def asset_states(self, *, cancel: Cancel | None = None) -> tuple[AssetStatus, ...]:
        """Return where each asset is, its pin, and whether it is in place. Fetch nothing."""
        from weaselish.engine.assets.status import asset_states

        return asset_states(self._open(cancel))
