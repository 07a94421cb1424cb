"""`digest:` in project.yml changes: a record stays good as long as its own algorithm verifies it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from harness import ProjectDir

from weaselish.plan.digests import algorithm_of

COMMANDS = """\
commands:
  - {name: make, script: [sh make.sh], deps: [source.txt, make.sh], outputs: [made]}
  - {name: use, script: [cp made/a used.txt], deps: [made], outputs: [used.txt]}
workflows: {all: [make, use]}
remotes: {default: store}
"""
ALL_UP_TO_DATE = "✔ all up to date (2 steps)\n"


@pytest.fixture(params=[("md5", "blake3"), ("blake3", "md5")], ids="-to-".join)
def changed(request: pytest.FixtureRequest, project: ProjectDir) -> ProjectDir:
    """A project that ran everything before its digest was changed."""
    before, after = request.param
    project.write("source.txt", "1\n")
    project.write("make.sh", "mkdir -p made; cp source.txt made/b; echo a > made/a\n")
    project.project(f"digest: {before}\n{COMMANDS}")
    assert project.proj("run", "all").code == 0
    project.project(f"digest: {after}\n{COMMANDS}")
    return project


def algorithms(project: ProjectDir) -> dict[str, set[str]]:
    """Return the algorithms that each entry of project.lock names."""
    lock = project.lock()
    lock.pop(".proj")
    return {
        name: {key for item in (*entry["deps"], *entry["outs"]) for key in item} - {"path"}
        for name, entry in lock.items()
    }


def test_nothing_runs_and_nothing_is_written(changed: ProjectDir) -> None:
    lock = changed.read("project.lock")
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE
    assert changed.proj("run", "all", "--dry").out == "nothing to do\n"
    assert changed.proj("status", "--check").code == 0
    assert changed.read("project.lock") == lock


def test_a_change_is_noticed_and_named_and_the_next_run_records_with_the_new_algorithm(changed: ProjectDir) -> None:
    before = algorithms(changed)["make"]
    changed.write("source.txt", "2\n")
    assert changed.proj("status", "make").out.count("dep changed: source.txt") == 1
    done = changed.proj("run", "all")
    assert done.code == 0
    assert "make: dep changed: source.txt\n" in done.err
    assert "use: dep changed: made (changed b)\n" in done.err
    assert algorithms(changed)["make"].isdisjoint(before)
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


def test_a_consumer_with_the_old_algorithm_stays_up_to_date_if_its_dep_is_unchanged(changed: ProjectDir) -> None:
    old = algorithms(changed)["use"]
    assert changed.proj("run", "make", "--force").code == 0
    assert algorithms(changed)["use"] == old
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


@pytest.mark.parametrize(("path", "what"), [("made/a", "changed a"), ("made/c", "new c")])
def test_an_output_that_changed_is_noticed_in_a_directory(changed: ProjectDir, path: str, what: str) -> None:
    changed.write(path, "other\n")
    assert f"output changed: made ({what})" in changed.proj("status", "make").out


def test_the_digest_may_be_changed_back(changed: ProjectDir) -> None:
    text = changed.read("project.yml")
    other = text.replace("blake3", "md5") if "blake3" in text else text.replace("md5", "blake3")
    changed.proj("run", "make", "--force")
    changed.write("project.yml", other)
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


def test_what_several_commands_produce_still_comes_from_the_one_whose_run_verifies(changed: ProjectDir) -> None:
    changed.write(
        "project.yml",
        changed.read("project.yml").replace(
            "workflows:",
            """\
  - {name: copy, script: [cp -r other made], deps: [other], outputs: [made]}
