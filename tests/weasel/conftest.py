"""The real Weasel for a whole session. It cannot be installed: a failure in CI, a skip elsewhere."""

from __future__ import annotations

import os

import pytest
import real_weasel
from real_weasel import Weasel


@pytest.fixture(scope="session")
def weasel() -> Weasel:
    try:
        return real_weasel.install()
    except real_weasel.Unavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))
