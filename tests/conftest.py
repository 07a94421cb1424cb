from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import memory
import pytest
import real_weasel
from engines.fixtures import dask, docker, podman, slurm  # noqa: F401
from harness import ProjectDir
from hypothesis import settings

from weaselish import resolved_secrets
from weaselish.connections import secrets

memory.keep_files_in_memory()


@pytest.fixture
def project(tmp_path: Path) -> ProjectDir:
    """An empty project directory, to be filled and to run `proj` in."""
    return ProjectDir(tmp_path / "project", tmp_path / "scratch")


@pytest.fixture(autouse=True)
def new_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin as a new process does: without resolved secrets, which would be masked in its output."""
    monkeypatch.setattr(resolved_secrets, "_values", {})
    monkeypatch.setattr(secrets, "_resolved", {})


@pytest.fixture(scope="session")
def weasel() -> real_weasel.Weasel:
    """The real Weasel. It cannot be installed: a failure in CI, a skip elsewhere."""
    try:
        return real_weasel.install()
    except real_weasel.Unavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason))
        pytest.skip(str(reason))


SLOW = ("soak", "fuzz", "remotes/test_kills", "remotes/test_concurrent", "cli/test_interrupted", "weasel", "templates")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the parts of the suite that `make test-quick` leaves out."""
    tests = Path(__file__).parent
    for item in items:
        if str(item.path.relative_to(tests)).startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Count a skipped test as failed in CI: there, everything that a test needs can be installed."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


# machines that run tests are busy: how long an example takes says nothing; and CI tries the same examples each time
settings.register_profile("proj", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("proj")


# a shell starts what it puts into the background with Ctrl-C ignored, nohup ignores the end of the terminal, and all
# that tests start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where there is one, however small: hundreds of flushes to a disk take minutes."""
    if not os.access(memory.PLACE, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory.PLACE) as directory:
        yield Path(directory)
