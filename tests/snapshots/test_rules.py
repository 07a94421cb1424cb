"""What a push leaves out and reports, and what a pull never overwrites."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ProjectDir
from servers import READER_KEY, READER_SECRET

from . import reader
from .conftest import fill
from .test_push_pull import push, tree, wipe


def paths(backup: Path) -> set[str]:
    """Return the paths in the only snapshot."""
    ((_, entries),) = reader.snapshots(backup).items()
    return {entry["path"] for entry in entries}


@pytest.fixture
def plain(iris: ProjectDir) -> ProjectDir:
    """Return a project whose outputs no remote has."""
    iris.project("name: iris\ncommands: []\n")
    return iris


@pytest.mark.parametrize("name", [".projignore", ".labignore"])
def test_the_ignore_file_takes_files_folders_and_globs(plain: ProjectDir, backup: Path, name: str) -> None:
    plain.write(name, "# notes\nexperiments/abc/model.joblib\n/raw/\n*.tmp\n!keep.tmp\n")
    for path in ("experiments/abc/model.joblib", "experiments/abc/log", "raw/x", "sub/raw/x", "a.tmp", "keep.tmp"):
        plain.write(path)
    for path in (".venv/bin/python", "venv/x", "node_modules/x", "src/__pycache__/x.pyc", ".DS_Store", ".hidden/x"):
        plain.write(path)
    push(plain, str(backup))
    found = paths(backup)
    assert {"experiments/abc/log", "sub/raw/x", "keep.tmp", ".hidden/x", name} <= found
    assert not {"experiments/abc/model.joblib", "raw/x", "a.tmp", ".venv/bin/python", "venv/x", ".DS_Store"} & found
    assert not [path for path in found if "__pycache__" in path or "node_modules" in path]


def test_a_projignore_wins_over_a_labignore(plain: ProjectDir, backup: Path) -> None:
    plain.write(".projignore", "a.txt\n!venv/\n")
    plain.write(".labignore", "b.txt\n")
    for path in ("a.txt", "b.txt", "venv/x"):
        plain.write(path)
    push(plain, str(backup))
    assert {"b.txt", "venv/x"} <= paths(backup)
    assert "a.txt" not in paths(backup)


def test_secrets_are_named_and_left_out_unless_asked_for(plain: ProjectDir, backup: Path) -> None:
    secrets = (".env", ".env.local", "server.pem", "sub/id_rsa", "credentials.json", ".netrc")
    for path in secrets:
        plain.write(path, "planted-secret")
    done = plain.proj("snapshot", "push", str(backup))
    assert all(f"`{path}`" in done.err for path in secrets)
    assert "planted-secret" not in done.err
    assert not paths(backup) & set(secrets)
    assert not [name for name, data in reader.contents(backup).items() if b"planted-secret" in data]
    push(plain, "--include-secrets")
    assert any({entry["path"] for entry in entries} >= set(secrets) for entries in reader.snapshots(backup).values())


def test_special_files_and_what_tools_execute_are_left_out(plain: ProjectDir, backup: Path) -> None:
    os.mkfifo(plain.path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(plain.path / "socket"))
        plain.write(".github/workflows/ci.yml")
        done = plain.proj("snapshot", "push", str(backup))
    assert done.code == 0, done.err
    assert "left out: `pipe`, `socket`, neither files" in done.err
    assert "left out: `.github`: no pull would restore them" in done.err


@pytest.mark.parametrize("url", ["./backup", "file://{}/backup"])
def test_a_remote_inside_the_project_is_not_in_its_snapshots(plain: ProjectDir, url: str) -> None:
    for _ in range(2):
        push(plain, url.format(plain.path))
    assert not [path for path in paths_of_all(plain.path / "backup") if path.startswith("backup")]


def paths_of_all(backup: Path) -> set[str]:
    return {entry["path"] for entries in reader.snapshots(backup).values() for entry in entries}


def test_unreadable_files_are_listed_together_and_nothing_is_stored(plain: ProjectDir, backup: Path) -> None:
    """Let the files change whenever they are read, because root may read everything."""
    for name in ("one", "two"):
        plain.write(name, "x")
    really = os.fstat

    class Changing:
        """The result of stat for a file that is written to all the time."""

        count = 0

    def fstat(fd: int) -> os.stat_result:
        status = really(fd)
        if os.readlink(f"/proc/self/fd/{fd}").endswith(("/one", "/two")):
            Changing.count += 1
            fields = list(status)
            fields[6] += Changing.count
            return os.stat_result(fields, {"st_mtime_ns": Changing.count, "st_ctime_ns": 1})
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        done = plain.proj("snapshot", "push", str(backup))
    assert done.code == 1
    assert "2 paths cannot be read" in done.err
    assert "`one`: it changes while it is read" in done.err
    assert "`two`" in done.err
    assert reader.snapshots(backup) == {}
    assert push(plain, str(backup))["snapshot"]["files"] > 0


def test_files_without_permission_are_listed(plain: ProjectDir, backup: Path) -> None:
    for name in ("one", "two"):
        plain.write(name, "x").chmod(0)
    words = [sys.executable, "-m", "weaselish", "snapshot", "push", str(backup)]
    if os.geteuid() == 0:  # root may read everything, unless it gives up that capability
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *words]
    done = subprocess.run(words, cwd=plain.path, env=plain.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "`one`: Permission denied; `two`: Permission denied" in done.stderr


def test_what_exists_only_locally_is_never_overwritten(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    iris.write("in.txt", "only here\n")
    iris.write("src/iris/main.py", "only here\n")
    iris.write("extra.txt", "stays\n")
    before = tree(iris.path)
    done = iris.proj("snapshot", "pull")
    assert done.code == 1
    assert "`in.txt`, `src/iris/main.py` exist only locally and would be lost; nothing was changed" in done.err
    assert tree(iris.path) == before
    assert iris.proj("snapshot", "pull", "--force").code == 0
    assert (iris.read("in.txt"), iris.read("extra.txt")) == ("two\none\n", "stays\n")


def test_an_output_that_exists_only_locally_is_not_overwritten_either(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    iris.write("data/a.txt", "only here\n")
    done = iris.proj("snapshot", "pull")
    assert (done.code, "`data` exists only locally" in done.err) == (1, True)
    assert iris.read("data/a.txt") == "only here\n"
    assert iris.proj("snapshot", "pull", "--force").code == 0
    assert iris.read("data/a.txt") == "two\none\n"


def test_a_changed_file_that_another_snapshot_holds_is_updated(iris: ProjectDir, backup: Path) -> None:
    first = push(iris)["snapshot"]["id"]
    iris.write("in.txt", "new\n")
    push(iris, "-m", "new")
    assert iris.proj("snapshot", "pull", first).code == 0
    assert iris.read("in.txt") == "two\none\n"
    assert iris.proj("snapshot", "pull", "@new").code == 0
    assert iris.read("in.txt") == "new\n"
    changed = iris.proj("snapshot", "diff", first, "@new").out
    assert [line.split() for line in changed.splitlines()[2:]] == [["in.txt", "changed"]]


def test_exact_asks_before_it_removes_extra_files(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    iris.write("extra/deep/a.txt", "x")
    iris.write("__pycache__/kept.pyc", "x")
    iris.write(".env", "KEPT=1")
    done = iris.proj("snapshot", "pull", "--exact")
    assert (done.code, "not in the snapshot: extra/deep/a.txt" in done.err) == (1, True)
    assert iris.exists("extra/deep/a.txt")
    assert iris.proj("snapshot", "pull", "--exact", "--yes").code == 0
    assert not iris.exists("extra")
    assert iris.exists("__pycache__/kept.pyc")
    assert iris.exists(".env")
    assert iris.exists("data/a.txt")


def test_a_second_pull_fetches_only_what_is_not_right_yet(iris: ProjectDir, backup: Path) -> None:
    push(iris)
    wipe(iris)
    iris.write("in.txt", "two\none\n")
    done = iris.proj("snapshot", "pull", "--from", str(backup), "--into", ".", "--json").json
    assert "in.txt" not in done["written"]
    assert iris.proj("snapshot", "pull", "--json").json["written"] == []
    (iris.path / "src/iris/main.py").chmod(0o600)
    assert iris.proj("snapshot", "pull", "--json").json["written"] == ["src/iris/main.py"]
    assert (iris.path / "src/iris/main.py").stat().st_mode & 0o777 == 0o755


def test_a_pull_into_another_project_needs_a_directory(iris: ProjectDir, backup: Path) -> None:
    push(iris, "--project", "other")
    done = iris.proj("snapshot", "pull", "--project", "other")
    assert (done.code, "`--into DIR`" in done.err) == (2, True)


def test_two_pushes_at_a_time_both_end_well(iris: ProjectDir, backup: Path) -> None:
    other = iris.beside("iris-copy")
    other.project(iris.read("project.yml"))
    for number in range(200):
        for project in (iris, other):
            project.write(f"files/{number}", f"{number}\n")
    both = [project.start("snapshot", "push", str(backup)) for project in (iris, other)]
    assert [one.wait().code for one in both] == [0, 0]
    assert len(reader.snapshots(backup)) == 2


def test_a_name_that_cannot_be_one_is_an_error_of_project_yml(iris: ProjectDir) -> None:
    for name in ("../x", ".hidden", "a/b"):
        iris.project(f"name: {name}\ncommands: []\n")
        done = iris.proj("snapshot", "push")
        assert (done.code, f"`{name}` cannot name a project" in done.err) == (2, True)


@pytest.mark.servers
@pytest.mark.parametrize("remote", ["seaweedfs"], indirect=True)
def test_a_reader_can_pull_list_and_verify_but_not_push_or_prune(project: ProjectDir, remote: str) -> None:
    fill(project, remote)
    push(project)
    before = tree(project.path)
    project.environ |= {"AWS_ACCESS_KEY_ID": READER_KEY, "AWS_SECRET_ACCESS_KEY": READER_SECRET}
    for words in (("push",), ("prune", "--keep", "0", "--yes")):
        done = project.proj("snapshot", *words)
        assert done.code == 1
        assert "refuse" in done.err or "denied" in done.err.lower()
        assert READER_SECRET not in done.err
    assert project.proj("snapshot", "verify").code == 0
    wipe(project)
    done = project.proj("snapshot", "pull", "--from", remote, "--project", "iris", "--into", ".")
    assert done.code == 0, done.err
    assert tree(project.path) == before


def test_a_secret_in_a_url_is_refused_and_kept_nowhere(iris: ProjectDir) -> None:
    done = iris.proj("snapshot", "push", "s3://key:planted-secret@bucket/prefix")
    assert (done.code, "holds a credential" in done.err) == (1, True)
    assert "planted-secret" not in done.err
    assert not [file for file in iris.path.rglob("*") if file.is_file() and b"planted-secret" in file.read_bytes()]
