"""What peers get wrong with remotes: one test per row, named by what must happen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from harness import ProjectDir
from remotes.archives import HOSTILE, archive, file, put
from remotes.conftest import sign_in
from remotes.forked import SMALL_DISK, Events, fork, peak_memory, small_disk
from remotes.samples import (
    clone,
    intact_runs,
    leftovers,
    lines_of,
    objects,
    outputs,
    pipeline,
    records,
    states,
    twin,
    twins,
)
from stores.conftest import BUCKET, moto, no_credentials_of_this_machine, seaweedfs  # noqa: F401 - fixtures

COPY = """\
remotes: {{default: {remote}}}
commands:
  - {{name: make, script: [cp -r in.txt out], deps: [in.txt], outputs: [out]}}
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def one_file(project: ProjectDir, remote: Path, text: str = "one\n") -> ProjectDir:
    """Return a project with one file as output, run."""
    project.project(COPY.format(remote=remote))
    project.write("in.txt", text)
    assert project.proj("run", "make").code == 0
    return project


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda project: project.write("in.txt", "edited"), "dep changed: in.txt"),
        (
            lambda project: project.project(project.read("project.yml").replace("cp -r", "cp -rp")),
            "script changed: line 1",
        ),
        (lambda project: project.write("out", "edited"), "output changed: out"),
    ],
    ids=["dep", "script", "output"],
)
def test_p1_nothing_is_pushed_for_that_command_the_reason_is_printed(
    project: ProjectDir, remote: Path, change: object, reason: str
) -> None:
    one_file(project, remote)
    change(project)  # type: ignore[operator]
    for words, code in ((["push"], 0), (["push", "--command", "make"], 1)):
        done = project.proj(*words)
        assert done.code == code
        assert done.err.startswith(f"{'✘' if code else '–'} make: not pushed: {reason}")
        assert done.err.endswith("\n0 pushed to default, 1 not\n")
    assert intact_runs(remote) == []
    assert not remote.exists()


