"""Outputs of jobs elsewhere stay on the remote until a step on this machine, or the user, needs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir

from exec.samples import run, write_chain

CHAIN = """\
    executors: {away: {type: directory, remote: team}}
    remotes: {team: REMOTE}
    cache: team
    commands:
      - {name: prep, executor: away, script: [python prep.py], deps: [prep.py, raw], outputs: [corpus],
         outputs_no_cache: [notes]}
      - {name: train, executor: away, script: [python train.py], deps: [train.py, corpus], outputs: [model],
         metrics: [model/scores.json]}
      - {name: report, script: ["sh -c 'cat corpus/link > report'"], deps: [corpus], outputs: [report]}
    """


@pytest.fixture
def chain(project: ProjectDir, tmp_path: Path) -> ProjectDir:
    write_chain(project, tmp_path / "remote", CHAIN)
    return project


def test_what_no_step_here_reads_is_not_fetched(chain: ProjectDir) -> None:
    assert run(chain, "train") == {"prep": "ran", "train": "ran"}
    assert chain.exists("model")
    assert not chain.exists("corpus")
    assert chain.read("notes") == "prepared"
    assert run(chain, "train") == {"prep": "available", "train": "up to date"}
    status = chain.proj("status", "--cache", "train")
    assert status.code == 0, status.out + status.err
    assert not chain.exists("corpus")


def test_a_step_here_fetches_what_it_reads(chain: ProjectDir) -> None:
    assert run(chain, "report") == {"prep": "restored", "report": "ran"}
    assert chain.read("report") == chain.read("corpus/link")


def test_a_later_run_elsewhere_reads_what_an_earlier_one_left(chain: ProjectDir) -> None:
    run(chain, "train")
    chain.write("train.py", chain.read("train.py") + "# changed\n")
    assert run(chain, "train") == {"prep": "available", "train": "ran"}
    assert not chain.exists("corpus")
    assert run(chain, "prep") == {"prep": "restored"}
    assert chain.exists("corpus")


def test_targets_and_outputs_that_replace_earlier_ones_are_fetched(chain: ProjectDir) -> None:
    assert run(chain, "prep") == {"prep": "ran"}
    before = chain.read("corpus/link")
    chain.write("raw/b", "new words\n")
    assert run(chain, "train") == {"prep": "ran", "train": "ran"}
    assert chain.read("corpus/link") != before


def test_without_a_cache_on_that_remote_all_outputs_are_fetched(chain: ProjectDir) -> None:
    assert run(chain, "train", "--no-cache") == {"prep": "ran", "train": "ran"}
    assert chain.exists("corpus")
