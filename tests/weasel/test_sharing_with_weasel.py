"""`compat: weasel`: people run proj and Weasel on one project, and neither re-runs the other's work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from kinds import COMMANDS, FEW, Sample, sample
from real_weasel import Weasel

# Names that one version of YAML or the other would read as something else than this text.
STRANGE_NAMES = [
    *("1_000", "0o17", "0x1F", "010", "1e5", "1.", ".5", "+1", "-.inf", ".nan", "2024-01-01", "12:30:45", "=", "<<"),
    *("null", "~tilde", "on", "No", "y", "TRUE", "-", "--- a", "? b", "- c", "!x", "&a", "*b", "%c", "@d", "`e"),
    *("{f}", "a: b", "#h", "i #j", "'q'", '"dq"', "b\\s", "tab\tx", "new\nline", "trail ", "  lead", "a\u00a0b"),
    *("x\u2028y", "\ufeffbom", "\u200b", "\x7f", "😀", "é", "e\u0301", "x" * 120),
]


@pytest.fixture
def shared(weasel: Weasel, tmp_path: Path) -> Sample:
    return sample(tmp_path, weasel, compat=True)


def test_weasel_accepts_the_lock_that_proj_wrote(shared: Sample) -> None:
    assert sorted(shared.proj("run", "all", "-j", "2")) == sorted(COMMANDS)
    assert shared.weasel("run", "all") == []
    assert shared.proj("run", "all") == []


def test_proj_accepts_the_lock_that_weasel_wrote_and_weasel_its_upgrade(shared: Sample) -> None:
    assert shared.weasel("run", "all") == COMMANDS
    entries = shared.lock
    assert shared.proj("run", "all") == []
    upgraded = shared.lock
    assert list(upgraded.pop(".proj")["commands"]) == COMMANDS
    assert upgraded == entries, "the entries are Weasel's own"
    assert shared.weasel("run", "all") == []


Edit = Callable[[Sample], object]

READ_THE_CORPUS = ["directory", "slashes", "chain"]
EDITS: list[tuple[Edit, list[str]]] = [
    (lambda project: project.write("data/other.txt", "edited"), ["lines", *READ_THE_CORPUS]),
    (lambda project: project.edit("project.yml", "factor: 1.50", "factor: 1e-7"), ["variables"]),
    (lambda project: project.write("corpus/new.txt", "one more"), READ_THE_CORPUS),
    (lambda project: (project.root / "data/in.txt").touch(), []),
    (lambda project: project.edit("out/kept.txt", "from", "not from"), ["kept"]),
    (lambda project: (project.root / "out/metrics.json").unlink(), ["kept"]),
    (lambda project: project.edit("project.yml", "- rm -f out/lines/none.txt", "- echo done\n"), ["lines"]),
    (lambda project: project.write("data/other.txt", "from data/other.txt\n"), ["lines", *READ_THE_CORPUS]),
]


def test_alternating_runs_what_is_stale_and_nothing_else(shared: Sample) -> None:
    assert shared.weasel("run", "few") == FEW
    assert shared.proj("run", "few") == []
    tools = [shared.proj, shared.weasel]
    for number, (change, stale) in enumerate(EDITS):
        change(shared)
        runs, skips = tools if number % 4 in (0, 3) else tools[::-1]
        assert runs("run", "few") == [name for name in FEW if name in stale], f"edit {number}"
        assert skips("run", "few") == [], f"after edit {number}"


def test_proj_still_understands_the_lock_that_weasel_rewrote(shared: Sample) -> None:
    """Blocks of entries that Weasel replaced count no more, those of the others do."""
    assert shared.proj("run", "few") == FEW
    shared.write("data/other.txt", "new\n")
    (shared.root / "corpus" / "to-file.txt").unlink()
    assert shared.weasel("run", "lines") == ["lines"]
    assert list(shared.lock[".proj"]["commands"]) == FEW, "Weasel keeps what is not its own"
    assert set(shared.reasons()) >= {"directory", "slashes"}
    assert shared.proj("run", "few") == ["directory", "slashes", "chain"], "what Weasel ran is accepted"

    (shared.root / "corpus" / "B.txt").rename(shared.root / "corpus" / "C.txt")
    assert shared.weasel("run", "few") == [], "Weasel does not look at names"
    assert shared.reasons()["directory"] == ["dep changed: corpus (B.txt renamed to C.txt)"]
    assert shared.proj("run", "few") == ["directory", "slashes"]
    assert shared.weasel("run", "few") == []


def test_a_command_that_weasel_ran_last_is_compared_with_that_run(shared: Sample) -> None:
    """Going back to what proj recorded first does not make Weasel's later output count."""
    assert shared.proj("run", "file") == ["file"]
    shared.write("data/in.txt", "second")
    assert shared.weasel("run", "file") == ["file"]
    shared.write("data/in.txt", "from data/in.txt\n")
    assert shared.reasons()["file"] == ["dep changed: data/in.txt"]
    assert shared.proj("run", "file") == ["file"]
    assert shared.weasel("run", "file") == []