@pytest.mark.parametrize("end", ["exit 3", "kill -9 $PPID"], ids=["failed", "killed"])
def test_p2_partial_output_is_refused(project: ProjectDir, remote: Path, end: str) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: ["sh make.sh"], outputs: [out]}}]
        """)
    project.write("make.sh", f"echo half > out\n{end}\n")
    assert project.process("run", "make").code in (3, -signal.SIGKILL)
    assert project.exists("out")
    done = project.proj("push")
    reason = "last run failed (exit code 3)" if end == "exit 3" else "was interrupted"
    assert lines_of(done) == {"make": f"not pushed: {reason}"}
    assert intact_runs(remote) == []


def test_p3_pull_records_only_what_it_restored_or_verified(project: ProjectDir, remote: Path) -> None:
    one_file(project, remote)
    project.write("in.txt", "two\n")
    before = project.read("project.lock")
    done = project.proj("pull")
    assert lines_of(done) == {"make": "not pulled: no run of it is on the remote"}
    assert (project.read("project.lock"), states(project)) == (before, {"make": "out of date"})

    project.remove("project.lock")
    shutil.rmtree(project.path / ".proj")
    assert lines_of(project.proj("pull")) == {"make": "not pulled: no run of it is on the remote"}
    assert (project.lock(), project.read("out"), states(project)) == ({}, "one\n", {"make": "unrecorded"})

    # local outputs that a record on the remote names are verified and recorded
    project.proj("run", "make")
    project.proj("push")
    other = clone(project, "other")
    other.write("out", "two\n")
    assert lines_of(other.proj("pull")) == {"make": "already present"}
    assert states(other) == {"make": "up to date"}


def test_p4_a_difference_is_refused_without_force(project: ProjectDir, remote: Path) -> None:
    one_file(project, remote).proj("push")
    other = clone(project, "other")
    other.write("out", "mine\n")
    for words in (["pull"], ["pull", "--dry"], ["pull", "--command", "make"]):
        done = other.proj(*words)
        assert done.code == 1
        assert lines_of(done) == {
            "make": "not pulled: `out` differs from the remote and would be lost (`--force` replaces it)"
        }
        assert (other.read("out"), other.lock()) == ("mine\n", {})
    assert lines_of(other.proj("pull", "--force", "--dry")) == {"make": "would pull out"}
    assert other.read("out") == "mine\n"
    assert lines_of(other.proj("pull", "--force")) == {"make": "pulled out"}
    assert (other.read("out"), states(other)) == ("one\n", {"make": "up to date"})


def test_p4_what_a_record_on_the_remote_names_is_not_lost_and_is_replaced(project: ProjectDir, remote: Path) -> None:
    one_file(project, remote).proj("push")
    other = clone(project, "other")
    other.proj("pull")
    project.write("in.txt", "two\n")
    project.proj("run", "make")
    project.proj("push")
    shutil.copy(project.path / "in.txt", other.path)
    assert lines_of(other.proj("pull")) == {"make": "pulled out"}
    assert other.read("out") == "two\n"


def test_p5_an_error_names_object_expected_and_found_nothing_changes_the_next_candidate_is_tried(
    project: ProjectDir, remote: Path
) -> None:
    twins(project, remote).proj("push")
    first = twin(project)
    again = clone(project, "again")
    again.proj("run", "make")
    again.proj("push")
    older, newer = objects(remote, "one.txt")
    newer.write_bytes(older.read_bytes())

    other = clone(project, "other")
    done = other.proj("pull")
    key = newer.relative_to(remote)
    note = f"object `{key}` is not what it should be: expected {newer.name}, found {older.name}"
    assert done.err.splitlines()[0] == f"warning: `make`: {note}"
    assert (done.code, twin(other)) == (0, first)

    older.unlink()
    third = clone(project, "third")
    third.write("one.txt", "mine")
    done = third.proj("pull", "--force")
    assert (done.code, lines_of(done)) == (1, {"make": f"not pulled: {note}"})
    assert (third.read("one.txt"), third.lock(), leftovers(third)) == ("mine", {}, [])


def test_p6_push_reports_a_truncated_object_and_repair_writes_it_again(project: ProjectDir, remote: Path) -> None:
    one_file(project, remote).proj("push")
    (path,) = objects(remote, "out")
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    key = path.relative_to(remote)
    for words in (["push"], ["push", "--dry"], ["push", "--verify"]):
        done = project.proj(*words)
        assert done.code == 1
        assert lines_of(done) == {
            "make": f"not pushed: broken: `{key}` is not what it should be (`--repair` replaces it)"
        }
    assert project.proj("status", "--remote", "default", "--json").json[0]["remote"] == "broken"
    assert lines_of(project.proj("push", "--repair")) == {"make": "pushed 1 output, 4 B"}
    assert len(intact_runs(remote)) == 1
    assert lines_of(project.proj("push")) == {"make": "already on the remote"}

    path.write_bytes(whole[:-9] + b"x" + whole[-8:])  # as long as it was: only reading it tells
    assert lines_of(project.proj("push")) == {"make": "already on the remote"}
    assert project.proj("push", "--verify").code == 1
    assert lines_of(project.proj("push", "--verify", "--repair")) == {"make": "pushed 1 output, 4 B"}
    assert lines_of(project.proj("push", "--verify")) == {"make": "already on the remote"}
    assert len(intact_runs(remote)) == 1


def test_p7_all_outputs_are_of_one_run(project: ProjectDir, remote: Path) -> None:
    twins(project, remote).proj("push")
    again = clone(project, "again")
    again.proj("run", "make")
    again.proj("push")
    assert len(intact_runs(remote)) == 2
    objects(remote, "two")[-1].unlink()  # the newer run is not whole any more: nothing of it counts
    other = clone(project, "other")
    done = other.proj("pull")
    assert "warning: `make`: object `two/" in done.err
    assert (done.code, twin(other)) == (0, twin(project))


@pytest.mark.parametrize("verb", ["push", "pull", "ls"])
def test_p8_an_error_with_a_suggestion_exit_2(project: ProjectDir, remote: Path, verb: str) -> None:
    one_file(project, remote)
    (project.path / "sub").mkdir()
    for name, hint in (("defualt", "did you mean `default`?"), ("xyz", "defined: `default`"), ("sub", None)):
        done = project.proj(verb, name)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"error: no remote named `{name}`\n  hint: {hint or 'defined: `default`'}\n"
        assert not project.exists(name) or name == "sub"
    project.project("commands: []")
    assert "hint: define it in project.yml: `remotes: {default: ../cache}`" in project.proj(verb).err


def test_p9_one_line_per_command_with_its_reason(project: ProjectDir, remote: Path) -> None:
    pipeline(project, remote).proj("push")
    other = clone(project, "other")
    other.remove("in.txt")
    done = other.proj("pull")
    assert (done.code, done.err) == (
        0,
        "– prepare: not pulled: dep missing locally and in the lock: in.txt\n"
        "– train: not pulled: dep missing locally and in the lock: data\n"
        "0 pulled from default, 2 not\n",
    )
    done = other.proj("push")
    assert (done.code, done.err) == (
        0,
        "– prepare: not pushed: never ran\n– train: not pushed: never ran\n0 pushed to default, 2 not\n",
    )
    other.write("in.txt", "something else\n")
    reason = "no matching run on the remote (1 run with a different script, deps or env)"
    assert lines_of(other.proj("pull"))["prepare"] == f"not pulled: {reason}"
    assert other.proj("pull", "--command", "prepare").code == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_p10_each_is_refused_and_nothing_is_written(project: ProjectDir, remote: Path, name: str) -> None:
    members, reason = HOSTILE[name]
    one_file(project, remote).proj("push")
    path = put(remote, "out", archive(*members))
    evil = Path("/tmp/evil-of-proj")
    other = clone(project, "other")
    other.write("in.txt", "one\n")
    before = {path for path in project.path.parent.rglob("*") if ".proj" not in path.parts}
    done = other.proj("pull")
    assert done.code == 1
    assert lines_of(done)["make"].startswith(f"not pulled: object `{path.relative_to(remote)}`: ")
    assert reason in lines_of(done)["make"]
    assert "\x1b" not in done.err
    assert {path for path in project.path.parent.rglob("*") if ".proj" not in path.parts} == before
    assert (other.lock(), evil.exists(), leftovers(other)) == ({}, False, [])


def test_p11_temporary_files_are_removed_on_every_path(project: ProjectDir, remote: Path, tmp_path: Path) -> None:
    twins(project, remote).proj("push")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (path,) = objects(remote, "two")
    good = path.read_bytes()
    other = clone(project, "other")
    other.environ["TMPDIR"] = str(temporary)
    for broken in (
        b"",
        good[:5000],
        good[:-3],
        b"no gzip" * 100,
        archive(file("two/same.txt")),
        archive(*HOSTILE["a pipe"][0]),
    ):
        path.write_bytes(broken)
        assert other.proj("pull").code == 1
        assert project.proj("push", "--verify", env={"TMPDIR": str(temporary)}).code == 1
        assert (leftovers(other), outputs(other), leftovers(project)) == ([], {}, [])
        assert list(temporary.iterdir()) == []
    path.unlink()
    assert other.proj("pull").code == 1
    assert (leftovers(other), outputs(other)) == ([], {})
    assert list((remote / ".proj-tmp").iterdir()) == []


def test_p12_memory_does_not_grow_with_the_output(project: ProjectDir, remote: Path) -> None:
    size = 512  # MiB
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: ["{sys.executable} make.py"], deps: [make.py], outputs: [out]}}]
        """)
    project.write(
        "make.py",
        f"""\
        import os
        block = os.urandom(1 << 20)
        with open("out", "wb") as file:
            for _ in range({size}):
                file.write(block)
        """,
    )
    assert project.proj("run", "make").code == 0
    at_rest = peak_memory(project, "status")
    pushing = peak_memory(project, "push")
    assert len(records(remote)) == 1
    (project.path / "out").unlink()
    pulling = peak_memory(project, "pull")
    assert (project.path / "out").stat().st_size == size << 20
    assert max(pushing, pulling) - at_rest < 150 << 20, (at_rest >> 20, pushing >> 20, pulling >> 20)


