"""compare.py: the projects beside it are the same for both tools, and no difference gets by."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import compare
import pytest
import real_weasel
from real_weasel import Weasel

TESTS = Path(__file__).parent.parent
PROJECTS = TESTS / "weasel" / "projects"
ENVIRON = {"PROJECT_DEMO_GPU": "1", "PROJECT_DEMO_USER": "some one", "PROJECT_DEMO_WHERE": "out"}
MERGED = compare.GUARDS["references"]
NO_IS_YES = "Weasel takes any word for true, `no` also"

DELIBERATE = {
    "merged-entries": {
        "script of `preprocess`": MERGED,
        "deps of `preprocess`": MERGED,
        "lines of `preprocess`": MERGED,
        "script of `range`": MERGED,
        "lines of `range`": MERGED,
        "lines of `all`": MERGED,
    },
    "anchors": {"no_skip of `train-a`": NO_IS_YES, "no_skip of `train-b`": NO_IS_YES},
    "environment": {"no_skip of `train`": NO_IS_YES},
}


def test_proj_sees_in_a_collection_of_projects_what_weasel_sees(weasel: Weasel) -> None:
    """The collection is the folder that PROJ_COMPARE_PROJECTS names, else the first of the bundled projects."""
    folder = os.environ.get("PROJ_COMPARE_PROJECTS")
    results = compare.compare_folder(Path(folder) if folder else PROJECTS / "alternatives", weasel, ENVIRON)
    assert results
    unexplained = {result.name: list(map(str, result.unexplained)) for result in results if result.unexplained}
    assert not unexplained, "\n".join(f"{name}: {text}" for name, texts in unexplained.items() for text in texts)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in PROJECTS.glob("*/project.yml")))
def test_proj_sees_in_a_project_what_weasel_sees(weasel: Weasel, name: str) -> None:
    found = compare.compare(PROJECTS / name, weasel, ENVIRON)
    assert not found.refused
    assert not found.unexplained, "\n".join(map(str, found.unexplained))
    assert {difference.where: difference.reason for difference in found.deliberate} == DELIBERATE.get(name, {})


def project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.yml").write_text(text, "utf-8")
    return folder


BROKEN_VALUES = r"""
vars: {a: 'say "hi"', b: 'C:\x', c: "two\nlines", d: 5$}
commands: [{name: x, script: ["echo '${vars.a}' 5 '${vars.b}'", "run '${vars.c}' $${vars.d}"]}]
"""
ENV_VALUES = """
env: {version: SAMPLE_VERSION, token: SAMPLE_TOKEN}
commands: [{name: x, script: ["echo ${env.version}"]}, {name: y, script: ["login ${env.token}"]}]
"""
NO_SCRIPT = "commands: [{name: x}, {name: y, script: [b]}]\nworkflows: {all: [y, x]}"
MANGLED_NAME = "commands: [{name: x, script: [a]}]\nworkflows: {'a=b': [x], '#z': [x], c: [x]}"
UNSET = """
env: {out: SAMPLE_OUT}
commands: [{name: x, script: ["touch ${env.out}/x"], outputs: ["${env.out}/x"]}]
"""
OUTSIDE = """
vars: {data: ../data}
assets: [{dest: "${vars.data}/a", url: "https://example.org/a"}, {dest: b, url: c}, {dest: /srv/d, git: {repo: e}}]
commands: [{name: x, script: ["x ${vars.data}/a"], deps: ["${vars.data}/a"]}]
"""
NAMELESS = "assets: [{dest: '', description: ''}, {dest: a}]\ncommands: [{name: x, script: [a]}]"
REFUSED = "commands: [{name: x, script: [a && b, ' '], deps: [../x], outputs: [o, o/p]}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BROKEN_VALUES, {"loading": "[D15, D16, D17b]"}),
        (
            ENV_VALUES,
            {"script of `x`": "[D20]", "lines of `x`": "[D20]", "script of `y`": "secret", "lines of `y`": "secret"},
        ),
        (NO_SCRIPT, {"lines of `x`": "[D11]", "lines of `all`": "[D11]"}),
        (MANGLED_NAME, {"workflows": "[D24]", "lines of `a=b`": "[D24]", "lines of `#z`": "[D24]"}),
        (UNSET, {"outputs of `x`": compare.UNSET, "lines of `x`": compare.UNSET}),
        (OUTSIDE, {"assets": "[D44]"}),
        (NAMELESS, {"assets": "an empty path is the project itself"}),
        (REFUSED, {"lines of `x`": "Weasel passes shell words to the program"}),
    ],
    ids=["broken values", "env values", "no script", "mangled name", "unset", "outside", "nameless", "refused"],
)
def test_a_deliberate_difference_is_listed_with_its_reason(
    weasel: Weasel, tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    environ = {"SAMPLE_VERSION": "007", "SAMPLE_TOKEN": "hush"}
    found = compare.compare(project(tmp_path, text), weasel, environ)
    assert not found.unexplained, "\n".join(map(str, found.unexplained))
    assert {difference.where for difference in found.deliberate} == expected.keys()
    for difference in found.deliberate:
        assert expected[difference.where] in (difference.reason or "")


def test_steps_that_a_workflow_repeats_are_announced_each_time(weasel: Weasel, tmp_path: Path) -> None:
    text = "commands: [{name: x, script: [a]}, {name: y, script: [b]}]\nworkflows: {all: [x, y, x]}"
    found = compare.compare(project(tmp_path, text), weasel)
    assert (found.verdict, found.lines) == ("same", 5)


def test_any_other_difference_ends_with_1(weasel: Weasel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`proj` takes a name that begins with `-` for an option. No reason is listed for that."""
    project(tmp_path / "good", "commands: [{name: x, script: [a]}]")
    project(tmp_path / "sub" / "bad", "commands: [{name: -x, script: [a]}]")
    project(tmp_path / ".hidden", "not looked at")
    assert compare.main([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["good", "sub/bad"]
    assert "DIFFERENT (1)" in out
    assert out.endswith(
        "2 projects, 1 lines: 1 same, 0 with deliberate differences only, 0 refused by both, 1 different\n"
    )
    called = subprocess.run(
        [TESTS / "compare_projects", tmp_path / "good", tmp_path / "good"], capture_output=True, text=True
    )
    assert (called.returncode, called.stdout.splitlines()[-1].partition(":")[0]) == (0, "2 projects, 2 lines")
    assert compare.main([str(tmp_path / ".hidden" / "nothing")]) == 2


def test_a_wrong_line_is_a_difference(weasel: Weasel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an answer of proj's in which one blank is missing."""
    text = "vars: {a: 1, b: 2}\ncommands: [{name: x, script: ['echo ${vars.a} + ${vars.b}', python x.py]}]"

    def with_a_wrong_line(argv: list[str | Path], *rest: object) -> object:
        done = real_weasel.call(argv, *rest)  # type: ignore[arg-type]
        if Path(argv[1]).name == "ask_proj.py":
            assert "1 + 2" in done.out
            return type(done)(done.code, done.out.replace("1 + 2", "1 +2"), done.err)
        return done

    assert compare.compare(project(tmp_path, text), weasel).verdict == "same"
    monkeypatch.setattr(compare, "call", with_a_wrong_line)
    wrong = compare.compare(project(tmp_path, text), weasel)
    assert [difference.where for difference in wrong.unexplained] == ["script of `x`", "lines of `x`"]
