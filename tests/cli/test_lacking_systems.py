"""Disks and systems that lack a feature or fail: proj falls back from optional calls, and names a required one.

strace injects the errors, so that each call fails as it does on such a system.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import Done, ProjectDir

OPTIONAL = [  # calls that a disk, a container or a sandbox may lack
    "flock:error=ENOSYS",
    "flock:error=EOPNOTSUPP",
    "fsync:error=EINVAL",
    "fsync:error=EOPNOTSUPP",
    "fdatasync:error=EINVAL",
    "syncfs:error=ENOSYS",
    "utimensat:error=EPERM",
    "fadvise64:error=ENOSYS",
    "chmod:error=EPERM",
    "fchmod:error=EPERM",
    "link:error=EPERM",
    "link:error=EOPNOTSUPP",
    "ftruncate:error=EINVAL",
    "pidfd_open:error=ENOSYS",
]
REQUIRED = {  # without these, a subcommand ends with one line
    "run all": [
        ("flock:error=ENOLCK", "cannot be locked: No locks available"),
        ("pwrite64:error=ENOSPC", "cannot be written: No space left on device"),
        ("pwrite64:error=EDQUOT", "cannot be written: Disk quota exceeded"),
        ("pwrite64:error=EFBIG", "cannot be written: File too large"),
        ("fdatasync:error=EIO", "cannot be written: Input/output error"),
        ("mkdir:error=EROFS", "`.proj` cannot be written: Read-only file system"),
    ],
    "push": [
        ("fsync:error=EIO", "Input/output error while writing"),
        ("mkdir:error=EROFS", "Read-only file system while writing"),
    ],
    "pull": [
        ("flock:error=ENOLCK", "cannot be locked: No locks available"),
        ("rename:error=EXDEV", "Invalid cross-device link"),
        ("symlink:error=EPERM", "the disk may lack symbolic links"),
        ("mkdir:error=EROFS", "Read-only file system"),
        ("syncfs:error=EIO", "Input/output error"),
    ],
}


@pytest.fixture
def lacking(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    if not shutil.which("strace") or subprocess.run(["strace", "-o/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("this machine has no strace, or does not let it trace")
    project.project(
        f"""
        remotes: {{default: {tmp_path}/remote}}
        commands:
          - {{name: make, script: ["sh make.sh"], outputs: [out, d]}}
          - {{name: use, script: ["cp out res"], deps: [out, "d/*"], outputs: [res]}}
        workflows: {{all: [make, use]}}
        """
    )
    project.write("make.sh", "echo 1 > out; mkdir -p d; echo 2 > d/x; ln -sf x d/link\n")
    return project


def under(fault: str, project: ProjectDir, *words: str) -> Done:
    """Run `proj WORDS` while a system call fails."""
    log = project.path.parent / "strace.log"
    call = fault.partition(":")[0]
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={fault}"]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "weaselish", *words],
        cwd=project.path,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def remove_outputs(project: ProjectDir) -> None:
    for name in ("out", "res"):
        (project.path / name).unlink(missing_ok=True)
    shutil.rmtree(project.path / "d", ignore_errors=True)


@pytest.mark.parametrize("fault", OPTIONAL)
def test_everything_works_without_an_optional_call(lacking: ProjectDir, fault: str) -> None:
    for words in (["run", "all"], ["push"], ["status"], ["log"], ["pull"], ["lock", "accept", "use"]):
        if words == ["pull"]:
            remove_outputs(lacking)
        done = under(fault, lacking, *words)
        assert done.code == 0, (words, done.err)
    assert (lacking.path / "d/link").read_text() == "2\n"
    states = {step["step"]: step["result"] for step in lacking.proj("run", "all", "--json").json["steps"]}
    assert states == {"make": "up to date", "use": "up to date"}


@pytest.mark.parametrize(
    ("subcommand", "fault", "message"),
    [(subcommand, fault, message) for subcommand, faults in REQUIRED.items() for fault, message in faults],
)
def test_a_required_call_that_fails_is_named_and_harms_nothing(
    lacking: ProjectDir, subcommand: str, fault: str, message: str
) -> None:
    if subcommand != "run all":
        assert lacking.proj("run", "all").code == 0
    if subcommand == "pull":
        assert lacking.proj("push").code == 0
        remove_outputs(lacking)
    done = under(fault, lacking, *subcommand.split())
    assert done.code == 1
    assert message in done.err
    assert lacking.proj(*subcommand.split()).code == 0, "it works once the call does"
    assert lacking.proj("run", "all").code == 0
    assert (lacking.path / "res").read_text() == "1\n"


@pytest.mark.parametrize("call", ["setsid", "dup2"])
def test_a_step_that_gets_no_session_or_output_does_not_blame_its_directory(lacking: ProjectDir, call: str) -> None:
    done = under(f"{call}:error=EPERM:when=1+", lacking, "run", "make")
    assert "✘ `make`: `sh` was not started: the system refuses to prepare its process: " in done.err, done.err
    assert "working directory" not in done.err
    assert done.code == 126
    assert lacking.proj("run", "all").code == 0


@pytest.mark.parametrize("words", [["log"], ["status"], ["ls"], ["validate"], ["vars"], ["graph"]], ids=" ".join)
def test_subcommands_that_report_take_no_lock(lacking: ProjectDir, words: list[str]) -> None:
    assert lacking.proj("run", "all").code == 0
    done = under("flock:error=ENOLCK", lacking, *words)
    assert done.code == 0, done.err
    assert "flock" not in (lacking.path.parent / "strace.log").read_text()
