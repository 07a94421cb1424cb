"""The run cache on every kind of remote: what one clone computes, another one restores."""

from __future__ import annotations

import pytest
from harness import ProjectDir
from remotes.conftest import PLACES, remote  # noqa: F401 - fixtures
from stores.conftest import (  # noqa: F401 - fixtures
    azurite,
    fake_gcs,
    moto,
    no_credentials_of_this_machine,
    rclone,
    seaweedfs,
)

from .samples import CHAIN, colleague, ran, run, write_chain


@pytest.mark.parametrize("remote", PLACES, indirect=True)
def test_clones_share_results(project: ProjectDir, remote: str) -> None:  # noqa: F811
    write_chain(project, CHAIN.replace("cache: local", f"cache: team\nremotes: {{team: {remote}}}"))
    run(project, "all", "-j2")
    second = colleague(project, "second")
    assert set(run(second, "all").values()) == {"restored"}
    second.remove("model")
    assert run(second, "all") == {"prep": "up to date", "train": "restored", "evaluate": "up to date"}
    third = colleague(project, "third")
    assert third.proj("status", "--cache", "--check").code == 0
    assert run(third, "evaluate") == {"prep": "available", "train": "available", "evaluate": "restored"}
    assert run(third, "evaluate", "--vars.size", "5") == {"prep": "restored", "train": "ran", "evaluate": "ran"}
    assert set(run(second, "all", "--vars.size", "5").values()) == {"up to date", "restored"}
    assert ran(second) == []
