"""Opens a project's directory anew for each call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.workspace import AskForImage, Pulling, Workspace

if TYPE_CHECKING:
    from weaselish.engine import events
    from weaselish.engine.remote.resolve import OpenStore
    from weaselish.load import ProjectFile
    from weaselish.model.project import Remote
    from weaselish.stores.base import Store

OnEvent = Callable[["events.Event"], None]


def ignore(event: events.Event) -> None:
    """Receive events and do nothing."""


class ProjectDirectory:
    """A project's directory and the overrides of its variables."""

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, overrides: Mapping[str, str] | None = None
    ) -> None:
        """Name a project without reading it. None is the project around the current directory."""
        self._directory = directory
        self._overrides = dict(overrides or {})
        self._file: ProjectFile | None = None  # as last read

    def _open(self, cancel: Cancel | None = None) -> Workspace:
        workspace = Workspace.open(self._directory, self._overrides, cancel, earlier=self._file)
        self._file = workspace.file
        workspace.images.ask = image_source(workspace)
        return workspace

    @contextmanager
    def _opened(self, cancel: Cancel | None = None) -> Iterator[Workspace]:
        """Open the workspace, with a token of its own unless the caller has one; save its caches at the end."""
        token = Cancel() if cancel is None else cancel
        try:
            workspace = self._open(token)
            yield workspace
            workspace.save()
        finally:
            if cancel is None:
                token.close()


def image_source(workspace: Workspace) -> AskForImage:
    """Return the function that asks for the digests of images. Its imports wait until it is called."""

    def ask(image: str, executor: str, pulling: Pulling | None) -> str | None:
        from weaselish.executors.containers.images import image_digest

        model = workspace.project.executors
        return image_digest(image, executor, model, workspace.environ, workspace.cancel, pulling)

    return ask


def store_opener(workspace: Workspace, *, user: str | None = None, token: str | None = None) -> OpenStore:
    """Return the function that opens the store of a remote. Its imports wait until it is called.

    `user` and `token` are credentials that the user typed for this call.
    """

    def open_remote(remote: Remote) -> Store:
        from weaselish.stores.open import open_store

        given = None
        if user is not None or token is not None:
            from weaselish.connections.given import typed_credentials

            given = typed_credentials(remote, user, token)
        return open_store(remote, root=workspace.root, cancel=workspace.cancel, environ=workspace.environ, given=given)

    return open_remote