workflows:""",
        ),
    )
    assert changed.proj("run", "use").err == ALL_UP_TO_DATE


def test_push_publishes_a_record_as_it_is_and_a_later_push_finds_it(changed: ProjectDir) -> None:
    algorithm = algorithms(changed)["make"].pop()
    done = changed.proj("push")
    assert done.code == 0
    objects = [
        path.name for path in (changed.path / "store").rglob("*") if path.is_file() and ".proj" not in path.parts
    ]
    assert {algorithm_of(name) for name in objects} == {algorithm}
    assert changed.proj("push", "--verify").code == 0
    assert len(objects) == 2


@pytest.fixture
def pushed(changed: ProjectDir, tmp_path: Path) -> ProjectDir:
    """The project, whose runs from before the change are on a remote, and whose outputs and records are gone."""
    changed.write("project.yml", changed.read("project.yml").replace("store", str(tmp_path / "store")))
    assert changed.proj("push").code == 0
    for name in ("made", ".proj"):
        shutil.rmtree(changed.path / name)
    changed.remove("used.txt")
    return changed


@pytest.mark.parametrize("with_lock", [True, False], ids=["with project.lock", "without project.lock"])
def test_pull_restores_runs_from_before_the_change_and_verifies_them_with_their_own_algorithm(
    pushed: ProjectDir, with_lock: bool
) -> None:
    before = algorithms(pushed)
    if not with_lock:
        pushed.remove("project.lock")
    dry = pushed.proj("pull", "--dry")
    assert dry.err.splitlines()[-1] == "2 would be pulled from default", dry.err
    done = pushed.proj("pull")
    assert (done.code, done.err.splitlines()[-1]) == (0, "2 pulled from default"), done.err
    assert pushed.proj("run", "all").err == ALL_UP_TO_DATE
    assert algorithms(pushed) == before
    assert pushed.proj("pull").err.splitlines()[-1] == "0 pulled from default, 2 already present"
    assert pushed.proj("push").err.splitlines()[-1] == "0 pushed to default, 2 already on the remote"


def test_status_sees_runs_from_before_the_change_on_the_remote(pushed: ProjectDir) -> None:
    pushed.remove("project.lock")
    rows = pushed.proj("status", "--remote", "default", "--json").json
    assert {row["step"]: row["remote"] for row in rows} == {"make": "there", "use": "there"}


def test_pull_refuses_an_object_from_before_the_change_that_is_broken(pushed: ProjectDir, tmp_path: Path) -> None:
    (path,) = (path for path in (tmp_path / "store/used.txt").rglob("*") if path.is_file())
    data = gzip.decompress(path.read_bytes())
    assert b"\na\n" not in data and b"a\n" in data
    path.write_bytes(gzip.compress(data.replace(b"a\n", b"b\n"), mtime=0))
    done = pushed.proj("pull")
    assert done.code == 1
    assert "is not what it should be: expected" in done.err
    assert not pushed.exists("used.txt")


def test_pull_replaces_an_output_that_a_run_before_the_change_produced(pushed: ProjectDir) -> None:
    assert pushed.proj("pull").code == 0
    pushed.write("source.txt", "2\n")
    assert pushed.proj("run", "all").code == 0
    pushed.write("source.txt", "1\n")
    done = pushed.proj("pull")
    assert "`made` differs from the remote and would be lost" in done.err, "the later run was not pushed"
    assert pushed.proj("push").code == 0
    pushed.write("source.txt", "2\n")
    assert pushed.proj("push").code == 0
    pushed.write("source.txt", "1\n")
    assert pushed.proj("pull").code == 0
    assert pushed.read("made/b") == "1\n"


def test_what_exists_only_locally_is_kept(pushed: ProjectDir) -> None:
    pushed.write("made/a", "my own\n")
    done = pushed.proj("pull")
    assert "`made` differs from the remote and would be lost" in done.err
    assert pushed.read("made/a") == "my own\n"


def test_a_run_by_the_new_algorithm_is_pulled_before_one_by_the_old(pushed: ProjectDir, tmp_path: Path) -> None:
    pushed.remove("project.lock")
    assert pushed.proj("run", "all").code == pushed.proj("push").code == 0
    new = algorithms(pushed)
    other = pushed.beside("other")
    shutil.copytree(
        pushed.path,
        other.path,
        ignore=shutil.ignore_patterns(".proj", "made", "used.txt", "project.lock"),
        dirs_exist_ok=True,
    )
    assert other.proj("pull").code == 0
    assert algorithms(other) == new
