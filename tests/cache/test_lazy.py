"""Outputs that stay in the cache until a step reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import ProjectDir, wait_until

from .samples import CHAIN, colleague, object_of, ran, results, run, write_chain


def test_a_clone_fetches_only_what_was_named(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    assert run(other, "evaluate") == {"prep": "available", "train": "available", "evaluate": "restored"}
    assert other.exists("report") and not other.exists("model") and not other.exists("data")
    assert run(other, "evaluate") == {"prep": "available", "train": "available", "evaluate": "up to date"}
    assert ran(other) == []


def test_a_step_that_must_run_fetches_what_it_reads_and_no_more(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    other.project(other.read("project.yml").replace("evaluate model", "final model"))
    assert run(other, "evaluate") == {"prep": "available", "train": "restored", "evaluate": "ran"}
    assert other.exists("model") and not other.exists("data")


def test_a_chain_of_changes_fetches_the_first_input(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    assert run(other, "evaluate", "--vars.size", "9") == {"prep": "restored", "train": "ran", "evaluate": "ran"}
    assert ran(other) == ["train", "evaluate"]


def test_two_steps_in_parallel_fetch_their_common_input_once(chain: ProjectDir) -> None:
    readers = "".join(
        f"  - {{name: r{n}, script: ['sh step.sh r data o{n} ${{vars.size}}'], deps: [data], outputs: [o{n}]}}\n"
        for n in range(4)
    )
    write_chain(
        chain,
        CHAIN.replace("workflows:", f"{readers}workflows:").replace("[prep, train,", "[prep, r0, r1, r2, r3, train,"),
    )
    run(chain, "all", "-j4")
    other = colleague(chain)
    done = other.proj("run", "r0", "r1", "r2", "r3", "-j4", "--vars.size", "7", "--json")
    assert done.code == 0, done.err
    assert results(done) == {
        "prep": "restored",
        **{f"r{n}": "ran" for n in range(4)},
    }
    assert done.err.count("restored prep") == 1, done.err


def test_a_private_asset_that_is_missing_counts_with_the_digest_in_the_lock(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    other.remove("corpus")
    assert run(other, "evaluate")["evaluate"] == "restored"
    assert "`corpus` is missing; `prep` need not run, by what was recorded" in other.proj("run", "evaluate").err
    done = other.proj("run", "prep", "--force")
    assert done.code == 1
    assert "`prep` needs `corpus`, which does not exist" in done.err
    assert ran(other) == []


def test_a_missing_asset_without_a_record_stops_the_run_before_it_starts(chain: ProjectDir) -> None:
    chain.remove("corpus")
    done = chain.proj("run", "all")
    assert (done.code, ran(chain)) == (1, [])
    assert "`prep` needs `corpus`" in done.err


def test_an_output_that_the_cache_lost_is_computed_again(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    other = colleague(chain)
    broken = object_of(cache, "model")
    broken.write_bytes(b"x" * broken.stat().st_size)  # the size is right, so the loss shows only when it is read
    other.project(other.read("project.yml").replace("evaluate model", "final model"))
    assert run(other, "evaluate") == {"prep": "restored", "train": "ran", "evaluate": "ran"}
    assert other.read("report") == "words\nprep \ntrain 1\nfinal \n"


def test_a_failure_of_such_a_step_stops_the_step_that_needs_it(chain: ProjectDir, cache: Path) -> None:
    text = CHAIN.replace("sh step.sh train data model ${vars.size}", "sh train.sh")
    chain.write("train.sh", "cat data > model")
    write_chain(chain, text)
    run(chain, "all")
    other = colleague(chain)
    other.write("train.sh", "exit 7")
    broken = object_of(cache, "model")
    broken.write_bytes(b"x" * broken.stat().st_size)
    other.project(other.read("project.yml").replace("evaluate model", "final model"))
    done = other.proj("run", "evaluate", "--json")
    assert results(done) == {"prep": "restored", "train": "failed", "evaluate": "blocked"}
    assert done.code == 7


@pytest.mark.parametrize("dep", ["data", "./data"])
def test_a_step_that_reads_its_own_lost_output_runs(chain: ProjectDir, cache: Path, dep: str) -> None:
    write_chain(chain, CHAIN.replace("deps: [corpus, step.sh]", f"deps: [corpus, step.sh, '{dep}']"))
    run(chain, "all")
    run(chain, "all")  # now it has read its own output
    other = colleague(chain)
    for broken in cache.glob("data/*/*"):
        broken.write_bytes(b"x" * broken.stat().st_size)
    other.project(other.read("project.yml").replace("train data", "learn data"))
    assert run(other, "train") == {"prep": "ran", "train": "ran"}


def test_a_step_that_waited_for_another_process_is_checked_again(chain: ProjectDir) -> None:
    chain.write_wait()
    chain.write("step.sh", "echo a >> ran.txt; cat corpus > data; test ! -e gate || sh wait.sh a")
    chain.project("cache: local\ncommands: [{name: a, script: [sh step.sh], deps: [corpus, data], outputs: [data]}]")
    run(chain, "a")
    chain.write("corpus", "other words\n")
    chain.write("gate")
    chain.remove("data")
    first = chain.start("run", "a")
    chain.wait_for("a")
    chain.remove("data")
    second = chain.start("run", "a")
    wait_until(lambda: "a: waiting for `a` of process" in second.err)
    chain.write("data", "other words\n")
    chain.let_go("a")
    assert (first.wait().code, second.wait().code) == (0, 0), second.err
    assert "all up to date" in second.err
    assert ran(chain) == ["a", "a"]


@pytest.mark.parametrize(
    ("producer", "dep"),
    [("outputs: [data]", "parts/*"), ("outputs: [data]", "parts"), ("outputs: [parts]", "parts/data")],
)
def test_an_output_around_inside_or_matched_by_a_dep_is_fetched_first(
    chain: ProjectDir, producer: str, dep: str
) -> None:
    output = producer.replace("data", "parts/data") if "data" in producer else producer
    chain.write("prep.sh", "echo prep >> ran.txt; mkdir -p parts; cat corpus > parts/data")
    chain.write("train.sh", "echo train >> ran.txt; cat parts/data > model")
    chain.project(
        f"""\
        cache: local
        commands:
          - {{name: prep, script: [sh prep.sh], deps: [corpus, prep.sh], {output}}}
          - {{name: train, script: [sh train.sh], deps: ['{dep}', train.sh], outputs: [model]}}
        """
    )
    run(chain, "train")
    other = colleague(chain)
    for file in ("prep.sh", "train.sh"):
        other.write(file, chain.read(file))
    assert run(other, "train") == {"prep": "restored", "train": "restored"}
    assert ran(other) == []
    assert run(other, "train") == {"prep": "up to date", "train": "up to date"}


def test_the_cache_is_not_asked_if_everything_is_up_to_date(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    cache.rename(cache.parent / "gone")
    cache.write_text("a file")
    done = chain.proj("run", "all")
    assert (done.code, "warning" in done.err) == (0, False)


# -- status and dry run -----------------------------------------------------------------------------------------------


def test_the_status_counts_what_the_cache_holds_and_fetches_nothing(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    before = other.files()
    done = other.proj("status", "--cache", "--check")
    assert done.code == 0
    assert done.out.count("up to date") == 3
    assert other.proj("status", "--check").code == 1
    assert other.files() == before


def test_the_status_of_a_project_without_cache_says_so(chain: ProjectDir) -> None:
    write_chain(chain, CHAIN.replace("cache: local\n", ""))
    done = chain.proj("status", "--cache")
    assert done.code == 2
    assert "no run cache" in done.err


def test_a_dry_run_prices_each_step_and_changes_nothing(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    other = colleague(chain)
    before = other.files()
    done = other.proj("run", "evaluate", "--dry")
    assert "train: its outputs are in the cache, and no step needs them" in done.out
    assert "Would restore: " in done.out
    assert "Would run" not in done.out
    assert other.files() == before
    chain.write("corpus", "other words\n")
    done = chain.proj("run", "all", "--dry")
    assert "prep: dep changed: corpus\n" in done.out
    prices = {step["step"]: step["seconds"] for step in chain.proj("run", "all", "--dry", "--json").json}
    assert all(prices.values())


def test_a_dry_run_says_how_long_a_step_took(chain: ProjectDir) -> None:
    run(chain, "all")
    for journal in (chain.path / ".proj/runs").rglob("*.jsonl"):
        journal.write_text(re.sub('"seconds": ?[0-9.]+', '"seconds": 2460.0', journal.read_text()))
    chain.write("corpus", "other words\n")
    done = chain.proj("run", "all", "--dry")
    assert "prep: dep changed: corpus (≈ 41 min 00 s last time)" in done.out
    assert "upstream will run: prep (≈ 41 min 00 s last time, if it runs)" in done.out


# -- clean ------------------------------------------------------------------------------------------------------------


def test_clean_removes_what_the_cache_holds(chain: ProjectDir) -> None:
    run(chain, "all")
    done = chain.proj("clean")
    assert done.code == 0, done.err
    assert not any(chain.exists(output) for output in ("data", "model", "report"))
    assert run(chain, "evaluate") == {"prep": "available", "train": "available", "evaluate": "restored"}


LINKED = """\
cache: local
commands:
  - {name: plant, script: [rm -rf tree, sh plant.sh], deps: [plant.sh], outputs: [tree]}
  - {name: use, script: [sh step.sh use tree/a used], deps: [tree], outputs: [used]}
