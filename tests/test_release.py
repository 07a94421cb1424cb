"""The release script: it refuses what is not ready, and tags what is. Everything happens in a clone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VERSION = "0.1.0"


def git(clone: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    return subprocess.run(["git", *who, *words], cwd=clone, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the current state, ready for a release."""
    target = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-local", "--depth", "1", f"file://{ROOT}", str(target))
    for name in ("pyproject.toml", "CHANGELOG.md", "CITATION.cff", ".ci/release"):
        (target / name).write_bytes((ROOT / name).read_bytes())
    (target / ".ci" / "release").chmod(0o755)
    log = (target / "CHANGELOG.md").read_text("utf-8")
    (target / "CHANGELOG.md").write_text(log.replace("# Changes\n", f"# Changes\n\n## {VERSION} - 2026-12-01\n", 1))
    git(target, "add", "--all")
    git(target, "commit", "--quiet", "--allow-empty", "--message", "Release")
    return target


def release(clone: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", ".ci/release", *words],
        cwd=clone,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "HOME": str(clone.parent), **IDENTITY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


IDENTITY = {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}


def test_what_is_not_ready_is_refused(clone: Path) -> None:
    for words, message in {
        (): "usage",
        ("1.0",): "usage",
        ("9.9.9",): "pyproject.toml has another version than 9.9.9",
        (VERSION, "--now"): "unknown option",
    }.items():
        code, printed = release(clone, *words)
        assert (code, message in printed) == (1, True), printed
    (clone / "CHANGELOG.md").write_text("# Changes\n")
    assert "has changes" in release(clone, VERSION)[1]
    git(clone, "commit", "--quiet", "--all", "--message", "Forget the changes")
    assert "CHANGELOG.md has no line" in release(clone, VERSION)[1]


def test_a_dry_release_builds_and_checks_and_only_a_real_one_tags(clone: Path) -> None:
    code, printed = release(clone, VERSION)
    assert (code, "can be released" in printed) == (0, True), printed
    assert printed.count("PASSED") == 2
    assert {file.suffix for file in (clone / "dist").iterdir()} == {".whl", ".gz"}
    [wheel] = (clone / "dist").glob("*.whl")  # built from the sdist
    names = zipfile.ZipFile(wheel).namelist()
    needed = ["schema.json", "project.yml", "starter/project.yml"]
    assert [end for end in needed if not any(name.endswith(end) for name in names)] == []
    assert "weaselish/templates/penguins/project.yml" in names
    assert git(clone, "tag") == ""
    git(clone, "tag", f"v{VERSION}")
    assert "exists" in release(clone, VERSION, "--tag")[1]
    git(clone, "tag", "--delete", f"v{VERSION}")
    assert release(clone, VERSION, "--tag")[0] == 0
    assert git(clone, "tag").split() == [f"v{VERSION}"]
