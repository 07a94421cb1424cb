"""What push publishes, and what it leaves alone."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from harness import ProjectDir

from weaselish.stores import open as opening
from weaselish.stores.directory import DirectoryStore

from .forked import SMALL_DISK, small_disk
from .samples import (
    check_object,
    clone,
    edit_record,
    intact_runs,
    leftovers,
    lines_of,
    objects,
    outputs,
    pipeline,
    records,
    states,
    twins,
)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def test_an_object_can_be_read_with_plain_tar(project: ProjectDir, remote: Path, tmp_path: Path) -> None:
    pipeline(project, remote).proj("push")
    (tmp_path / "plain").mkdir()
    for name in ("data", "linked", "list+of+words.txt"):
        (path,) = objects(remote, name)
        subprocess.run(["tar", "xzf", path], cwd=tmp_path / "plain", check=True)
    unpacked = ProjectDir(tmp_path / "plain", tmp_path / "of-plain")
    assert outputs(unpacked) == {name: content for name, content in outputs(project).items() if name != "model.bin"}
    assert os.access(unpacked.path / "data/sub/b.txt", os.X_OK)


def test_messages_name_the_first_eight_of_many_outputs(project: ProjectDir, remote: Path) -> None:
    paths = [f"out/{number}" for number in range(30)]
    project.write("make.sh", "mkdir -p out; for n in $(seq 0 29); do echo $n > out/$n; done")
    project.write(
        "project.yml",
        f"remotes: {{default: {remote}}}\n"
        f"commands: [{{name: make, script: [sh make.sh], deps: [make.sh], outputs: [{', '.join(paths)}]}}]\n",
    )
    assert project.proj("run", "make").code == 0
    assert lines_of(project.proj("push"))["make"].startswith("pushed 30 outputs")
    shutil.rmtree(project.path / "out")
    missing = f"{'; '.join(f'output missing: {path}' for path in paths[:8])} and 22 more"
    assert lines_of(project.proj("push")) == {"make": f"not pushed: {missing}"}
    assert lines_of(project.proj("pull")) == {"make": f"pulled {', '.join(paths[:8])} and 22 more"}
    assert {path: (project.path / path).exists() for path in paths} == dict.fromkeys(paths, True)


def test_a_dry_push_and_pull_change_nothing(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote)
    shutil.rmtree(project.path / ".proj")
    before = project.files()
    for words in (["push", "--dry"], ["push", "--dry", "--verify"], ["pull", "--dry"], ["ls"]):
        assert project.proj(*words).code == 0
        assert project.proj("status", "--remote", "default").code == 0
        assert (project.files(), remote.exists()) == (before, False)
    project.proj("push")
    shutil.rmtree(project.path / ".proj")
    on_remote = sorted(remote.rglob("*"))
    for words in (["push", "--dry"], ["push", "--dry", "--verify"], ["pull", "--dry"], ["ls"], ["pull", "--dry", "-F"]):
        assert project.proj(*words).code == 0
        assert (project.files(), sorted(remote.rglob("*"))) == (before, on_remote)


def test_a_dry_pull_folds_nothing_that_another_process_left(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    lock = project.read("project.lock")
    project.remove("project.lock")
    (journal,) = (project.path / ".proj/runs/past").iterdir()
    journal.rename(project.path / ".proj/runs" / journal.name)
    for words in (["pull", "--dry"], ["push", "--dry"]):
        assert lines_of(project.proj(*words))["train"].startswith("already")
        assert not project.exists("project.lock")
    project.proj("push")
    assert project.read("project.lock") == lock


def test_json_has_the_result_of_each_command(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote)
    project.write("data/a.txt", "edited")
    done = project.proj("push", "--json")
    assert [(row["command"], row["refused"], row["is_error"], row["size"]) for row in done.json] == [
        ("prepare", "output changed: data (changed a.txt)", False, 0),
        ("train", "dep changed: data (changed a.txt)", False, 0),
    ]
    project.proj("run", "all")
    done = project.proj("push", "--json", "--command", "train")
    (row,) = done.json
    assert row["stored"] == [str(objects(remote, "model.bin")[0].relative_to(remote))]
    other = clone(project, "other", with_lock=True)
    rows = other.proj("pull", "--json").json
    assert [(row["command"], row["restored"], row["already_here"]) for row in rows] == [
        ("prepare", [], False),
        ("train", ["model.bin"], False),
    ]
    assert rows[0]["refused"] == "no run of it is on the remote"


def test_remote_and_directory_are_positional_as_in_weasel(project: ProjectDir, remote: Path, tmp_path: Path) -> None:
    pipeline(project, remote)
    away = ProjectDir(tmp_path / "away", tmp_path / "of-away")
    assert lines_of(away.proj("push", "default", str(project.path)))["train"] == "pushed 1 output, 8 B"
    other = clone(project, "other")
    assert lines_of(away.proj("pull", "default", str(other.path)))["train"] == "pulled model.bin"
    assert len(away.proj("ls", "default", str(other.path), "--json").json) == 2
    assert leftovers(away) == [] and not away.files()
    # a path instead of a name counts from where one is, one in project.yml from the project
    assert lines_of(away.proj("push", "./elsewhere", str(project.path)))["train"] == "pushed 1 output, 8 B"
    assert len(intact_runs(away.path / "elsewhere")) == 2
    assert lines_of(other.proj("push", f"file://{tmp_path}/a%20third"))["train"] == "pushed 1 output, 8 B"
    assert len(intact_runs(tmp_path / "a third")) == 2
    done = other.proj("push", "ftp://there")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "error: remote `ftp://there`: `ftp://` is not supported as a remote",
    )


def test_overrides_count_as_they_do_in_run(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        vars: {{size: 1}}
        remotes: {{default: {remote}}}
        commands:
          - {{name: make, script: ["sh make.sh ${{vars.size}}"], deps: [make.sh], outputs: ["out-${{vars.size}}"]}}
        """)
    project.write("make.sh", 'echo "$1" > "out-$1"\n')
    project.proj("run", "make", "--vars.size", "2")
    plain = project.proj("push")
    assert lines_of(plain)["make"].startswith("not pushed: script changed: line 1")
    assert "hint: `proj run make` runs it; or repeat the `--vars` of its last run here\n" in plain.err
    assert intact_runs(remote) == []
    assert lines_of(project.proj("push", "--vars.size", "2")) == {"make": "pushed 1 output, 2 B"}
    other = clone(project, "other")
    assert lines_of(other.proj("pull"))["make"] == "not pulled: no run of it is on the remote"
    assert lines_of(other.proj("pull", "--vars.size=2")) == {"make": "pulled out-2"}
    assert other.proj("run", "make", "--vars.size", "2").err == "✔ all up to date (1 step)\n"
    named = other.proj("status", "--remote", "default", "--json", "--vars.size", "2").json[0]["remote"]
    assert named == "there"


