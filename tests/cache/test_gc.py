"""What `proj gc` removes from a remote, what it keeps, and when objects are freed."""

from __future__ import annotations

import json
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir, wait_until

from .samples import CHAIN, colleague, objects_in, records_in, run, write_chain
from .stored_runs import age


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(project: ProjectDir, remote: Path) -> ProjectDir:
    """A project whose remote is also its cache."""
    write_chain(project, CHAIN.replace("cache: local", f"cache: default\nremotes: {{default: {remote}}}"))
    return project


def sizes(team: ProjectDir, *numbers: int) -> None:
    """Run the project with several values of its variable."""
    for number in numbers:
        run(team, "all", "--vars.size", str(number))


def gc(team: ProjectDir, *words: str) -> Any:
    done = team.proj("gc", *words, "--yes", "--json")
    assert done.code == 0, done.err
    return done.json


def commands(remote: Path) -> list[str]:
    return [json.loads(path.read_text())["command"] for path in records_in(remote)]


def test_without_a_policy_nothing_is_removed(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    done = team.proj("gc", "--dry")
    assert done.code == 0
    assert "no policy was given" in done.out
    assert gc(team)["removed"] == []


def test_the_last_results_of_each_output_stay(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2, 3, 4)
    age(remote, 9)
    result = gc(team, "--keep-last", "2", "--refs", "none")
    assert {one["command"] for one in result["removed"]} == {"train", "evaluate"}
    assert commands(remote).count("train") == commands(remote).count("evaluate") == 2
    assert commands(remote).count("prep") == 1


def test_runs_of_another_project_on_the_same_remote_are_pointed_out(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    other = team.beside("other")
    other.project(f"commands: [{{name: train, script: [touch x], outputs: [x]}}]\nremotes: {{default: {remote}}}")
    done = other.proj("gc", "--keep-last", "0", "--dry")
    assert (
        "warning: commands of 3 runs to remove are not in project.yml: `evaluate` and 1 more\n"
        "  hint: another project may use this remote: its lock files do not count here\n"
    ) in done.err
    assert "warning" not in team.proj("gc", "--keep-last", "0", "--dry").err


def test_what_the_lock_file_names_stays(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2, 3, 1)
    age(remote, 9)
    result = gc(team, "--keep-last", "0")
    assert result["kept"]["named by a lock file"]["runs"] == 3
    assert commands(remote) == ["prep", "train", "evaluate"]
    other = colleague(team)
    assert set(run(other, "all").values()) == {"restored"}


@pytest.mark.parametrize("ref", ["branch", "tag", "remote-tracking branch"])
def test_what_a_lock_file_in_git_names_stays(team: ProjectDir, remote: Path, ref: str) -> None:
    team.git("init")
    sizes(team, 1)
    team.git("add", "-f", "project.lock")
    team.git("commit", "-m", "one")
    match ref:
        case "branch":
            team.git("branch", "other")
        case "tag":
            team.git("tag", "-a", "-m", "a tag", "v1")
        case _:
            team.git("update-ref", "refs/remotes/origin/other", "HEAD")
    sizes(team, 2)
    team.git("add", "-f", "project.lock")
    team.git("commit", "--amend", "-m", "two")
    sizes(team, 3)
    age(remote, 9)
    kept = gc(team, "--keep-last", "0")["kept"]["named by a lock file"]["runs"]
    assert kept == 7  # prep, and two steps of each size: one of the ref, one of HEAD, one of the working tree
    names = {"branch": "branches", "tag": "all", "remote-tracking branch": "branches"}
    assert gc(team, "--keep-last", "0", "--refs", names[ref])["removed"] == []
    assert len(gc(team, "--keep-last", "0", "--refs", "none")["removed"]) == 4


def test_a_lock_file_in_a_subdirectory_of_the_repository_counts(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1)
    parent = ProjectDir(team.path.parent, team.path.parent / "scratch-of-git")
    parent.environ = team.environ
    parent.git("init")
    parent.git("add", "-f", "project/project.lock")
    parent.git("commit", "-m", "one")
    sizes(team, 2)
    age(remote, 9)
    assert gc(team, "--keep-last", "0")["removed"] == []


def test_a_repository_that_git_cannot_read_stops_it(team: ProjectDir, remote: Path) -> None:
    team.git("init")
    sizes(team, 1)
    (team.path / ".git/HEAD").write_text("broken")
    age(remote, 9)
    done = team.proj("gc", "--keep-last", "0", "-y")
    assert done.code == 1
    assert len(records_in(remote)) == 3


def test_anything_younger_than_the_grace_time_stays(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    assert gc(team, "--keep-last", "0", "--refs", "none")["removed"] == []
    age(remote, 0.5)
    assert gc(team, "--keep-last", "0")["removed"] == []
    assert len(gc(team, "--keep-last", "0", "--grace", "6h")["removed"]) == 2


def test_only_what_is_older_is_removed(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1)
    age(remote, 40)
    sizes(team, 2)
    sizes(team, 3)
    result = gc(team, "--older-than", "30d", "--grace", "0")
    assert sorted(one["command"] for one in result["removed"]) == ["evaluate", "train"]


def price(remote: Path, command: str, seconds: float | None, *, of: int = -1) -> None:
    """Say what a run took."""
    record = [path for path in records_in(remote) if json.loads(path.read_text())["command"] == command][of]
    document = json.loads(record.read_text())
    document.pop("seconds", None)
    if seconds is not None:
        document["seconds"] = seconds
    record.write_text(json.dumps(document))


def test_a_budget_removes_what_is_cheapest_to_compute_again(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2, 3, 4, 9)
    for number, seconds in enumerate((500, 1, 300, 2)):
        price(remote, "train", seconds, of=number)
        price(remote, "evaluate", seconds * 3, of=number)
    age(remote, 9)
    total = gc(team, "--dry")["total"]
    one = object_size(remote, "model")
    result = gc(team, "--budget", f"{total - 3 * one + 10}")
    assert [(one["command"], one["seconds"]) for one in result["removed"]] == [
        ("train", 1),
        ("train", 2),
        ("evaluate", 3),
    ]
    assert result["seconds"] == 6
    assert result["kept"]["within the budget"]["runs"] == 5


def object_size(remote: Path, output: str) -> int:
    return objects_in(remote, output)[0].stat().st_size


def test_what_cannot_be_computed_again_stays_unless_asked(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    price(remote, "train", None, of=0)
    age(remote, 9)
    result = gc(team, "--keep-last", "0")
    assert [one["command"] for one in result["removed"]] == ["evaluate"]
    assert result["kept"]["cannot be computed again"]["runs"] == 1
    result = gc(team, "--keep-last", "0", "--also-irreplaceable")
    assert [one["command"] for one in result["removed"]] == ["train"]


def test_a_run_whose_inputs_are_gone_cannot_be_computed_again(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    old = records_in(remote)[1]
    assert json.loads(old.read_text())["command"] == "train"
    old.unlink()
    age(remote, 9)
    result = gc(team, "--keep-last", "0")
    assert result["removed"] == []
    assert result["kept"]["cannot be computed again"]["runs"] == 1


# -- objects ----------------------------------------------------------------------------------------------------------


def test_objects_are_freed_by_a_later_call_once_the_grace_time_is_over(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    first = gc(team, "--keep-last", "0")
    assert (first["freed"], first["orphaned"] > 0) == (0, True)
    assert len(objects_in(remote, "model")) == 2
    assert gc(team)["freed"] == 0
    age(remote, 2)
    second = gc(team)
    assert second["freed"] == first["orphaned"]
    assert len(objects_in(remote, "model")) == 1
    assert not list((remote / ".proj/gc").glob("*"))
    assert team.proj("push", "--verify").code == 0


def test_an_object_that_a_run_names_again_is_not_freed(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    gc(team, "--keep-last", "0")
    run(team, "all", "--no-cache")
    assert team.proj("push").code == 0
    age(remote, 2)
    gc(team)
    assert len(objects_in(remote, "model")) == 2
    assert set(run(colleague(team), "all").values()) == {"restored"}


def test_an_object_that_two_runs_share_is_kept_for_the_other_one(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1)
    run(team, "prep", "--force")
    assert commands(remote).count("prep") == 1, "the same outputs are published once"
    age(remote, 9)
    gc(team, "--keep-last", "0", "--refs", "none", "--grace", "1h")
    age(remote, 2)
    gc(team, "--grace", "1h")
    assert len(objects_in(remote, "data")) == 1


def test_objects_without_a_record_are_freed_only_if_asked(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1)
    foreign = remote / "model" / ("a" * 32) / ("b" * 32)
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"Weasel's")
    (remote / "README").write_text("about this directory")
    age(remote, 9)
    gc(team, "--keep-last", "0")
    age(remote, 9)
    gc(team)
    assert foreign.exists()
    gc(team, "--unrecorded")
    assert foreign.exists()
    age(remote, 9)
    gc(team)
    assert not foreign.exists()
    assert (remote / "README").exists()


def test_a_record_of_a_later_version_stops_it(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    record = records_in(remote)[0]
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": 2}))
    age(remote, 9)
    done = team.proj("gc", "--keep-last", "0", "-y")
    assert done.code == 1
    assert "was written by a later version of proj" in done.err
    assert len(records_in(remote)) == 5


def test_a_broken_record_is_left_alone(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    records_in(remote)[0].write_text("{")
    age(remote, 9)
    assert len(gc(team, "--keep-last", "0")["removed"]) == 2
    assert len(records_in(remote)) == 3


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_dry_run_deletes_nothing(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    before = sorted(remote.rglob("*"))
    done = team.proj("gc", "--keep-last", "0", "--dry")
    assert done.code == 0
    assert "2 runs to remove" in done.out and "named by a lock file" in done.out
    assert sorted(remote.rglob("*")) == before


def test_without_a_terminal_it_deletes_only_with_yes(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    age(remote, 9)
    done = team.proj("gc", "--keep-last", "0")
    assert done.code == 1
    assert "`--yes` confirms" in done.err
    assert len(records_in(remote)) == 5


def test_a_read_only_remote_is_refused(team: ProjectDir, remote: Path) -> None:
    sizes(team, 1, 2)
    team.project(
        team.read("project.yml").replace(f"{{default: {remote}}}", f"{{default: {{url: {remote}, read_only: true}}}}")
    )
    age(remote, 9)
    done = team.proj("gc", "--keep-last", "0", "-y")
    assert done.code == 1
    assert "read-only" in done.err
    assert team.proj("gc", "--keep-last", "0", "--dry").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--keep-last", "x"),
        ("--keep-last", "-1"),
        ("--older-than", "30"),
        ("--older-than", "soon"),
        ("--budget", "lots"),
        ("--budget", "-5GB"),
        ("--grace", "1 month"),
        ("--refs", "some"),
    ],
)
def test_a_value_that_is_not_valid_is_an_error(team: ProjectDir, words: tuple[str, ...]) -> None:
    done = team.proj("gc", *words)
    assert done.code == 2, done.err
    assert re.search("error: ", done.err)


# -- bad days ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_whenever_it_is_killed_the_remote_stays_intact(team: ProjectDir, remote: Path) -> None:
    sizes(team, *range(8))
    choose = random.Random(7)
    for number in range(12):
        sizes(team, 100 + number, choose.randrange(8))
        age(remote, choose.choice((2, 9)))
        collecting = team.start("gc", "--keep-last", "2", "-y", "--grace", "1h")
        until = time.monotonic() + choose.uniform(0.15, 0.6)
        wait_until(lambda: time.monotonic() > until or not collecting.is_running)  # noqa: B023
        collecting.signal(signal.SIGKILL) if collecting.is_running else None
        collecting.wait()
        check_intact(remote)
        assert set(run(colleague(team, f"c{number}"), "all", "--vars.size", size_in_lock(team)).values()) == {
            "restored"
        }


def size_in_lock(team: ProjectDir) -> str:
    [line] = team.lock()["train"]["script"]
    return str(line.split()[-1])


def check_intact(remote: Path) -> None:
    """Check that every record has all of its objects, with their sizes."""
    for key, size in objects_of_records(remote):
        assert (remote / key).stat().st_size == size


def objects_of_records(remote: Path) -> Iterator[tuple[str, int]]:
    for record in records_in(remote):
        for one in json.loads(record.read_text())["objects"]:
            yield one["key"], one["size"]
