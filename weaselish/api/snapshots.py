"""The part of the Python interface that stores entire projects on a remote, and brings them back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.api.directory import OnEvent, ProjectDirectory, ignore, store_opener
from weaselish.cancel import Cancel
from weaselish.errors import UsageError

if TYPE_CHECKING:
    from weaselish.engine.snapshot.listing import ListedSnapshot
    from weaselish.engine.snapshot.prune import Pruned, PruneOptions
    from weaselish.engine.snapshot.pull import SnapshotPulled
    from weaselish.engine.snapshot.pushed import SnapshotPushed
    from weaselish.engine.snapshot.reading import Reading
    from weaselish.engine.snapshot.verify import Verified
    from weaselish.plan.snapshot_entries import Difference
    from weaselish.workspace import Workspace

LATEST = "latest"


class Snapshots(ProjectDirectory):
    """Snapshots of a project, or those that any remote holds: all but `push` work outside of a project, too.

    `remote` is a name, URL or path; by default the last one that snapshots of this project used, else `default`. `ref`
    is an id, the beginning of one, `latest`, or `@` and a message. `project` is the name under which snapshots are
    stored, by default that of this project.
    """

    @contextmanager
    def _anywhere(self, cancel: Cancel | None) -> Iterator[Workspace]:
        """Open the project, or outside of one a workspace for the current directory."""
        from weaselish.load import find_root
        from weaselish.model.project import ProjectModel
        from weaselish.workspace import Workspace

        try:
            find_root(self._directory)
        except UsageError:
            if self._directory is not None:
                raise
        else:
            with self._opened(cancel) as workspace:
                yield workspace
            return
        token = Cancel() if cancel is None else cancel
        try:
            yield Workspace(Path.cwd(), ProjectModel(), cancel=token)
        finally:
            if cancel is None:
                token.close()

    def remote(self, name: str | None = None) -> str:
        """Return the name or URL of the remote that `push` uses: `name`, else the last one used, else `default`."""
        from weaselish.engine.snapshot.opened import remote_for

        with self._anywhere(None) as workspace:
            return name or remote_for(workspace, None).name

    def push(
        self,
        remote: str | None = None,
        *,
        message: str = "",
        project: str | None = None,
        dry: bool = False,
        include_secrets: bool = False,
        max_file_size: int | None = None,
        tree: bool = False,
        jobs: int = 4,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> SnapshotPushed:
        """Store a snapshot of the project. Files above `max_file_size` bytes, and secrets, are left out.

        With `tree`, they are also stored as plain files below the project's name.
        """
        from weaselish.engine.snapshot.push import push_snapshot
        from weaselish.engine.snapshot.pushed import SnapshotPushOptions

        options = SnapshotPushOptions(message, dry, include_secrets, max_file_size, project, tree, jobs)
        with self._opened(cancel) as workspace:
            return push_snapshot(workspace, remote, options, open_store=store_opener(workspace), report=on_event)

    def pull(
        self,
        ref: str = LATEST,
        *,
        remote: str | None = None,
        into: str | os.PathLike[str] | None = None,
        project: str | None = None,
        force: bool = False,
        exact: bool = False,
        tree: bool = False,
        keep_going: bool = False,
        confirm: Callable[[Sequence[str]], bool] = lambda extra: False,
        jobs: int = 4,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> SnapshotPulled:
        """Bring the project, or a directory, to the state of a snapshot.

        `force` also replaces what exists only locally. With `exact`, `confirm` answers whether to remove the files
        that the snapshot does not have. `tree` pulls the plain files below the project's name that Lab or `push`
        stored. With `keep_going`, a damaged snapshot gives what is intact, and the result names the rest as problems.
        """
        from weaselish.engine.snapshot.pull import SnapshotPullOptions, pull_snapshot

        target = None if into is None else os.fspath(into)
        options = SnapshotPullOptions(ref, target, project, force, exact, tree, jobs, keep_going)
        with self._anywhere(cancel) as workspace:
            return pull_snapshot(
                workspace,
                remote,
                options,
                open_store=store_opener(workspace),
                confirm=confirm,
                report=on_event,
            )

    def list(
        self,
        *,
        remote: str | None = None,
        project: str | None = None,
        all_projects: bool = False,
        cancel: Cancel | None = None,
    ) -> Sequence[ListedSnapshot]:
        """Return the snapshots of this project, the newest first; of all projects if asked, or outside a project."""
        from weaselish.engine.snapshot.listing import list_stored

        with self._anywhere(cancel) as workspace:
            opener = store_opener(workspace)
            return list_stored(workspace, remote, project, all_projects=all_projects, open_store=opener)

    def show(
        self, ref: str = LATEST, *, remote: str | None = None, project: str | None = None, cancel: Cancel | None = None
    ) -> Reading:
        """Return a snapshot with its entries."""
        from weaselish.engine.snapshot.listing import show_stored

        with self._anywhere(cancel) as workspace:
            return show_stored(workspace, remote, ref, project, open_store=store_opener(workspace))

    def diff(
        self,
        before: str,
        after: str,
        *,
        remote: str | None = None,
        project: str | None = None,
        cancel: Cancel | None = None,
    ) -> Difference:
        """Return the entries that differ between two snapshots."""
        from weaselish.engine.snapshot.listing import diff_stored

        with self._anywhere(cancel) as workspace:
            return diff_stored(workspace, remote, (before, after), project, open_store=store_opener(workspace))

    def prune(
        self,
        *,
        remote: str | None = None,
        options: PruneOptions | None = None,
        confirm: Callable[[Pruned], bool] = lambda foreseen: True,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Pruned:
        """Remove old snapshots, and what no snapshot of any project needs. `confirm` is asked before a deletion."""
        from weaselish.engine.snapshot.prune import PruneOptions, prune_snapshots

        with self._anywhere(cancel) as workspace:
            return prune_snapshots(
                workspace,
                remote,
                options or PruneOptions(),
                open_store=store_opener(workspace),
                confirm=confirm,
                report=on_event,
            )

    def verify(
        self,
        ref: str = LATEST,
        *,
        remote: str | None = None,
        project: str | None = None,
        jobs: int = 4,
        on_event: OnEvent = ignore,
        cancel: Cancel | None = None,
    ) -> Verified:
        """Read everything that a snapshot needs, and report what is missing or damaged."""
        from weaselish.engine.snapshot.verify import verify_snapshot

        with self._anywhere(cancel) as workspace:
            opener = store_opener(workspace)
            return verify_snapshot(workspace, remote, ref, project, open_store=opener, report=on_event, jobs=jobs)
