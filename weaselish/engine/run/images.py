"""What identifies the images of a command, for its key: their digests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weaselish.engine import events
from weaselish.engine.events import Unit
from weaselish.errors import ProjError
from weaselish.model.project import Command
from weaselish.plan.fingerprint import Environment, Fingerprint
from weaselish.workspace import Workspace

if TYPE_CHECKING:
    from weaselish.executors.base import ExecutorSource

_UNKNOWN = "unknown"  # the digest of an image that no engine and no record knows


def images_of(workspace: Workspace, command: Command, last: Fingerprint | None) -> Environment:
    """Return the digest of each image that the command names, by its name in the key: `image` or `image:<role>`.

    An image that no engine knows counts as the one of the `last` run, unless a run asks: then this raises ProjError.
    """
    recorded = dict(last.environment) if last is not None else {}
    found = []
    for entry, image in _named(command):
        pinned = image.partition("@")[2]
        digest = pinned or workspace.images.digest(image, command) or recorded.get(entry, _UNKNOWN)
        found.append((entry, digest))
    return tuple(found)


def _named(command: Command) -> Iterator[tuple[str, str]]:
    if command.image is not None:
        yield "image", command.image.of(command.resources)
    for role in command.roles:
        if role.image is not None:
            yield f"image:{role.name}", role.image.of(role.resources)


def image_ids(command: Command, now: Fingerprint) -> dict[str, str]:
    """Return the ID of each image that the command names by a tag, as `now` has it."""
    known = dict(now.environment)
    found = {image: known.get(entry, _UNKNOWN) for entry, image in _named(command) if "@" not in image}
    return {image: digest for image, digest in found.items() if digest != _UNKNOWN}


def check_images(workspace: Workspace, command: Command) -> None:
    """Raise ProjError for an image of a command that is to run, if its digest could not be asked for."""
    for _, image in _named(command):
        if image in workspace.images.unchecked:
            raise ProjError(
                f"`{command.name}`: the digest of its image `{image}` is unknown, as no engine here answers",
                hint=f"start Docker or Podman, or name the image by digest: `image: {image}@sha256:…`",
            )


def pull_images(workspace: Workspace, executors: ExecutorSource, report: events.Reporter) -> None:
    """Let the digests of images come from the executors that run the commands. Pull the images that they lack."""

    def progress(image: str, done: int, total: int) -> None:
        report(events.Preparing(f"pulling the image `{image}`", done, total or None, Unit.FILES))

    workspace.images.executor_of = executors.name_for
    workspace.images.pulling = progress


def report_unchecked(workspace: Workspace, report: events.Reporter) -> None:
    """Say which images could not be checked and counted as those of the last runs."""
    for image, error in workspace.images.unchecked.items():
        cause = "it is not here, and `proj run` pulls it" if error is None else error.message
        hint = None if error is None else error.hint
        report(events.Note(f"the image `{image}` counts as that of the last run: {cause}", hint))