def test_a_read_only_remote_is_only_read(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    text = project.read("project.yml").replace(f"default: {remote}", f"default: {{url: '{remote}', read_only: true}}")
    project.project(text)
    done = project.proj("push")
    assert (done.code, done.err) == (
        1,
        "error: remote `default` is read-only\n  hint: remove `read_only: true` to push to it\n",
    )
    assert (
        project.proj("remote", "test", "default").err
        == "warning: the remote is read-only in project.yml: writing was not tested\n"
    )
    listed = project.proj("remote", "list").out.splitlines()[2]
    assert listed.split() == ["default", str(remote), "project.yml", "read-only"]
    assert lines_of(clone(project, "other").proj("pull"))["train"] == "pulled model.bin"


def test_a_command_with_no_skip_is_pushed_and_pulled(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch out], outputs: [out], no_skip: true}}]
        """)
    project.proj("run", "make")
    assert lines_of(project.proj("push")) == {"make": "pushed 1 output, 0 B"}
    assert lines_of(clone(project, "other").proj("pull")) == {"make": "pulled out"}


class Spoiling(DirectoryStore):
    """Overwrites the file `spoil` while it stores an object."""

    spoil: Path

    def put(self, key: str, chunks: Iterable[bytes], *, replace: bool = False, if_version: str | None = None) -> bool:
        self.spoil.write_bytes(bytes(self.spoil.stat().st_size))
        return super().put(key, chunks, replace=replace, if_version=if_version)


def test_an_output_that_changes_while_it_is_pushed_is_not_published(
    project: ProjectDir, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twins(project, remote)
    store = Spoiling(remote)
    store.spoil = project.path / "two/same.txt"
    monkeypatch.setattr(opening, "open_store", lambda *_, **__: store)
    done = project.proj("push")
    assert done.code == 1
    assert lines_of(done) == {"make": "not pushed: output `two` changed while it was pushed"}
    assert intact_runs(remote) == [] and objects(remote, "two") == []
    assert list((remote / ".proj-tmp").iterdir()) == []


def test_a_push_that_was_cut_off_is_finished_by_the_next(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (record,) = records(remote)
    record.unlink()
    assert lines_of(project.proj("push")) == {"make": "recorded"}
    assert len(intact_runs(remote)) == 1


def test_verify_reads_an_object_without_a_record(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    (record,) = records(remote)
    record.unlink()
    (path,) = objects(remote, "one.txt")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 0))  # another size, the same content
    key = path.relative_to(remote)
    unverified = f"unverified: `{key}` is on the remote, but no record vouches for it (`--verify` reads it)"
    done = project.proj("push")
    assert (done.code, lines_of(done)) == (
        1,
        {"make": f"not pushed: {unverified}"},
    )
    assert lines_of(project.proj("push", "--verify")) == {"make": "recorded"}
    assert len(intact_runs(remote)) == 1

    path.write_bytes(b"no archive at all")
    record = records(remote)[0]
    record.unlink()
    done = project.proj("push", "--verify")
    assert lines_of(done) == {"make": f"not pushed: broken: `{key}` is not what it should be (`--repair` replaces it)"}
    assert lines_of(project.proj("push", "--verify", "--repair")) == {"make": "pushed 1 output, 19.5 KiB"}
    assert len(intact_runs(remote)) == 1


def test_a_record_of_objects_that_were_repaired_gives_their_sizes(project: ProjectDir, remote: Path) -> None:
    """Another version of proj may compress differently: after a repair the record names the new sizes."""
    twins(project, remote).proj("push")
    (path,) = objects(remote, "one.txt")
    (record,) = records(remote)
    document = json.loads(record.read_text())
    document["objects"][0]["size"] += 77
    record.write_text(json.dumps(document))
    assert "broken" in lines_of(project.proj("push"))["make"]
    assert lines_of(project.proj("push", "--repair")) == {"make": "recorded"}  # the object itself is good
    assert len(intact_runs(remote)) == 1
    assert lines_of(project.proj("push")) == {"make": "already on the remote"}
    check_object(DirectoryStore(remote), str(path.relative_to(remote)))


def test_lists_of_outputs_that_changed_places_are_pushed_as_they_are_now(project: ProjectDir, remote: Path) -> None:
    """Moving a path from one list of outputs to the other does not make a command out of date."""
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [touch a b c], outputs: [a, b], outputs_no_cache: [c]}}]
        """)
    project.proj("run", "make")
    project.project(project.read("project.yml").replace("outputs: [a, b], outputs_no_cache: [c]", "outputs: [c, a, b]"))
    assert states(project) == {"make": "up to date"}
    assert lines_of(project.proj("push")) == {"make": "pushed 3 outputs, 0 B"}
    other = clone(project, "other")
    assert lines_of(other.proj("pull")) == {"make": "pulled c, a, b"}
    project.project(project.read("project.yml").replace("[c, a, b]", "[a, b, c]"))
    assert states(project) == {"make": "up to date"}
    third = clone(project, "third")
    assert third.proj("pull").code == 0
    assert states(third) == {"make": "up to date"}
    assert lines_of(third.proj("push")) == {"make": "already on the remote"}


