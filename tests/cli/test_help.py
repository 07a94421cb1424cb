"""The help: one line per subcommand, within the window, and mistakes on the command line in one style."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.cli.subcommand import COMMON, GROUPS, MODULES, load_subcommand

WIDEST = 57  # characters of a summary, beside the longest name in 80 columns


WITHOUT_DIR = {  # they need no project, or `-C DIR` names it
    *("remote add", "remote rename", "remote remove", "import skelebot", "import lab", "import kuberlab"),
    *("serve user add", "serve user role", "serve user password", "serve user remove", "serve token revoke"),
    "exec",
    *("snapshot show", "snapshot diff", "snapshot verify", "snapshot pull"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_summary_fits_on_one_line_and_each_argument_and_option_has_a_sentence(name: str) -> None:
    subcommand = load_subcommand(name)
    assert len(subcommand.summary) <= WIDEST
    texts = [argument.help for argument in subcommand.arguments] + [option.help for option in subcommand.all_options]
    for text in (subcommand.summary, *texts):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("`")
    last = [argument.name for argument in subcommand.arguments][-1:]
    assert last in (["DIR"], ["SHELL"], []) or name in WITHOUT_DIR


@pytest.mark.parametrize("columns", ["80", "40"])
@pytest.mark.parametrize("name", ["", *GROUPS, *MODULES])
def test_help_fits_the_window(project: ProjectDir, name: str, columns: str) -> None:
    done = project.proj(*name.split(), "--help", env={"COLUMNS": columns})
    assert (done.code, done.err) == (0, "")
    assert "…\n" not in done.out
    beyond = [line for line in done.out.splitlines() if len(line) > int(columns)]
    assert all("proj " in line for line in beyond)  # examples and usage are not wrapped


def test_the_overview_has_each_subcommand_with_its_whole_summary(project: ProjectDir) -> None:
    shown = project.proj("--help", env={"COLUMNS": "80"}).out
    for name in MODULES:
        [line] = [line for line in shown.splitlines() if line[2:].partition("  ")[0] == name and line[:2] == "  "]
        assert line.endswith(load_subcommand(name).summary)
    for part in ("-C DIR", "--vars.NAME VALUE", "130 "):
        assert part in shown


@pytest.mark.parametrize("words", [["help", "push"], ["push", "-h"], ["push", "--dyr", "--help"], ["-q", "push", "-h"]])
def test_there_are_several_ways_to_the_same_help(project: ProjectDir, words: list[str]) -> None:
    assert project.proj(*words) == project.proj("push", "--help")


def test_common_options_may_precede_the_subcommand(pipeline: ProjectDir) -> None:
    assert pipeline.proj("-q", "run", "count").err == ""
    for flag in (flag for option in COMMON[:2] for flag in option.flags):
        assert pipeline.proj(flag, "status") == pipeline.proj("status", flag)
        assert pipeline.proj(flag).out == pipeline.proj().out


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("run --dyr", "`proj run` has no option `--dyr`", "did you mean `--dry`?"),
        ("push -j 0", "`--jobs` / `-j` needs a number from 1 on", "`proj push --help` shows its options"),
        ("push -j", "`-j` needs a value", "`proj push --help` shows its options"),
        ("lock accept --all=1", "`--all` takes no value", "`proj lock accept --help` shows its options"),
        ("--frobnicate", "`proj` has no option `--frobnicate`", "`proj --help` shows its options"),
        ("vars a b", "unexpected argument `b`", "proj vars [DIR]"),
    ],
)
def test_a_mistake_is_one_error_and_one_hint(pipeline: ProjectDir, line: str, error: str, hint: str) -> None:
    done = pipeline.proj(*line.split())
    assert (done.code, done.out, done.err) == (2, "", f"error: {error}\n  hint: {hint}\n")