"""


def linked(project: ProjectDir) -> None:
    project.write("plant.sh", "mkdir tree; echo a > tree/a; ln -s a tree/link")
    project.project(LINKED)
    run(project, "plant", "use")


def test_a_directory_with_links_is_left_in_the_cache_like_any_other(chain: ProjectDir) -> None:
    linked(chain)
    other = colleague(chain)
    other.write("plant.sh", chain.read("plant.sh"))
    forecast = {step["step"]: step["action"] for step in other.proj("run", "use", "--dry", "--json").json}
    assert forecast == {"plant": "leave in the cache", "use": "restore"}
    assert other.proj("status", "--cache", "--check").code == 0
    assert run(other, "use") == {"plant": "available", "use": "restored"}
    assert not other.exists("tree")


def test_names_that_projignore_leaves_out_make_it_fetch_a_directory_with_links(chain: ProjectDir) -> None:
    linked(chain)
    other = colleague(chain)
    other.write("plant.sh", chain.read("plant.sh"))
    other.write(".projignore", "nothing\n")
    assert run(other, "use") == {"plant": "restored", "use": "restored"}
    assert ran(other) == []


def test_a_step_that_is_up_to_date_once_its_deps_are_fetched_does_not_run(chain: ProjectDir) -> None:
    """As a dep, a directory with links has another digest than as an output. With .projignore, no record tells it."""
    chain.write(".projignore", "nothing\n")
    chain.write("plant.sh", "mkdir tree; echo a > tree/a; ln -s a tree/link")
    chain.project(
        """\
        cache: local
        commands:
          - {name: plant, script: [rm -rf tree, sh plant.sh], deps: [plant.sh], outputs: [tree]}
          - {name: use, script: [sh step.sh use tree/a used], deps: [tree], outputs: [used], cache: false}
        """
    )
    run(chain, "plant", "use")
    for name in ("a", "link"):
        chain.remove(f"tree/{name}")
    (chain.path / "tree").rmdir()
    ran(chain)
    assert run(chain, "use") == {"plant": "restored", "use": "up to date"}
    assert ran(chain) == []