def test_p13_an_object_appears_whole_or_not_the_record_comes_last(project: ProjectDir, remote: Path) -> None:
    twins(project, remote)
    placed = Events("os.link")
    assert fork(project, "push", "-j", "1", events=placed).wait() == 0
    assert placed.count == 3  # two objects, then the record
    for number in range(1, 4):
        shutil.rmtree(remote)
        assert fork(project, "push", "-j", "1", events=Events("os.link", kill_at=number)).wait() == -signal.SIGKILL
        assert intact_runs(remote) == []
        assert len(objects(remote, "one.txt") + objects(remote, "two")) == number - 1
        assert clone(project, f"clone-{number}").proj("pull").err.startswith("– make: not pulled: no run of it")
    assert lines_of(project.proj("push")) == {"make": "recorded"}
    assert len(intact_runs(remote)) == 1


def test_p14_the_locks_run_first_then_the_stores_own_times_more_than_one_is_said(
    project: ProjectDir, remote: Path
) -> None:
    twins(project, remote).proj("push")
    again = clone(project, "again")
    again.proj("run", "make")
    again.proj("push")
    first, second = records(remote)
    ids = {path: json.loads(path.read_text())["run"] for path in (first, second)}
    assert ids[first] < ids[second]

    for path, at in ((first, 2_000_000_000), (second, 1_000_000_000)):  # by the store the older one is the newer
        os.utime(path, (at, at))
    other = clone(project, "by the store's time")
    done = other.proj("pull")
    assert twin(other) == twin(project)
    assert f"  hint: make: 2 runs match: restored {ids[first]}\n" in done.err
    for owner, name in ((project, "the first's lock"), (again, "the second's lock")):
        other = clone(owner, name, with_lock=True)
        other.proj("pull")
        assert twin(other) == twin(owner)


