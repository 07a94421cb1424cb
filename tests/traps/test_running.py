"""What peers get wrong when they run something: one test per row, named by what must happen."""

from __future__ import annotations

import os
import subprocess

import pytest
from harness import Done, ProjectDir

from weaselish.files.file_stat import FileStat

COPY = "commands: [{name: copy, script: [cp in.txt out.txt], deps: [in.txt], outputs: [out.txt]}]"


def reasons(project: ProjectDir, name: str) -> list[str]:
    """Why a command is stale; nothing if it is up to date."""
    return [reason for step in project.proj("status", name, "--json").json for reason in step["reasons"]]


def test_r1_the_step_fails_names_the_output_records_nothing(project: ProjectDir) -> None:
    project.project("commands: [{name: make, script: ['true'], outputs: [out.txt]}]")
    told = (
        "✘ `make` ended without an error, but did not produce its output `out.txt`\n"
        "  hint: correct the script or the path, or list optional outputs under `outputs_no_cache`\n"
        "✘ 1 failed\n"
    )
    for reason in ("never ran", "last run failed"):
        assert project.proj("run", "make") == Done(1, "Running command: true\n", f"make: {reason}\n{told}")
        assert project.lock() == {}
        assert reasons(project, "make") == ["last run failed"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("mv data/a.txt data/c.txt", "a.txt renamed to c.txt"),
        ("mv data/x/deep.txt data/y/deep.txt", "x/deep.txt renamed to y/deep.txt"),
        ("touch data/empty.txt", "new empty.txt"),
        ("printf on > data/a.txt; printf etwo > data/b.txt", "changed a.txt, changed b.txt"),
    ],
    ids=["renamed", "moved", "a new empty file", "bytes moved between files"],
)
def test_r2_each_is_a_change_and_the_reason_names_the_file(project: ProjectDir, change: str, what: str) -> None:
    project.project("commands: [{name: read, script: [touch out], deps: [data], outputs: [out]}]")
    for path, text in (("a.txt", "one"), ("b.txt", "two"), ("x/deep.txt", "3"), ("x/other", "4"), ("y/other", "5")):
        project.write(f"data/{path}", text)
    project.proj("run", "read")
    assert reasons(project, "read") == []
    subprocess.run(change, shell=True, cwd=project.path, check=True)
    assert reasons(project, "read") == [f"dep changed: data ({what})"]
    assert project.proj("run", "read").err.startswith(f"read: dep changed: data ({what})\n")
    assert reasons(project, "read") == []


def test_r3_the_step_stays_stale_inputs_changed_while_it_ran(project: ProjectDir) -> None:
    project.project("""\
        commands: [{name: copy, script: [cp in.txt out.txt, sh wait.sh copy], deps: [in.txt], outputs: [out.txt]}]
        """)
    project.write_wait()
    project.write("in.txt", "one")
    running = project.start("run", "copy")
    project.wait_for("copy")
    project.write("in.txt", "two")
    project.let_go("copy")
    done = running.wait()
    assert done.code == 1
    assert (
        "warning: `copy`: inputs changed while it ran; the outputs stay, but the step is out of date\n"
        "  hint: run it again\n"
    ) in done.err
    assert (project.read("out.txt"), project.lock()) == ("one", {})
    assert reasons(project, "copy") == ["inputs changed while it ran"]
    assert project.proj("run", "copy").code == 0
    assert (project.read("out.txt"), reasons(project, "copy")) == ("two", [])


@pytest.mark.parametrize("path", ["in.txt", "data/deep/file", "globbed/1.csv"])
def test_r3_an_input_that_changed_and_changed_back_is_noticed(project: ProjectDir, path: str) -> None:
    project.project("""\
        commands:
          - name: copy
            shell: true
            script: [sh wait.sh copy, cat in.txt data/deep/file globbed/* > out.txt]
            deps: [in.txt, data, "globbed/*.csv"]
            outputs: [out.txt]
        """)
    project.write_wait()
    for name in ("in.txt", "data/deep/file", "globbed/1.csv"):
        project.write(name, "one\n")
    running = project.start("run", "copy")
    project.wait_for("copy")
    project.write(path, "two\n")
    project.write(path, "one\n")
    project.let_go("copy")
    assert running.wait().code == 1
    assert project.lock() == {}
    assert reasons(project, "copy") == ["inputs changed while it ran"]


