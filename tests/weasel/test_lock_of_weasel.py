"""A project.lock that the real Weasel wrote: proj accepts what it can verify, and says why of the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import COMMANDS, Sample, sample
from real_weasel import Weasel

FILE_ONLY = """
commands:
  - name: file
    script: ["python make.py file out/file.txt data/in.txt"]
    deps: [data/in.txt]
    outputs: [out/file.txt]
"""


@pytest.fixture(scope="session")
def once_run(weasel: Weasel, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample, with all commands run by Weasel. To be copied, not to be changed."""
    made = sample(tmp_path_factory.mktemp("weasel"), weasel)
    assert made.weasel("run", "all") == COMMANDS
    return made


@pytest.fixture
def run_by_weasel(once_run: Sample, tmp_path: Path) -> Sample:
    return once_run.copy(tmp_path / "project")


def test_nothing_re_runs_and_the_entries_are_upgraded(run_by_weasel: Sample) -> None:
    before = (run_by_weasel.root / "project.lock").read_bytes()
    assert run_by_weasel.reasons() == {}
    assert (run_by_weasel.root / "project.lock").read_bytes() == before, "a question changed the lock"

    assert run_by_weasel.proj("run", "all") == []

    lock = run_by_weasel.lock
    blocks = lock[".proj"]["commands"]
    assert list(blocks) == COMMANDS
    assert {block["origin"] for block in blocks.values()} == {"weasel"}
    assert lock["directory"]["cmd"] == "proj run directory"
    assert lock["directory"]["deps"][0]["md5"].endswith(".dir")
    assert lock["slashes"]["outs"][0]["path"] == "out/slashes"
    assert lock["absent"]["outs"][1] == {"path": "out/never.json", "md5": None}
    assert run_by_weasel.proj("run", "all") == []


def test_after_the_upgrade_proj_sees_what_weasel_cannot(run_by_weasel: Sample) -> None:
    assert run_by_weasel.proj("run", "all") == []
    (run_by_weasel.root / "corpus" / "B.txt").rename(run_by_weasel.root / "corpus" / "C.txt")
    assert run_by_weasel.weasel("run", "twice") == ["twice"], "it does not know the digests of ours"
    assert run_by_weasel.reasons()["directory"] == ["dep changed: corpus (B.txt renamed to C.txt)"]


def test_nothing_re_runs_with_another_digest_of_our_own(run_by_weasel: Sample) -> None:
    pytest.importorskip("blake3")
    run_by_weasel.edit("project.yml", "title: Every kind of lock entry", "digest: blake3")
    assert run_by_weasel.proj("run", "all") == []
    assert "blake3" in run_by_weasel.lock["file"]["outs"][0]
    assert run_by_weasel.proj("run", "all") == []


def edit(path: str, old: str, new: str) -> Callable[[Sample], None]:
    return lambda project: project.edit(path, old, new)


def remove(path: str) -> Callable[[Sample], None]:
    return lambda project: (project.root / path).unlink()


@pytest.mark.parametrize(
    ("change", "command", "reason"),
    [
        (edit("data/other.txt", "from", "not from"), "lines", "dep changed: data/other.txt"),
        (edit("corpus/ü/é.txt", "from", "not from"), "directory", "dep changed: corpus"),
        (edit("corpus/ü/é.txt", "from", "not from"), "slashes", "dep changed: corpus"),
        (edit("out/file.txt", "from", "not from"), "file", "output changed: out/file.txt"),
        (edit("out/slashes/sub/c.txt", "slashes", "edited"), "slashes", "output changed: out/slashes"),
        (edit("out/metrics.json", "from", "not from"), "kept", "output changed: out/metrics.json"),
        (remove("out/metrics.json"), "kept", "output missing: out/metrics.json"),
        (remove("out/kept.txt"), "kept", "output missing: out/kept.txt"),
        (lambda project: shutil.rmtree(project.root / "out/empty"), "empty", "output missing: out/empty"),
        (lambda project: project.write("out/never.json", "{}"), "absent", "output changed: out/never.json"),
        (edit("project.yml", "factor: 1.50", "factor: 1.51"), "variables", "script changed: line 1"),
        (edit("project.yml", "- rm -f out/lines/none.txt", ""), "lines", "script changed: line 4 (removed)"),
        (
            edit("project.yml", "deps: [data/in.txt, data/state.txt]", "deps: [data/in.txt, data/state.txt, make.py]"),
            "in place",
            "dep added: make.py",
        ),
        (edit("project.yml", "deps: [linked, link.txt]", "deps: [linked]"), "links", "dep removed: link.txt"),
        (
            edit("project.yml", "outputs: [out/empty.txt, out/empty]", "outputs: [out/empty.txt]"),
            "empty",
            "outputs list changed: out/empty",
        ),
    ],
)
def test_what_changed_since_weasel_ran_it_re_runs_for_that_reason(
    run_by_weasel: Sample, change: Callable[[Sample], None], command: str, reason: str
) -> None:
    change(run_by_weasel)
    found = run_by_weasel.reasons()[command]
    assert len(found) == 1
    assert found[0].startswith(reason)


