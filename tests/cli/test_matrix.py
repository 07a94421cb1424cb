"""A sweep of languages and sizes, as a user works with it: run, add a language, share, show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from harness import Done, ProjectDir

SWEEP = """
commands:
  - name: train
    help: Train the ${matrix.size} model of ${matrix.lang}
    matrix: {lang: [de, en], size: [sm, lg]}
    script: ["sh train.sh ${matrix.lang} ${matrix.size}"]
    deps: [train.sh, "corpus/${matrix.lang}.txt"]
    outputs: ["models/${matrix.lang}-${matrix.size}"]
  - name: evaluate
    script: ["sh evaluate.sh"]
    deps: [evaluate.sh, "models/*"]
    outputs: [report.txt]
workflows: {all: [train, evaluate], german: ["train@de-*"]}
directories: [models]
remotes: {default: ../shared}
"""
STEPS = ["train@de-sm", "train@de-lg", "train@en-sm", "train@en-lg"]


@pytest.fixture
def sweep(project: ProjectDir) -> Iterator[ProjectDir]:
    project.project(SWEEP)
    project.write(
        "train.sh", 'echo $1 $2 >> ran.txt\ncat "corpus/$1.txt" > "models/$1-$2"\necho $2 >> "models/$1-$2"\n'
    )
    project.write("evaluate.sh", "ls models > report.txt\n")
    for lang in ("de", "en", "it"):
        project.write(f"corpus/{lang}.txt", lang)
    yield project


def ran(project: ProjectDir) -> list[str]:
    """The steps of `train` that ran since the last call."""
    names = [f"train@{line.replace(' ', '-')}" for line in project.read("ran.txt").splitlines()]
    project.write("ran.txt", "")
    return sorted(names)


def add_language(project: ProjectDir) -> None:
    project.project(SWEEP.replace("[de, en]", "[de, en, it]"))


def test_a_sweep_runs_once_and_a_new_language_runs_only_its_steps(sweep: ProjectDir) -> None:
    assert sweep.proj("run", "all", "-j4").code == 0
    assert ran(sweep) == sorted(STEPS)
    assert sweep.read("report.txt").split() == ["de-lg", "de-sm", "en-lg", "en-sm"]
    assert sweep.proj("run", "all") == Done(0, "", "✔ all up to date (5 steps)\n")
    add_language(sweep)
    plan = sweep.proj("run", "all", "--dry", "--json").json
    assert [step["step"] for step in plan if step["runs"]] == ["train@it-sm", "train@it-lg", "evaluate"]
    assert sweep.proj("run", "all", "-j4").code == 0
    assert ran(sweep) == ["train@it-lg", "train@it-sm"]
    assert "it-sm" in sweep.read("report.txt")


def test_the_name_stands_for_all_steps_and_a_glob_for_some(sweep: ProjectDir) -> None:
    assert sweep.proj("run", "train@de-*").code == 0
    assert ran(sweep) == ["train@de-lg", "train@de-sm"]
    assert sweep.proj("run", "german").err == "✔ all up to date (2 steps)\n"
    assert sweep.proj("run", "train").code == 0
    assert ran(sweep) == ["train@en-lg", "train@en-sm"]
    assert sweep.proj("run", "train", "--force", "--from", "train@en-*").code == 0
    assert ran(sweep) == ["train@en-lg", "train@en-sm"]
    assert [run["command"] for run in sweep.proj("log", "*-sm", "--json").json] == [
        "train@de-sm",
        "train@en-sm",
        "train@en-sm",
    ]
    assert [step["step"] for step in sweep.proj("status", "t*", "--json").json] == STEPS


def test_naming_a_matrix_names_each_of_its_steps(sweep: ProjectDir) -> None:
    sweep.write("models/de-sm", "by hand")
    assert "unrecorded" in sweep.proj("run", "all", "--dry").out
    sweep.proj("run", "train", "evaluate")
    assert sweep.read("models/de-sm") == "desm\n", "naming it replaces what no run is recorded for"


def test_one_path_or_script_of_a_step_concerns_only_that_step(sweep: ProjectDir) -> None:
    sweep.proj("run", "all")
    ran(sweep)
    sweep.write("corpus/de.txt", "more")
    assert sweep.proj("run", "all").code == 0
    assert ran(sweep) == ["train@de-lg", "train@de-sm"]


def test_a_clone_pulls_what_another_pushed(sweep: ProjectDir) -> None:
    assert sweep.proj("run", "all").code == 0
    assert sweep.proj("push", "-c", "train@*-sm").err.endswith("2 pushed to default\n")
    assert sweep.proj("push", "-c", "train").err.endswith("2 pushed to default, 2 already on the remote\n")
    assert sweep.proj("push").code == 0
    clone = sweep.beside("clone")
    unshared = shutil.ignore_patterns(".proj", "models", "report.txt")
    shutil.copytree(sweep.path, clone.path, ignore=unshared, dirs_exist_ok=True)
    clone.project(SWEEP.replace("../shared", str(sweep.path.parent / "shared")))
    assert clone.proj("pull", "-c", "train@de-*").err.endswith("2 pulled from default\n")
    assert clone.proj("pull", "--command", "train").err.endswith("2 pulled from default, 2 already present\n")
    assert clone.proj("pull").code == 0
    assert clone.proj("run", "all").err == "✔ all up to date (5 steps)\n"


def test_a_combination_that_is_removed_keeps_its_record_until_a_reset(sweep: ProjectDir) -> None:
    add_language(sweep)
    sweep.proj("run", "all")
    ran(sweep)
    sweep.project(SWEEP)
    sweep.proj("run", "all")
    assert "train@it-sm" in sweep.locked() and len(sweep.proj("log", "train@it-*", "--json").json) == 2
    add_language(sweep)
    sweep.proj("run", "train")
    assert ran(sweep) == []
    sweep.project(SWEEP)
    assert sweep.proj("lock", "reset", "train@it-sm").err == "✔ train@it-sm: counts as never run; its outputs stay\n"
    assert "train@it-sm" not in sweep.locked() and "train@it-lg" in sweep.locked()
    assert sweep.proj("lock", "reset", "train").code == 0
    assert sweep.locked() == ["evaluate"]


def test_outputs_of_a_matrix_can_be_accepted(sweep: ProjectDir) -> None:
    sweep.proj("run", "all")
    sweep.proj("lock", "reset", "*")
    assert sweep.proj("lock", "accept", "train").code == 0
    assert sweep.proj("lock", "accept", "evaluate").code == 0
    assert sweep.proj("run", "all").err == "✔ all up to date (5 steps)\n"


ARGUMENTS: dict[tuple[str, ...], str] = {
    ("train",): (
        "error: arguments after `--` go to one command, but `train` stands for 4\n"
        "  hint: name one of `train@de-sm`, `train@de-lg`, `train@en-sm`, `train@en-lg`\n"
    ),
    ("train@de-*",): (
        "error: arguments after `--` go to one command, but `train@de-*` stands for 2\n"
        "  hint: name one of `train@de-sm`, `train@de-lg`\n"
    ),
    ("german",): "error: arguments after `--` go to one command\n  hint: name one command, not a workflow\n",
    ("trian@*",): "error: no command matches `trian@*`\n  hint: did you mean `train`?\n",
    ("trani",): "error: no command or workflow named `trani`\n  hint: did you mean `train`?\n",
}


@pytest.mark.parametrize("names", ARGUMENTS, ids=" ".join)
@pytest.mark.parametrize("dry", [(), ("--dry",)], ids=["run", "dry"])
def test_arguments_go_to_one_step(sweep: ProjectDir, names: tuple[str, ...], dry: tuple[str, ...]) -> None:
    assert sweep.proj("run", *names, *dry, "--", "x") == Done(2, "", ARGUMENTS[names])


def test_a_glob_that_matches_one_step_may_have_arguments(sweep: ProjectDir) -> None:
    assert sweep.proj("run", "train@de-s*", "--", "x").code == 0
    assert "Running command: sh train.sh de sm x\n" in sweep.proj("log", "-v", "train@de-sm").out


def test_a_glob_that_matches_nothing_is_an_error(sweep: ProjectDir) -> None:
    expected = Done(2, "", "error: no command matches `trian@de-*`\n  hint: did you mean `train@de-sm`?\n")
    for words in (["run"], ["status"], ["graph"], ["log"], ["lock", "reset"], ["lock", "accept"], ["push", "-c"]):
        remote = ["default"] if words == ["push", "-c"] else []
        assert sweep.proj(*words, "trian@de-*", *remote) == expected, words


def test_steps_of_a_matrix_with_an_error_do_not_run(sweep: ProjectDir) -> None:
    sweep.project(SWEEP.replace("size: [sm, lg]", "size: [sm, l/g]"))
    sweep.write("models/x", "")
    for target in ("train", "train@de-sm", "train@de-*", "all", "german", "evaluate"):
        done = sweep.proj("run", target)
        assert done.code == (0 if target == "evaluate" else 2), target
        assert "5:41: " in done.err and "a value of a matrix cannot be `l/g`" in done.err
    assert "unknown" in sweep.proj().out


def test_the_list_has_one_row_for_all_steps(sweep: ProjectDir) -> None:
    sweep.proj("run", "train@de-*")
    assert sweep.proj().out == (
        "\nworkflow   steps\n--------   ----------------\nall        train → evaluate\ngerman     train@de-*\n"
        "\n"
        "command           state                       help\n"
        "---------------   -------------------------   --------------------------------\n"
        "train (4 steps)   2 up to date, 2 never ran   Train the {size} model of {lang}\n"
        "evaluate          never ran\n"
        "\n`proj run NAME` runs one. `proj --help` shows all subcommands.\n"
    )
    sweep.proj("run", "all")
    assert "train (4 steps)   up to date " in sweep.proj().out


def test_help_shows_the_matrix_and_its_steps(sweep: ProjectDir) -> None:
    assert sweep.proj("run", "train", "--help").out == (
        "Train the {size} model of {lang}\nlang: de, en\nsize: sm, lg\n4 steps: " + ", ".join(STEPS) + "\n"
    )
    assert sweep.proj("run", "train@de-lg", "--help").out == (
        "Train the lg model of de\ndeps: train.sh, corpus/de.txt\noutputs: models/de-lg\n"
    )
    assert sweep.proj("run", "*-lg", "--help").out == (
        "1. train@de-lg: Train the lg model of de\n2. train@en-lg: Train the lg model of en\n"
    )


def test_a_document_describes_the_matrix(sweep: ProjectDir) -> None:
    text = sweep.proj("document").out
    assert "| `train` | Train the {size} model of {lang}<br>lang: de, en<br>size: sm, lg |\n" in text
    assert '  s0["train (4 steps)"]\n' in text


def test_each_step_is_a_stage_of_dvc(sweep: ProjectDir) -> None:
    assert sweep.proj("dvc", "all").err.startswith("wrote dvc.yaml: 5 stages\n")
    text = sweep.read("dvc.yaml")
    assert "  train-de-sm:\n    cmd: proj run train@de-sm --only\n" in text
    assert "- models/en-lg\n" in text.partition("  evaluate:")[2]


def test_python_sees_steps_and_their_matrix(sweep: ProjectDir) -> None:
    from weaselish import Project

    project = Project.load(sweep.path)
    assert project.commands == (*STEPS, "evaluate")
    assert project.workflows == {"all": (*STEPS, "evaluate"), "german": tuple(STEPS[:2])}
    assert project.model.matrices["train"].steps == tuple(STEPS)
    matrix = project.model.commands["train@en-sm"].matrix
    assert matrix is not None and dict(matrix.values) == {"lang": "en", "size": "sm"}
    assert project.run("train@en-*").exit_code == 0
    assert [step.status.value for step in project.status("train")] == ["never ran"] * 2 + ["up to date"] * 2


def test_a_compiled_project_holds_its_matrices(sweep: ProjectDir) -> None:
    from weaselish.load import load_project

    sweep.proj("run", "train@de-sm")
    kept = load_project(sweep.path)
    shutil.rmtree(sweep.path / ".proj" / "cache")
    assert kept == load_project(sweep.path) and kept.matrices


def test_a_missing_dep_names_the_matrix_that_produces_it(sweep: ProjectDir) -> None:
    assert "produced by `proj run train`, or download it" in sweep.proj("run", "evaluate", "--only", "--dry").out or (
        "produced by `proj run train`, or download it" in sweep.proj("run", "evaluate", "--only").err
    )


def test_warnings_about_a_matrix_are_shown_once(sweep: ProjectDir) -> None:
    sweep.project(SWEEP.replace("deps: [train.sh, ", "deps: ["))
    assert sweep.proj("validate").err.count("warning:") == 1
