"""The part of the Python interface that deals with the user's own remotes. It needs no project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.api.sharing import Probe
from weaselish.cancel import Cancel
from weaselish.model.urls import without_secrets

if TYPE_CHECKING:
    from weaselish.connections.credentials import Credentials
    from weaselish.engine.remote.probe import ProbeStep
    from weaselish.engine.remote.resolve import OpenStore
    from weaselish.engine.remote.settings import Setting
    from weaselish.engine.remote.user_remotes import NewRemote
    from weaselish.model.project import Remote
    from weaselish.stores.base import Store


class UserRemotes:
    """The remotes in the user's config.yml, with the credentials beside it."""

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The user's remotes, without secrets in their URLs."""
        from weaselish.connections.user_config import user_remotes

        return tuple(remote._replace(url=without_secrets(remote.url)) for remote in user_remotes().values())

    def add(self, new: NewRemote, *, report: Callable[[ProbeStep], None], cancel: Cancel | None = None) -> None:
        """Test a remote, then keep it. `report` receives each operation of the test. Raises ProjError."""
        from weaselish.engine.remote.user_remotes import add_remote
        from weaselish.stores.open import create_bucket

        token = cancel or Cancel()
        add_remote(
            new,
            open_store=user_store_opener(token, new.credentials),
            create_bucket=lambda remote: create_bucket(remote, root=Path(), cancel=token, given=new.credentials),
            report=report,
            cancel=token,
        )

    def rename(self, old: str, new: str, *, cancel: Cancel | None = None) -> None:
        """Rename a remote with its credentials. Raises UsageError."""
        from weaselish.engine.remote.user_remotes import rename_remote

        rename_remote(old, new, cancel=cancel or Cancel())

    def remove(self, name: str, *, cancel: Cancel | None = None) -> str | None:
        """Remove a remote with its credentials. Return the other remote that still uses these, if one does."""
        from weaselish.engine.remote.user_remotes import remove_remote

        return remove_remote(name, cancel=cancel or Cancel())

    def settings(self, name: str) -> tuple[Setting, ...]:
        """Return the settings of a remote and of its credentials, each with its source. Raises UnknownName."""
        from weaselish.engine.remote.resolve import find_user_remote
        from weaselish.engine.remote.settings import settings_of

        remote = find_user_remote(name)
        return tuple(settings_of(remote, is_named=remote.is_users))

    def probe(self, name: str, *, cancel: Cancel | None = None) -> Probe:
        """Prepare to test a remote of the user, or one at a URL or path, one operation at a time."""
        from weaselish.engine.remote.probe import probe
        from weaselish.engine.remote.resolve import find_user_remote
        from weaselish.stores.open import credentials_source

        token, found = cancel or Cancel(), find_user_remote(name)
        steps = probe(found, open_store=user_store_opener(token), cancel=token)
        return Probe(found._replace(url=without_secrets(found.url)), credentials_source(found), steps)


def user_store_opener(cancel: Cancel, given: Credentials | None = None) -> OpenStore:
    """Return the function that opens the store of a remote without a project: paths count from here."""

    def open_remote(remote: Remote) -> Store:
        from weaselish.stores.open import open_store

        return open_store(remote, root=Path.cwd(), cancel=cancel, given=given)

    return open_remote