def test_an_output_that_is_a_link_is_stored_as_what_it_leads_to(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: [mkdir -p far, touch far/file, ln -sfn far out], outputs: [out]}}]
        """)
    project.proj("run", "make")
    assert lines_of(project.proj("push")) == {"make": "pushed 1 output, 0 B"}
    other = clone(project, "other")
    assert lines_of(other.proj("pull")) == {"make": "pulled out"}
    assert (other.path / "out/file").is_file() and not (other.path / "out").is_symlink()
    assert states(other) == {"make": "up to date"}


def test_a_full_remote_is_an_error_and_nothing_half_is_there(project: ProjectDir, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as remote:
        twins(project, remote)
        project.write("make.sh", f"head -c {SMALL_DISK} /dev/urandom > one.txt\nmkdir -p two && echo > two/same.txt\n")
        project.proj("run", "make")
        done = project.proj("push")
        assert done.code == 1
        assert "No space left on device while writing `one.txt/" in lines_of(done)["make"]
        assert "  hint: free some space on that disk; nothing was changed" in done.err
        assert records(remote) == [] and objects(remote, "one.txt") == []
        assert list((remote / ".proj-tmp").iterdir()) == []


def test_a_record_is_not_read_again_once_it_was_seen(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    project.proj("push")
    assert [run["command"] for run in project.proj("ls", "--json").json] == ["prepare", "train"]
    record = records(remote)[0]
    edit_record(record, command="renamed by someone")  # another size and time: it is read again
    assert "renamed by someone" in [run["command"] for run in project.proj("ls", "--json").json]
    for cache in project.path.glob(".proj/cache/remote-*.json"):
        for text in ("no JSON", "[]", '{"a": {}}', json.dumps({str(record.relative_to(remote)): {"mark": []}})):
            cache.write_text(text)
            assert len(project.proj("ls", "--json").json) == 2


def test_what_an_existing_remote_holds_is_listed(project: ProjectDir, remote: Path) -> None:
    done = twins(project, remote).proj("ls")
    assert (done.code, done.out, done.err) == (0, "", "nothing is published on default\n")
    project.proj("push")
    done = project.proj("ls")
    header, _, one, two = done.out.splitlines()
    assert header.split() == ["command", "output", "size", "stored", "age", "host", "run"]
    assert one.split()[:4] == ["make", "one.txt", "19.5", "KiB"] and two.split()[1] == "two"
    assert os.uname().nodename in one


def test_a_journal_that_lists_other_outputs_than_the_lock_file_is_not_believed(
    project: ProjectDir, remote: Path
) -> None:
    twins(project, remote)
    assert project.proj("status").code == 0
    changed = 0
    for journal in project.path.glob(".proj/runs/**/*.jsonl"):
        lines = [json.loads(line) for line in journal.read_text().rstrip(" ").splitlines()]
        for line in lines:
            if line["event"] == "recorded" and line["record"]["command"] == "make":
                line["record"]["outputs"].pop()
                changed += 1
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert changed == 1
    assert lines_of(project.proj("push", "--verify"))["make"].startswith("pushed 2 outputs")
    other = clone(project, "other")
    assert lines_of(other.proj("pull"))["make"].startswith("pulled")