def test_p14_a_lock_after_a_pull_still_names_the_run(project: ProjectDir, remote: Path) -> None:
    """A clone that pulls without the `outputs_no_cache` has a lock of its own. A pull with it gets the same."""
    twins(project, remote)
    text = project.read("project.yml").replace(
        "outputs: [one.txt, two]", "outputs: [one.txt, two]\n    outputs_no_cache: [log]"
    )
    project.project(text)
    project.write("make.sh", project.read("make.sh") + "date +%N > log\n")
    project.proj("run", "make")
    project.proj("push")
    second = clone(project, "second", with_lock=True)
    second.proj("pull")
    again = clone(project, "again")
    again.proj("run", "make")
    again.proj("push")
    third = clone(second, "third", with_lock=True)
    third.proj("pull")
    assert twin(third) == twin(project)


def test_p15_originals_stay_until_the_new_ones_are_verified_in_place(
    project: ProjectDir, remote: Path, tmp_path: Path
) -> None:
    twins(project, remote)
    size = SMALL_DISK * 2 // 5
    project.write("make.sh", f"head -c {size} /dev/urandom > one.txt\nmkdir -p two && cp one.txt two/same.txt\n")
    project.proj("run", "make")
    project.proj("push")
    with small_disk(tmp_path / "disk") as disk:
        other = ProjectDir(disk / "project", tmp_path / "of-other")
        for name in ("project.yml", "make.sh"):
            shutil.copy(project.path / name, other.path)
        done = other.proj("pull")
        assert (done.code, states(other)) == (0, {"make": "up to date"})
        before = twin(other)
        project.write("make.sh", project.read("make.sh") + "# another\n")
        project.proj("run", "make")
        project.proj("push")
        other.write("make.sh", project.read("make.sh"))
        done = other.proj("pull")
        assert done.code == 1
        assert lines_of(done) == {"make": "not pulled: cannot unpack `one.txt`: No space left on device"} or lines_of(
            done
        ) == {"make": "not pulled: cannot unpack `two`: No space left on device"}
        assert (twin(other), leftovers(other)) == (before, [])


