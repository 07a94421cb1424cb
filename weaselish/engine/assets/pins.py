"""Pins of sources: the commit or content of each fetched named asset that project.lock holds every user to."""

from __future__ import annotations

from pathlib import Path

from weaselish.errors import ProjError
from weaselish.model.project import Asset
from weaselish.plan.digests import algorithm_of
from weaselish.records.pins import SourcePin
from weaselish.sources.fetched import Fetched
from weaselish.sources.git import GitError
from weaselish.sources.masking import mask_url_secrets
from weaselish.workspace import Workspace


class CannotClone(ProjError):
    """A git repository that is a source was not cloned. The exit code is the one that Kuberlab uses for it.

    Cure: try `git ls-remote URL`; correct the address, the branch or your access.
    """

    exit_code = 39


def pin_of(workspace: Workspace, asset: Asset) -> SourcePin | None:
    """Return the pin of a named asset, None if it has none for what project.yml names now."""
    pin = workspace.records.sources.get(asset.name or "")
    return pin if pin is not None and pin.source == source_text(asset) else None


def source_text(asset: Asset) -> str:
    """Return what project.yml names as the source of an asset, without secrets."""
    if asset.git is None:
        return mask_url_secrets(asset.url or "")
    branch, path = (f" {word} {text}" if text else "" for word, text in _parts(asset))
    return f"{mask_url_secrets(asset.git.repo)}{branch}{path}"


def _parts(asset: Asset) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    git = asset.git
    return ("branch", git.branch if git else None), ("path", git.path if git else None)


def new_pin(asset: Asset, last: Fetched | None, digest: str | None) -> SourcePin | None:
    """Return the pin for what is in the asset's place. None where nothing says which commit that is.

    `last` is the note of what was fetched there, `digest` that of the present content.
    """
    if asset.name is None or asset.is_private or digest is None:
        return None
    if asset.git is None:
        return SourcePin(source_text(asset), digest=digest)
    commit = last.commit if last is not None and last.digest == digest else None
    return SourcePin(source_text(asset), commit=commit) if commit else None


def is_pinned_content(workspace: Workspace, asset: Asset, pin: SourcePin, last: Fetched) -> bool:
    """Return whether what was fetched is what the pin says."""
    if pin.commit is not None:
        return last.commit == pin.commit
    return pin.digest is not None and _digest(workspace, asset.dest, pin.digest) == pin.digest


def check_pinned(workspace: Workspace, asset: Asset, pin: SourcePin | None, content: Path) -> None:
    """Raise ProjError if content that was just downloaded is not what the pin says."""
    if pin is None or pin.digest is None or _digest(workspace, str(content), pin.digest) == pin.digest:
        return
    message = f"the content of `{source_text(asset)}` differs from what project.lock pins"
    raise ProjError(message, hint=f"`proj assets --update {asset.name}` takes the new content")


def _digest(workspace: Workspace, path: str, like: str) -> str | None:
    """Return the digest of a path by the algorithm of another digest."""
    return workspace.digests_with(algorithm_of(like)).digest(path, "dep")


def pinned_source(asset: Asset, pin: SourcePin | None) -> Asset:
    """Return the asset with the pinned commit as what to fetch."""
    if asset.git is None or pin is None or pin.commit is None:
        return asset
    return asset._replace(git=asset.git._replace(branch=pin.commit))


def cannot_clone(asset: Asset, pin: SourcePin | None, error: GitError) -> ProjError:
    """Return the error of a git asset, which for a source has an exit code of its own."""
    if asset.name is None:
        return error
    hint = error.hint
    if pin is not None and pin.commit is not None and pin.commit in error.message:
        hint = f"project.lock pins that commit: `proj assets --update {asset.name}` takes the branch's newest"
    return CannotClone(f"source `{asset.name}` cannot be cloned: {error.message}", hint=hint)
