"""Asks Docker or Podman for the digests of images, and pulls images that are missing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping

from weaselish.cancel import Cancel
from weaselish.executors.containers.engine import Engine, EngineDown
from weaselish.model.executors import ContainerSettings, Executors

_ENGINES = ("docker", "podman")


def image_digest(
    image: str,
    executor: str,
    model: Executors,
    environ: Mapping[str, str],
    cancel: Cancel,
    pulling: Callable[[str, int, int], None] | None,
) -> str | None:
    """Return the ID of an image as the engine of an executor has it, or the first engine of the project or machine.

    Return None for one that it lacks, unless `pulling`, which receives image, layers that are there, and all layers:
    then pull it. Raises ProjError. An executor that runs no containers needs no engine that answers.
    """
    try:
        engine = _engine(executor, model, environ)
        found = engine.image_id(image)
        if found is None and pulling is not None:
            engine.pull(image, cancel, _Layers(image, pulling))
            found = engine.image_id(image)
    except EngineDown:
        if isinstance(model.by_name.get(executor), ContainerSettings):
            raise
        return None
    return found


class ImageIds:
    """The IDs of the images that the containers of one executor are created from, each asked for once. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()  # also makes others wait for a pull

    def of(self, image: str, cancel: Cancel, progress: Callable[[bytes], None]) -> str:
        """Return the ID of an image, and pull it first if the engine lacks it. Raises ProjError and Cancelled."""
        with self._lock:
            if image not in self._known:
                found = self._engine.image_id(image)
                if found is None:
                    self._engine.pull(image, cancel, progress)
                    found = self._engine.image_id(image)
                self._known[image] = found or image
            return self._known[image]


class _Layers:
    """Counts the layers of an image in what an engine prints while it pulls."""

    def __init__(self, image: str, pulling: Callable[[str, int, int], None]) -> None:
        self._image, self._pulling = image, pulling
        self._said = b""

    def __call__(self, data: bytes) -> None:
        self._said += data
        done = sum(self._said.count(words) for words in (b"Pull complete", b"Already exists", b" done"))
        begun = sum(self._said.count(words) for words in (b"Pulling fs layer", b"Already exists", b"Copying blob"))
        self._pulling(self._image, min(done, begun), begun)


def _engine(executor: str, model: Executors, environ: Mapping[str, str]) -> Engine:
    others = (settings for settings in model.by_name.values() if isinstance(settings, ContainerSettings))
    settings = model.by_name.get(executor)
    chosen = settings if isinstance(settings, ContainerSettings) else next(others, None)
    if chosen is not None:
        return Engine(chosen.type, chosen.name, environ)
    for program in _ENGINES:
        if shutil.which(program, path=environ.get("PATH")):
            return Engine(program, executor, environ)
    raise EngineDown(
        "neither docker nor podman was found on PATH, which know the digests of images",
        hint="name images by digest: `image: NAME@sha256:…`",
    )
