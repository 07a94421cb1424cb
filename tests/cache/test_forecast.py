"""A dry run is right about what the run then does, whatever was changed, deleted and restored before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from harness import ProjectDir

from .samples import colleague, ran, run, write_chain

DIAMOND = """\
vars: {a: 1, b: 1}
cache: local
commands:
  - {name: left, script: ['sh step.sh left corpus l ${vars.a}'], deps: [corpus, step.sh], outputs: [l]}
  - {name: right, script: ['sh step.sh right corpus r ${vars.b}'], deps: [corpus, step.sh], outputs: [r]}
  - {name: join, script: ['sh step.sh join l j', sh step.sh join2 r j2], deps: [l, r, step.sh], outputs: [j, j2]}
  - {name: end, script: ['sh step.sh end j e'], deps: [j, step.sh], outputs: [e]}
workflows: {all: [left, right, join, end]}
"""
RESULTS = {
    "nothing": {"up to date"},
    "leave in the cache": {"available"},
    "restore": {"restored"},
    "run": {"ran"},
    "unknown": {"up to date", "restored", "ran", "available"},
}


@pytest.mark.parametrize("seed", range(12))
def test_a_run_does_what_the_dry_run_says(chain: ProjectDir, seed: int) -> None:
    write_chain(chain, DIAMOND)
    choose = random.Random(seed)
    run(chain, "all")
    projects = [chain, colleague(chain)]
    for _ in range(12):
        project = choose.choice(projects)
        edit(project, choose)
        targets = choose.choice((["all"], ["end"], ["join"], ["left", "right"]))
        words = [*targets, "--vars.a", choose.choice("12"), "--vars.b", choose.choice("12")]
        forecast = {step["step"]: step["action"] for step in project.proj("run", *words, "--dry", "--json").json}
        ran(project)
        results = run(project, *words)
        scripts = set(ran(project))
        for step, action in forecast.items():
            assert results[step] in RESULTS[action], (words, forecast, results)
            assert (step in scripts) == (results[step] == "ran")
        check_content(project, words)


def edit(project: ProjectDir, choose: random.Random) -> None:
    """Change something that a user or git changes."""
    match choose.randrange(5):
        case 0:
            (project.path / choose.choice(["l", "r", "j", "j2", "e"])).unlink(missing_ok=True)
        case 1:
            for name in ("l", "r", "j", "j2", "e"):
                (project.path / name).unlink(missing_ok=True)
        case 2:
            project.write("corpus", choose.choice(["words\n", "other words\n"]))
        case 3:
            project.write(choose.choice(["l", "j", "e"]), "edited by hand\n")
        case _:
            pass


def check_content(project: ProjectDir, words: list[str]) -> None:
    """Compare the outputs that exist and are up to date with what the scripts would have written."""
    corpus, a, b = project.read("corpus"), words[words.index("--vars.a") + 1], words[words.index("--vars.b") + 1]
    left, right = f"{corpus}left {a}\n", f"{corpus}right {b}\n"
    expected = {"l": left, "r": right, "j": f"{left}join \n", "j2": f"{right}join2 \n", "e": f"{left}join \nend \n"}
    steps = {"left": ["l"], "right": ["r"], "join": ["j", "j2"], "end": ["e"]}
    for step in project.proj("status", *words[words.index("--vars.a") :], "--json").json:
        if step["state"] == "up to date":
            for output in steps[step["step"]]:
                assert project.read(output) == expected[output]


def test_a_restore_is_preferred_only_if_it_is_quicker_under_the_policy_cheapest(chain: ProjectDir, cache: Path) -> None:
    write_chain(chain, DIAMOND.replace("cache: local", "cache: {remote: local, policy: cheapest}"))
    run(chain, "left")
    rates = chain.path / ".proj/cache/rates.json"
    (chain.path / "l").unlink()
    assert run(chain, "left") == {"left": "restored"}  # nothing is known of the rate yet
    assert rates.exists()
    slow = rates.read_text().replace('"latency": 0', '"latency": 900')
    rates.write_text(slow)
    (chain.path / "l").unlink()
    assert run(chain, "left") == {"left": "ran"}