class Expired(BaseHTTPRequestHandler):
    """A server that says of every request that its session token has expired."""

    def do_GET(self) -> None:
        body = b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>of AKIAWEASELISH</Message></Error>"
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def expired() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Expired)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.servers
@pytest.mark.parametrize("how", ["missing", "expired", "refused", "read-only"])
def test_p16_one_line_names_the_remote_what_was_tried_and_what_to_do(
    project: ProjectDir, request: pytest.FixtureRequest, how: str
) -> None:
    from servers import READER_KEY, READER_SECRET

    one_file(project, Path("x"))
    sign_in(project, request.getfixturevalue("seaweedfs"))
    project.project(COPY.format(remote=f"s3://{BUCKET}/p16"))
    environ = project.environ
    if how == "missing":
        del environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]
        said, tried, hint = "no usable credentials", "tried the environment,", "set AWS_ACCESS_KEY_ID"
    elif how == "expired":
        environ["AWS_ENDPOINT_URL"] = request.getfixturevalue("expired")
        said, tried, hint = "the credentials have expired", "the environment variables AWS_ACC", "renew the session"
    elif how == "refused":
        environ["AWS_SECRET_ACCESS_KEY"] = "wrong-" + "secret"
        said, tried, hint = "access refused", "the environment variables AWS_ACC", "check that the key is right"
    else:
        environ |= {"AWS_ACCESS_KEY_ID": READER_KEY, "AWS_SECRET_ACCESS_KEY": READER_SECRET}
        said, tried, hint = "access refused", "the environment variables AWS_ACC", "check that the key is right"
    for words in (["push"], ["pull"], ["ls"], ["status", "--remote", "default"], ["remote", "test", "default"]):
        if how == "read-only" and words[0] in ("pull", "ls", "status"):
            continue
        if words[0] == "pull":
            (project.path / "out").unlink()  # else there is nothing to ask for
        done = project.proj(*words)
        lines = done.err.splitlines()
        assert done.code == 1
        assert "Traceback" not in done.err
        message = next(line for line in lines if said in line)
        assert f"remote `default` (s3://{BUCKET}/p16 at " in message
        assert tried in message
        assert [line for line in lines if line.startswith("  hint: ") and hint in line]
        for secret in (environ.get("AWS_SECRET_ACCESS_KEY"), environ.get("AWS_ACCESS_KEY_ID")):
            assert not secret or secret not in done.err + done.out


def test_p17_names_that_differ_only_in_case_are_refused_with_both_names(
    project: ProjectDir, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.project(f"""\
        remotes: {{default: {remote}}}
        commands: [{{name: make, script: ["sh make.sh"], outputs: [out]}}]
        """)
    project.write("make.sh", "mkdir -p out && echo 1 > out/Readme && echo 2 > out/README && echo 3 > out/notes\n")
    project.proj("run", "make")
    project.proj("push")
    other = clone(project, "other")
    monkeypatch.setattr("weaselish.archive.unpack._folds_case", lambda directory: True)  # no such disk is at hand
    done = other.proj("pull")
    assert done.code == 1
    assert (
        "`out/README` and `out/Readme`: this disk does not distinguish upper and lower case" in lines_of(done)["make"]
    )
    assert (outputs(other), leftovers(other), other.lock()) == ({}, [], {})


@pytest.mark.parametrize("kind", ["directory", pytest.param("moto", marks=pytest.mark.servers)])
def test_p18_keys_are_always_matched_as_whole_segments(
    project: ProjectDir, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    base = str(tmp_path)
    if kind == "moto":
        sign_in(project, request.getfixturevalue("moto"))
        base = f"s3://{BUCKET}/p18-{time.time_ns()}"
    project.project(f"""\
        remotes: {{default: {base}/iris, neighbour: {base}/iris2}}
        commands:
          - {{name: short, script: [touch iris], outputs: [iris]}}
          - {{name: long, script: [touch iris2], outputs: [iris2]}}
        """)
    project.proj("run", "short", "long")
    project.proj("push", "neighbour", "--command", "long")
    assert project.proj("ls", "--json").json == []
    assert lines_of(project.proj("push", "--dry")) == {
        "short": "would push 1 output, 0 B",
        "long": "would push 1 output, 0 B",
    }
    project.proj("push", "--command", "short")
    assert [run["command"] for run in project.proj("ls", "--json").json] == ["short"]
    assert [run["command"] for run in project.proj("ls", "neighbour", "--json").json] == ["long"]
    other = clone(project, "other")
    assert lines_of(other.proj("pull")) == {
        "short": "pulled iris",
        "long": "not pulled: no run of it is on the remote",
    }
