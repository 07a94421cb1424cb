"""A command with an image does not run while the digest of the image is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaselish.engine.run.images import check_images, images_of
from weaselish.errors import ProjError
from weaselish.model.project import Command, ProjectModel
from weaselish.model.roles import Image
from weaselish.workspace import Workspace

PINNED = f"busybox@sha256:{'0' * 64}"


def test_an_image_that_no_engine_knows_must_be_named_by_its_digest(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, ProjectModel())
    command = Command("a", image=Image("busybox"))
    assert images_of(workspace, command, None) == (("image", "unknown"),)
    with pytest.raises(ProjError, match="the digest of its image `busybox` is unknown") as raised:
        check_images(workspace, command)
    assert "busybox@sha256:…" in (raised.value.hint or "")


def test_an_image_that_is_named_by_its_digest_needs_no_engine(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, ProjectModel())
    command = Command("a", image=Image(PINNED))
    assert images_of(workspace, command, None) == (("image", f"sha256:{'0' * 64}"),)
    check_images(workspace, command)
