"""A project directory, opened: its project, environment, digests and records."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from weaselish.cancel import Cancel
from weaselish.errors import InvalidOverride, ProjError, UnknownName
from weaselish.files.atomic import writing
from weaselish.files.digests import Digests
from weaselish.files.reading import Observer, Unobserved
from weaselish.files.state_dir import STATE, cache_dir, make_state_dir
from weaselish.load import ProjectFile, find_root, load_dotenv, project_root
from weaselish.model.env_paths import with_env_in_paths
from weaselish.model.interpolate import MASK, is_secret
from weaselish.model.outside_paths import with_one_form
from weaselish.model.paths import is_glob
from weaselish.model.project import Algorithm, Command, ProjectModel
from weaselish.plan.producers import Producers
from weaselish.records.records import Records

if TYPE_CHECKING:
    from weaselish.model.locations import Locations

Pulling = Callable[[str, int, int], None]
AskForImage = Callable[[str, str, Pulling | None], str | None]  # image, executor, progress -> its digest


class ImageDigests:
    """What identifies the images that commands name. An engine is asked once about each. Thread-safe.

    Unless `pulling` is set, which receives the progress, an image that no engine has is `unchecked`.
    """

    def __init__(self, project: ProjectModel) -> None:
        self.ask: AskForImage = lambda image, executor, pulling: None
        self.executor_of: Callable[[Command], str] = lambda one: one.executor or project.executors.default
        self.pulling: Pulling | None = None  # image, layers that are there, layers in all
        self.unchecked: dict[str, ProjError | None] = {}  # with the cause, if it is an error
        self._known: dict[tuple[str, str], str | None] = {}
        self._lock = threading.Lock()  # guards both, and makes others wait for a pull

    def digest(self, image: str, command: Command) -> str | None:
        """Return the digest of an image, None if it is unchecked. Raises ProjError if pulling."""
        asked = image, self.executor_of(command)
        with self._lock:
            if asked not in self._known:
                self._known[asked] = self._answer(*asked)
            return self._known[asked]

    def _answer(self, image: str, executor: str) -> str | None:
        cause, found = None, None
        try:
            found = self.ask(image, executor, self.pulling)
        except ProjError as error:
            if self.pulling is not None:
                raise
            cause = error
        if found is None:
            self.unchecked[image] = cause
        return found


class Workspace:
    """What the use-cases work on. Opening it changes nothing on disk."""

    def __init__(
        self,
        root: Path,
        project: ProjectModel,
        overrides: Mapping[str, str] | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        self.root = root
        self.cancel = cancel or Cancel()  # ends whatever works on this workspace
        self.observer: Observer = Unobserved()  # of what the digests read; set it before they are used
        self.state = root / STATE
        self.file: ProjectFile | None = None
        self._other_since = 0  # how often the digests had been forgotten when the other ones were last used
        loaded = load_dotenv(root, project)
        self.dotenv_names = frozenset(loaded)
        self.dotenv: Mapping[str, str] = {  # without what the process's own environment sets
            name: value for name, value in loaded.items() if name not in os.environ
        }
        self.environ: Mapping[str, str] = {**self.dotenv, **os.environ}
        self._env_names = project.env
        self._env_given = _given(project, overrides or {})
        self.parsed = project  # with `${env.X}` in its paths
        in_root = project_root(root)
        self.project = with_one_form(with_env_in_paths(project, self.env, in_root), in_root)
        self.images = ImageDigests(self.project)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str] | None = None,
        overrides: Mapping[str, str] | None = None,
        cancel: Cancel | None = None,
        *,
        earlier: ProjectFile | None = None,
    ) -> Workspace:
        """Open the project in `directory`. Raises UsageError if there is none, InvalidProject if it cannot be used.

        `earlier` is the file of a workspace opened before, whose project is used again if project.yml is the same.
        """
        root = find_root(directory)
        file = ProjectFile(root, overrides or {}, earlier=earlier)
        workspace = cls(root, file.project, overrides, cancel)
        workspace.file = file
        return workspace

    @property
    def name(self) -> str:
        """The project's name: that of project.yml, or of its directory."""
        return self.project.name or self.root.name

    @cached_property
    def digests(self) -> Digests:
        return self._new_digests(self.project.digest)

    def digests_with(self, algorithm: Algorithm) -> Digests:
        """Return the digests by a named algorithm. Forgetting the project's own digests forgets these, too."""
        if algorithm == self.project.digest:
            return self.digests
        if self._other_since != self.digests.times_forgotten:
            self._other_since = self.digests.times_forgotten
            self._other_digests.forget()
        return self._other_digests

    @cached_property
    def _other_digests(self) -> Digests:
        """The digests by the algorithm that the project does not use, for records from before it was changed."""
        other: Algorithm = "blake3" if self.project.digest == "md5" else "md5"
        return self._new_digests(other)

    def _new_digests(self, algorithm: Algorithm) -> Digests:
        cache = cache_dir(self.root)
        return Digests(self.root, algorithm, cache=cache, cancel=self.cancel, observer=self.observer)

    @cached_property
    def records(self) -> Records:
        return Records(self.root, self.project, self.cancel)

    @property
    def locations(self) -> Locations:
        """The location of each value, key and command in project.yml. Raises ProjError if it cannot be read."""
        return (self.file or ProjectFile(self.root, {})).locations

    @cached_property
    def producers(self) -> Producers:
        return Producers(self.project.commands)

    def prepare_to_change(self) -> None:
        """Create `.proj`, and remove staging directories that killed processes left.

        Only subcommands that change something call this, once their arguments are checked.
        """
        self.remove_abandoned()
        had_cache = cache_dir(self.root) is not None
        with writing(f"`{STATE}`"):
            make_state_dir(self.root)
        if not had_cache:
            self.__dict__.pop("digests", None)  # it has no directory to keep its results in
            if self.file is not None:
                self.file.keep()

    @cached_property
    def staging_notes(self) -> Path:
        """The directory of notes about staging directories; see `files/staging.py`."""
        return self.state / "staging"

    def remove_abandoned(self) -> bool:
        """Remove staging directories that killed processes left, since a step could read them. Return if it did."""
        if not os.access(self.staging_notes, os.F_OK):
            return False
        from weaselish.files.staging import remove_abandoned

        return remove_abandoned(self.staging_notes)

    def save(self) -> None:
        """Write the caches of what was digested, if there is a directory for them."""
        for name in ("digests", "_other_digests"):
            if name in self.__dict__:
                getattr(self, name).save()

    # -- environment ------------------------------------------------------------------------------------------------

    def env(self, name: str) -> str | None:
        """Return the value of `${env.NAME}`, None if unset."""
        if name in self._env_given:
            return self._env_given[name]
        return self.environ.get(self._env_names.get(name, name))

    def shown_env(self, name: str) -> str | None:
        """Return the value of `${env.NAME}` for display: masked if it is a secret."""
        return MASK if self.is_secret(name) else self.env(name)

    def is_secret(self, name: str) -> bool:
        """Return whether the value of `${env.NAME}` must not be shown."""
        return is_secret(name) or is_secret(self._env_names.get(name, ""))

    # -- paths ------------------------------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Return whether a dep or output exists; for a glob, whether anything matches it."""
        return os.path.lexists(self.root / path) or (is_glob(path) and self.digests.has_match(path))

    def missing_cause(self, path: str) -> str | None:
        """Return in one sentence the likely cause why a dep is missing; None if no cause is likely."""
        from weaselish.files.missing import missing_cause

        return missing_cause(self.root, path, self.cancel)


def _given(project: ProjectModel, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the values that `--env.X VALUE` gives. Raises InvalidOverride for an X that project.yml does not have."""
    given = {name.removeprefix("env."): value for name, value in overrides.items() if name.startswith("env.")}
    for name in given:
        if name not in project.env:
            unknown = UnknownName("variable under `env`", name, project.env)
            raise InvalidOverride(unknown.message, name=f"env.{name}", hint=unknown.hint)
    return given