def test_r3_a_later_success_in_the_same_run_makes_up_for_it(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: copy, script: [sh wait.sh copy, cp in.txt out.txt], deps: [in.txt], outputs: [out.txt]}
        workflows: {twice: [copy, copy]}
        """)
    project.write_wait()
    project.write("in.txt", "one")
    running = project.start("run", "twice", "--json")
    project.wait_for("copy")
    project.write("in.txt", "two")
    project.let_go("copy")
    done = running.wait()
    assert (done.code, project.read("out.txt")) == (0, "two")
    assert [(step["step"], step["result"]) for step in done.json["steps"]] == [
        ("copy", "not recorded"),
        ("copy (2)", "ran"),
    ]


def test_r5_it_is_a_reason_to_run_its_value_is_nowhere_on_disk(project: ProjectDir) -> None:
    project.project("""\
        env: {mode: MODE}
        commands: [{name: make, script: [touch out], env: {USED: "a ${env.mode}"}, outputs: [out]}]
        """)
    assert project.proj("run", "make", env={"MODE": "value-of-mine"}).code == 0
    assert project.proj("run", "make", env={"MODE": "value-of-mine"}).err == "✔ all up to date (1 step)\n"
    done = project.proj("run", "make", env={"MODE": "value-of-yours"})
    assert done.err.startswith("make: env changed: USED; env changed: env.mode\n")
    assert "make: env changed: USED; env changed: env.mode\n" in project.proj("run", "make").err
    assert [name for name, content in project.files().items() if b"value-of" in (content or b"")] == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("touch a && touch b", "&&"),
        ("touch a || true", "||"),
        ("cat in.txt | tee a", "|"),
        ("echo x > a", ">"),
        ("echo x >a", ">a"),
        ("cat <in.txt", "<in.txt"),
        ("touch a 2> err", "2>"),
        ("touch a ; touch b", ";"),
        ("touch a; touch b", "a;"),
        ("touch a &", "&"),
    ],
)
def test_r6_an_error_before_anything_runs_with_the_hint_shell_true(project: ProjectDir, line: str, word: str) -> None:
    project.project(f"""\
        commands:
          - {{name: before, script: [touch ran]}}
          - {{name: make, script: ["{line}"]}}
        """)
    before = project.files()
    for words in (["run", "make"], ["run", "make", "--dry"], ["validate"]):
        assert project.proj(*words) == Done(
            2,
            "",
            f"project.yml:3:27: error: `{word}` has no meaning without a shell\n"
            "  hint: add `shell: true` to the command, or put the word in quotes\n",
        )
    assert project.files() == before


def test_r7_different_keys(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: one, script: [echo a, echo b], outputs: [out1]}
          - {name: two, script: [echo aec, ho b], outputs: [out2]}
        """)
    keys = [step["key"] for step in project.proj("status", "--json").json]
    assert len(set(keys)) == 2


def test_r9_every_declared_output_is_required(project: ProjectDir) -> None:
    project.project("commands: [{name: make, script: [touch one two three], outputs: [one, two, three]}]")
    project.proj("run", "make")
    assert reasons(project, "make") == []
    project.remove("one")
    project.remove("three")
    assert reasons(project, "make") == ["output missing: one", "output missing: three"]
    assert project.proj("run", "make").err.startswith("make: output missing: one; output missing: three\n")
    assert project.exists("one") and project.exists("three")