def test_only_what_changed_re_runs(run_by_weasel: Sample) -> None:
    run_by_weasel.write("data/Größe der Wörter.txt", "new\n")
    run_by_weasel.edit("project.yml", "factor: 1.50", "factor: 1.51")
    assert run_by_weasel.proj("run", "all") == ["names", "variables"]
    origins = {name: block.get("origin") for name, block in run_by_weasel.lock[".proj"]["commands"].items()}
    assert {name for name, origin in origins.items() if origin is None} == {"names", "variables"}


def test_the_same_override_in_both_tools_changes_nothing(weasel: Weasel, tmp_path: Path) -> None:
    project = sample(tmp_path, weasel)
    assert project.weasel("run", "variables", ".", "--vars.rate", "0.25", "--vars.run.seed=8") == ["variables"]
    assert project.proj("run", "variables", "--vars.rate", "0.25", "--vars.run.seed=8") == []
    assert project.proj("run", "variables") == ["variables"]


def test_an_output_that_weasel_recorded_as_null_is_never_accepted(weasel: Weasel, tmp_path: Path) -> None:
    """Weasel takes a missing output for one that is up to date."""
    project = sample(tmp_path, weasel, FILE_ONLY.replace("out/file.txt]", "out/file.txt, out/forgotten.txt]"))
    assert project.weasel("run", "file") == ["file"]
    assert project.lock["file"]["outs"][1] == {"path": "out/forgotten.txt", "md5": None}
    assert project.weasel("run", "file") == []

    assert project.reasons() == {"file": ["output missing: out/forgotten.txt"]}
    done = project.call_proj("run", "file")
    assert done.code == 1
    assert "did not produce its output `out/forgotten.txt`" in done.err

    project.write("out/forgotten.txt", "by hand")
    project.write_lock({"file": {**project.lock["file"]}})
    (project.root / "ran.log").unlink()
    assert project.proj("run", "file") == ["file"]


def test_an_output_recorded_as_null_is_not_accepted_if_it_exists(weasel: Weasel, tmp_path: Path) -> None:
    project = sample(tmp_path, weasel, FILE_ONLY.replace("out/file.txt]", "out/file.txt, out/forgotten.txt]"))
    assert project.weasel("run", "file") == ["file"]
    project.write("out/forgotten.txt", "by hand")
    assert project.reasons() == {"file": ["output changed: out/forgotten.txt"]}


def test_what_always_runs_with_weasel_always_runs(weasel: Weasel, tmp_path: Path) -> None:
    no_skip = FILE_ONLY + "    no_skip: true\n"
    no_outputs = no_skip + "  - {name: nothing, script: [python make.py nothing log.txt], deps: [data/in.txt]}\n"
    project = sample(tmp_path, weasel, no_outputs + "workflows: {all: [file, nothing]}\n")
    for tool in (project.weasel, project.weasel, project.proj, project.proj):
        assert tool("run", "all") == ["file", "nothing"]


# -- locks of other times ---------------------------------------------------------------------------------------------


def as_spacy_wrote_it(lock: dict[str, Any]) -> dict[str, Any]:
    """The entries with the keys and the `cmd` of the time before Weasel."""
    return {
        name: {
            "cmd": f"python -m spacy project run {name}",
            **{key: value for key, value in entry.items() if key != "cmd"},
            "spacy_version": "3.4.1",
            "spacy_git_version": "a1b2c3d4e",
        }
        for name, entry in lock.items()
    }


@pytest.mark.parametrize("compat", [False, True])
def test_a_lock_from_spacys_time_is_accepted(run_by_weasel: Sample, *, compat: bool) -> None:
    if compat:
        run_by_weasel.edit("project.yml", "title:", "compat: weasel\ntitle:")
    run_by_weasel.write_lock(as_spacy_wrote_it(run_by_weasel.lock))
    assert run_by_weasel.reasons() == {}
    assert run_by_weasel.proj("run", "all") == []
    assert set(run_by_weasel.lock["file"]) == {"cmd", "script", "deps", "outs"}
    if compat:
        assert run_by_weasel.weasel("run", "all") == [], "Weasel accepts it since proj upgraded it"


def test_any_text_as_cmd_is_accepted(run_by_weasel: Sample) -> None:
    lock = run_by_weasel.lock
    for entry, cmd in zip(lock.values(), ["", None, "make all", "weasel run all", 5], strict=False):
        entry["cmd"] = cmd
    run_by_weasel.write_lock(lock)
    assert run_by_weasel.proj("run", "all") == []


def test_an_entry_that_is_not_whole_is_not_accepted_and_no_crash(run_by_weasel: Sample) -> None:
    lock = run_by_weasel.lock
    broken: dict[str, Any] = {
        "file": {"cmd": "x"},
        "directory": {**lock["directory"], "script": None},
        "names": {**lock["names"], "deps": None},
        "kept": {**lock["kept"], "outs": [{"path": "out/kept.txt"}, "out/metrics.json"]},
        "absent": {**lock["absent"], "outs": []},
        "lines": {**lock["lines"], "script": "mkdir -p out/lines"},
        "long": {**lock["long"], "deps": [{"path": "data/in.txt", "md5": 5}]},
        "twice": "a word",
        "chain": None,
    }
    run_by_weasel.write_lock({**lock, **broken})
    unrecorded = {"twice", "chain"}  # not an entry at all: their outputs exist without a record
    assert set(run_by_weasel.reasons()) == set(broken)
    assert set(run_by_weasel.proj("run", "all")) == set(broken) - unrecorded
