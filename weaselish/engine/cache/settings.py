"""Which run cache a run uses: an option, the environment or project.yml names it."""

from __future__ import annotations

from weaselish.engine.remote.resolve import find_remote
from weaselish.model.cache import CACHE_VARIABLE, OFF, CacheSettings
from weaselish.model.project import Remote
from weaselish.workspace import Workspace


def cache_settings(workspace: Workspace, name: str | None = None) -> tuple[CacheSettings, Remote] | None:
    """Return the settings of the cache and its remote, None without one. `name` overrides all else; OFF is none.

    Raises UnknownName and InvalidProject. A read-only remote is never written to.
    """
    given = name if name is not None else workspace.environ.get(CACHE_VARIABLE)
    settings = workspace.project.cache if given is None else CacheSettings(given) if given not in ("", OFF) else None
    if settings is None:
        return None
    remote = find_remote(workspace, settings.remote)
    if remote.read_only and settings.writes:
        settings = settings._replace(mode="read")
    return settings, remote