QUESTIONS = [
    [],
    ["status"],
    ["status", "--check"],
    ["status", "copy", "--json"],
    ["run", "copy", "--dry"],
    ["run", "copy", "--dry", "--force", "--json"],
    ["run", "copy", "--help"],
    ["run"],
    ["validate"],
    ["graph"],
    ["log"],
    ["ps"],
    ["executor", "list"],
    ["vars"],
    ["ls"],
    ["document"],
    ["push", "--dry"],
    ["pull", "--dry"],
    ["remote", "list"],
    ["remote", "show", "default"],
    ["artifact", "list"],
    ["artifact", "list", "copy"],
    ["version"],
    ["snapshot", "list"],
    ["snapshot", "push", "--dry"],
    ["snapshot", "prune", "--dry"],
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_r10_questions_change_nothing_outside_an_existing_cache_and_create_nothing(
    project: ProjectDir, question: list[str]
) -> None:
    artifacts = 'version: "1.0.0"\nartifacts: {copy: {path: out.txt}}\n'
    project.project(f"{artifacts}directories: [made]\nremotes: {{default: ../remote}}\n{COPY}")
    project.write("in.txt", "one")
    before = project.files()
    assert project.proj(*question).code in (0, 1)
    assert project.files() == before
    project.proj("run", "copy")
    project.write("in.txt", "two")
    before = {path: content for path, content in project.files().items() if not path.startswith(".proj/cache/")}
    assert project.proj(*question).code in (0, 1)
    after = {path: content for path, content in project.files().items() if not path.startswith(".proj/cache/")}
    assert after == before
    assert reasons(project, "copy") == ["dep changed: in.txt"]


def test_r11_decided_when_the_step_is_about_to_start_unchanged_upstream_bytes_let_it_be_skipped(
    project: ProjectDir,
) -> None:
    project.project("""\
        commands:
          - {name: first, shell: true, script: [head -n1 in.txt > mid.txt], deps: [in.txt], outputs: [mid.txt]}
          - {name: second, script: [cp mid.txt out.txt], deps: [mid.txt], outputs: [out.txt]}
        """)
    project.write("in.txt", "one\ntwo\n")
    project.proj("run", "second")
    project.write("in.txt", "one\nthree\n")
    assert reasons(project, "second") == ["dep changed: in.txt", "upstream will run: first"]

    def results() -> list[tuple[str, str]]:
        return [(step["step"], step["result"]) for step in project.proj("run", "second", "--json").json["steps"]]

    assert results() == [("first", "ran"), ("second", "up to date")]
    project.write("in.txt", "four\n")
    assert results() == [("first", "ran"), ("second", "ran")]
    assert project.read("out.txt") == "four\n"


def test_r12_seen_a_file_modified_too_recently_is_hashed_again(
    project: ProjectDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system is one whose clock does not tick between the two writes."""

    def as_that_clock_has_it(status: os.stat_result) -> FileStat:
        return FileStat(status.st_size, status.st_mtime_ns, status.st_mtime_ns, status.st_ino)

    monkeypatch.setattr(FileStat, "of", as_that_clock_has_it)
    project.project(COPY)
    tick = os.stat(project.write("in.txt", "one")).st_mtime_ns

    def write(text: str, ns: int) -> None:
        os.utime(project.write("in.txt", text), ns=(ns, ns))

    write("one", tick)
    project.proj("run", "copy")
    assert reasons(project, "copy") == []
    write("two", tick)
    assert reasons(project, "copy") == ["dep changed: in.txt"]
    long_ago = tick - 10_000_000_000
    write("old", long_ago)
    project.proj("run", "copy")
    write("new", long_ago)
    assert reasons(project, "copy") == [], "else this test shows nothing: here only the clock tells"


def test_r13_links_are_kept_as_links_an_escaping_one_is_refused_with_a_message(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - name: link
            script: [mkdir -p out/deep, touch out/file, ln -sf ../file out/deep/link, ln -sf nowhere out/broken]
            outputs: [out]
        """)
    assert project.proj("run", "link").code == 0
    assert (os.readlink(project.path / "out/deep/link"), os.readlink(project.path / "out/broken")) == (
        "../file",
        "nowhere",
    )
    assert reasons(project, "link") == []
    project.remove("out/broken")
    os.symlink("elsewhere", project.path / "out/broken")
    project.remove("out/deep/link")
    project.write("out/deep/link", project.read("out/file"))
    assert reasons(project, "link") == ["output changed: out (changed broken, changed deep/link)"]
    for target in ("../../outside", "/"):
        script = f"mkdir -p out, ln -sf {target} out/escape"
        project.project(f"commands: [{{name: escape, script: [{script}], outputs: [out]}}]")
        done = project.proj("run", "escape")
        assert done.code == 1
        assert (
            f"✘ output `out` holds a link that leads out of the project: `escape` → `{target}`\n"
            "  hint: copy what it leads to, or make the link relative and inside the project\n"
        ) in done.err
        assert reasons(project, "escape") == ["last run failed"]


def test_r15_each_success_is_recorded_at_once(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: first, script: [touch one], outputs: [one]}
          - {name: second, script: [sh wait.sh second, "false"], deps: [one], outputs: [two]}
        """)
    project.write_wait()
    running = project.start("run", "second")
    project.wait_for("second")
    assert reasons(project, "first") == []
    project.let_go("second")
    assert running.wait().code == 1
    assert reasons(project, "first") == []
    assert project.locked() == ["first"]
