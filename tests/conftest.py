from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import real_weasel
from harness import ProjectDir
from hypothesis import settings


@pytest.fixture
def project(tmp_path: Path) -> ProjectDir:
    """An empty project directory, to be filled and to run `proj` in."""
    return ProjectDir(tmp_path / "project", tmp_path / "scratch")


@pytest.fixture(scope="session")
def weasel() -> real_weasel.Weasel:
    """The real Weasel. It cannot be installed: a failure in CI, a skip elsewhere."""
    try:
        return real_weasel.install()
    except real_weasel.Unavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


# machines that run tests are busy: how long an example takes says nothing; and CI tries the same examples each time
settings.register_profile("proj", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("proj")


# a shell starts what it puts into the background with Ctrl-C ignored, nohup ignores the end of the terminal, and all
# that tests start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