def test_what_arguments_made_weasel_does_not_take_for_the_scripts_result(shared: Sample) -> None:
    assert shared.proj("run", "file", "--", "data/other.txt", "--x y") == ["file"]
    assert shared.proj("run", "file", "--", "data/other.txt", "--x y") == []
    assert shared.weasel("run", "file") == ["file"]
    assert shared.proj("run", "file") == []


def test_without_its_block_an_entry_does_not_lose_the_arguments(shared: Sample) -> None:
    assert shared.proj("run", "file", "--", "data/other.txt") == ["file"]
    shared.write_lock({"file": shared.lock["file"]})
    assert shared.reasons()["file"][0].startswith("script changed: line 1")


def test_no_command_may_have_the_name_of_our_part_of_the_lock(weasel: Weasel, tmp_path: Path) -> None:
    project = sample(tmp_path, weasel, "commands: [{name: .proj, script: [python make.py p p.txt], outputs: [p.txt]}]")
    done = project.call_proj("run", ".proj")
    assert done.code == 2
    assert "project.yml:1:19: error: a command cannot be named `.proj`" in done.err


def test_without_compat_weasel_runs_again_what_proj_recorded(weasel: Weasel, tmp_path: Path) -> None:
    project = sample(tmp_path, weasel)
    assert project.proj("run", "file") == ["file"]
    assert project.weasel("run", "file") == ["file"]
    assert project.proj("run", "file") == []
    assert project.lock["file"]["cmd"] == "proj run file"


@pytest.mark.parametrize("first", ["proj", "weasel"])
def test_names_that_yaml_might_misread_are_read_as_written(weasel: Weasel, tmp_path: Path, first: str) -> None:
    deps = [*STRANGE_NAMES, *(f"in/{name}" for name in STRANGE_NAMES)]
    script = ["python make.py odd out.txt", *(f"echo {name}" for name in ("null", "1e5", "'<<'", "=", "': #'", "- -"))]
    command = {"name": "null: #1", "script": script, "deps": deps, "outputs": ["out.txt"]}
    text = yaml.safe_dump({"compat": "weasel", "commands": [command]}, default_style='"', width=10**6)
    project = sample(tmp_path, weasel, text)
    for dep in deps:
        project.write(dep, dep)
    tools = [project.proj, project.weasel]
    if first == "weasel":
        tools.reverse()
    assert [tool("run", "null: #1") for tool in tools] == [["odd"], []]
    project.write("in/on", "changed")
    assert [tool("run", "null: #1") for tool in reversed(tools)] == [["odd"], []]
    assert tools[1]("run", "null: #1") == []


WITH_ENV = """
compat: weasel
env: {folder: SAMPLE_FOLDER, level: SAMPLE_LEVEL}
commands:
  - name: paths
    script: [python make.py paths out/paths.txt data/in.txt]
    deps: ["${env.folder}/", "./${env.folder}/in.txt"]
    outputs: ["out/${env.level}/../paths.txt"]
  - name: script
    script: ["python make.py script out/script.txt data/in.txt ${env.level}"]
    deps: [data/in.txt]
    outputs: [out/script.txt]
"""
ENVIRON = {"SAMPLE_FOLDER": "data", "SAMPLE_LEVEL": "very-high"}


def test_paths_from_the_environment_stay_as_written(weasel: Weasel, tmp_path: Path) -> None:
    project = sample(tmp_path, weasel, WITH_ENV)
    (tmp_path / "out" / "very-high").mkdir(parents=True)
    assert project.weasel("run", "paths", environ=ENVIRON) == ["paths"]
    assert project.proj("run", "paths", environ=ENVIRON) == []
    assert project.weasel("run", "paths", environ=ENVIRON) == []
    assert project.proj("run", "paths", "--force", environ=ENVIRON) == ["paths"]
    assert project.weasel("run", "paths", environ=ENVIRON) == []


def test_values_of_the_environment_are_not_written_though_weasel_then_runs_again(
    weasel: Weasel, tmp_path: Path
) -> None:
    """A limit of sharing: Weasel compares the script with the values put in, and proj keeps them off the disk."""
    project = sample(tmp_path, weasel, WITH_ENV)
    assert project.weasel("run", "script", environ=ENVIRON) == ["script"]
    assert project.proj("run", "script", environ=ENVIRON) == [], "what Weasel ran is accepted"
    assert "very-high" not in (tmp_path / "project.lock").read_text()
    assert project.weasel("run", "script", environ=ENVIRON) == ["script"]
    assert project.proj("run", "script", environ={**ENVIRON, "SAMPLE_LEVEL": "low"}) == ["script"]
