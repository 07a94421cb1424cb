from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir
from remotes.conftest import remote  # noqa: F401 - fixtures
from stores.conftest import no_credentials_of_this_machine, seaweedfs  # noqa: F401 - fixtures


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """The directory of a remote, which does not exist yet."""
    return tmp_path / "backup"


@pytest.fixture
def iris(tmp_path: Path, backup: Path) -> ProjectDir:
    """A project `iris` of two steps, one of them with its output on the remote `default`."""
    project = ProjectDir(tmp_path / "iris", tmp_path / "scratch")
    return fill(project, str(backup))


def fill(project: ProjectDir, url: str) -> ProjectDir:
    """Write and run the sample project."""
    project.project(f"""\
        name: iris
        remotes: {{default: "{url}"}}
        commands:
          - name: prepare
            script: [sh prepare.sh]
            deps: [prepare.sh, in.txt]
            outputs: [data]
          - name: train
            script: [cp data/a.txt model.bin]
            deps: [data]
            outputs: [model.bin]
        workflows: {{all: [prepare, train]}}
        """)
    project.write("prepare.sh", "mkdir -p data/sub data/empty\ncp in.txt data/a.txt\ncp in.txt data/sub/b.txt\n")
    project.write("in.txt", "two\none\n")
    project.write("src/iris/main.py", "print('iris')\n").chmod(0o755)
    (project.path / "src" / "link").symlink_to("iris/main.py")
    (project.path / "empty").mkdir(mode=0o700)
    (project.path / "large.bin").write_bytes(bytes(range(256)) * 2000)
    assert project.proj("run", "all").code == 0
    assert project.proj("push", "-c", "prepare").code == 0
    return project


def spoil(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def largest_pack(backup: Path) -> Path:
    return max(backup.glob(".proj/packs/*.pack"), key=lambda pack: pack.stat().st_size)
