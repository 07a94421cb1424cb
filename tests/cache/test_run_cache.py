"""What `proj run` restores from a run cache, and what it stores there."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import ProjectDir, wait_until

from .samples import CHAIN, colleague, object_of, objects_in, ran, records_in, run, write_chain


def test_a_variable_that_is_changed_back_restores_the_earlier_result(chain: ProjectDir) -> None:
    run(chain, "all")
    first = chain.read("report")
    run(chain, "all", "--vars.size", "2")
    second = chain.read("report")
    ran(chain)
    done = chain.proj("run", "all")
    assert ran(chain) == []
    assert chain.read("report") == first != second
    assert "restored train (" in done.err and " from local, saved about " in done.err
    assert "1 up to date, 2 restored" in done.err
    assert chain.proj("status", "--check").code == 0


def test_a_colleague_restores_everything_and_runs_nothing(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    assert run(other, "all") == {"prep": "restored", "train": "restored", "evaluate": "restored"}
    assert ran(other) == []
    assert other.read("report") == chain.read("report")
    assert run(other, "all") == {"prep": "up to date", "train": "up to date", "evaluate": "up to date"}


def test_a_colleague_without_the_lock_file_restores_too(chain: ProjectDir) -> None:
    run(chain, "all")
    other = colleague(chain)
    (other.path / "project.lock").unlink()
    assert set(run(other, "all").values()) == {"restored"}


def test_only_a_deleted_output_comes_back(chain: ProjectDir) -> None:
    run(chain, "all")
    (chain.path / "model").unlink()
    assert run(chain, "all") == {"prep": "up to date", "train": "restored", "evaluate": "up to date"}


def test_an_edited_output_is_restored_as_a_run_would_replace_it(chain: ProjectDir) -> None:
    run(chain, "all")
    model = chain.read("model")
    chain.write("model", "edited by hand\n")
    assert run(chain, "all")["train"] == "restored"
    assert chain.read("model") == model


PLOTS = """\
cache: local
vars: {n: 1}
commands:
  - name: plots
    shell: true
    script: ["mkdir -p reports; rm -f reports/*.txt; echo ${vars.n} > reports/${vars.n}.txt"]
    outputs: [reports]
"""


def test_a_file_of_the_user_in_an_output_directory_is_never_lost(chain: ProjectDir) -> None:
    """A run keeps it, so the step runs in place of being restored."""
    chain.project(PLOTS)
    for n in ("1", "2"):
        run(chain, "plots", "--vars.n", n)
    chain.write("reports/notes.md", "a week of notes\n")
    done = chain.proj("run", "plots")
    assert (
        "warning: `plots` was not restored from the cache: `reports/notes.md` exists only locally\n"
        "  hint: move it out of `reports`, which is replaced as a whole\n"
    ) in done.err
    assert "Running command" in done.out
    assert chain.read("reports/notes.md") == "a week of notes\n"
    assert run(chain, "plots", "--vars.n", "2") == {"plots": "restored"}  # its result is in the cache by now
    assert run(chain, "plots") == {"plots": "restored"}
    assert chain.read("reports/notes.md") == "a week of notes\n"
    other = colleague(chain)
    other.write("reports/own.md", "mine\n")
    run(other, "plots")
    assert other.read("reports/own.md") == "mine\n"


def test_what_another_branch_left_in_a_directory_is_replaced(chain: ProjectDir) -> None:
    """project.lock of this branch does not name that run, but the cache has its result."""
    chain.project(PLOTS)
    run(chain, "plots")
    lock = chain.read("project.lock")
    run(chain, "plots", "--vars.n", "2")
    chain.write("project.lock", lock)
    assert run(chain, "plots") == {"plots": "restored"}
    assert sorted(path.name for path in (chain.path / "reports").iterdir()) == ["1.txt"]


def test_a_directory_is_restored_with_its_links_and_modes(chain: ProjectDir) -> None:
    chain.write("tree.sh", "mkdir -p tree/in; echo a > tree/in/a; chmod 755 tree/in/a; ln -s a tree/in/b; mkdir tree/e")
    chain.project(
        """\
        cache: local
        commands:
          - {name: plant, script: ["rm -rf tree", sh tree.sh], outputs: [tree]}
        """
    )
    run(chain, "plant")
    before = chain.files()
    for path in sorted((chain.path / "tree").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert run(chain, "plant") == {"plant": "restored"}
    outputs = {path: content for path, content in chain.files().items() if path.startswith("tree")}
    assert outputs == {path: content for path, content in before.items() if path.startswith("tree")}
    assert (chain.path / "tree/in/a").stat().st_mode & 0o777 == 0o755


def test_the_log_shows_what_was_restored_and_keeps_the_run(chain: ProjectDir) -> None:
    run(chain, "train")
    run(chain, "train", "--vars.size", "2")
    run(chain, "train")
    results = [(run["command"], run["result"]) for run in chain.proj("log", "train", "--json").json]
    assert results == [("train", "done"), ("train", "done"), ("train", "restored")]


def test_a_deleted_metrics_file_comes_back_by_a_run(chain: ProjectDir) -> None:
    chain.project(SWEEP)
    run(chain, "train")
    chain.remove("metrics/1.json")
    assert run(chain, "train") == {"train@1": "ran", "train@2": "up to date"}
    assert chain.exists("metrics/1.json")
    (chain.path / "m" / "1").unlink()
    assert run(chain, "train")["train@1"] == "restored"


# -- what is never restored -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("no_skip: true", ("-y",)),
        ("confirm: Really?", ("-y",)),
        ("cache: false", ("-y",)),
        ("retries: 0", ("--force",)),
        ("retries: 0", ("--no-cache",)),
        ("retries: 0", ("--cache", "off")),
    ],
)
def test_a_step_runs_if_the_user_wants_a_run(chain: ProjectDir, keys: str, words: tuple[str, ...]) -> None:
    write_chain(chain, CHAIN.replace("outputs: [model]", f"outputs: [model]\n    {keys}"))
    run(chain, "train", "-y")
    (chain.path / "model").unlink()
    ran(chain)
    assert run(chain, "train", *words)["train"] == "ran"
    assert ran(chain)[-1] == "train"


def test_a_command_without_outputs_runs(chain: ProjectDir) -> None:
    chain.project("cache: local\ncommands: [{name: hello, script: [sh step.sh hello corpus out]}]")
    run(chain, "hello")
    assert run(chain, "hello") == {"hello": "ran"}


def test_a_command_with_an_output_outside_is_neither_stored_nor_restored(chain: ProjectDir, cache: Path) -> None:
    chain.project("cache: local\ncommands: [{name: out, script: [sh step.sh o corpus ../out], outputs: [../out]}]")
    run(chain, "out")
    (chain.path / "../out").unlink()
    assert run(chain, "out") == {"out": "ran"}
    assert records_in(cache) == []


def test_other_inputs_are_not_a_hit(chain: ProjectDir) -> None:
    run(chain, "all")
    chain.write("corpus", "other words\n")
    assert set(run(chain, "all").values()) == {"ran"}


def test_a_failed_run_is_not_stored(chain: ProjectDir, cache: Path) -> None:
    chain.write("step.sh", "echo half > $3; exit 3")
    assert chain.proj("run", "prep").code == 3
    assert records_in(cache) == []


def test_a_run_whose_inputs_changed_is_not_stored(chain: ProjectDir, cache: Path) -> None:
    chain.write("step.sh", "cat $2 > $3; echo more >> $2")
    assert chain.proj("run", "prep").code == 1
    assert records_in(cache) == []


# -- outputs_no_cache -------------------------------------------------------------------------------------------------

NO_CACHE = CHAIN.replace("outputs: [model]", "outputs: [model]\n    outputs_no_cache: [train.log]").replace(
    '["sh step.sh train data model ${vars.size}"]',
    '["sh step.sh train data model ${vars.size}", "sh step.sh log corpus train.log ${vars.size}"]',
)


def test_a_path_of_outputs_no_cache_that_an_earlier_run_left_is_removed(chain: ProjectDir) -> None:
    write_chain(chain, NO_CACHE)
    run(chain, "train")
    run(chain, "train", "--vars.size", "2")
    assert run(chain, "train")["train"] == "restored"
    assert not (chain.path / "train.log").exists()
    assert chain.proj("status", "--check").code in (0, 1)
    assert run(chain, "train")["train"] == "up to date"


def test_a_path_of_outputs_no_cache_of_unknown_origin_is_kept_and_the_step_runs(chain: ProjectDir) -> None:
    write_chain(chain, NO_CACHE)
    run(chain, "train")
    run(chain, "train", "--vars.size", "2")
    chain.write("train.log", "my own notes\n")
    done = chain.proj("run", "train")
    assert "`train.log` exists only locally" in done.err
    assert done.code == 0


def test_a_step_runs_if_another_one_needs_what_only_a_run_produces(chain: ProjectDir) -> None:
    write_chain(chain, NO_CACHE.replace("deps: [model, step.sh]", "deps: [model, train.log, step.sh]"))
    run(chain, "all")
    other = colleague(chain)
    assert run(other, "all")["train"] == "ran"


SWEEP = """\
cache: local
commands:
  - name: train
    matrix: {rate: [1, 2]}
    shell: true
    script: ["mkdir -p m metrics; echo x > m/${matrix.rate}; echo '{\\"a\\": 1}' > metrics/${matrix.rate}.json"]
    outputs: ["m/${matrix.rate}"]
    metrics: ["metrics/${matrix.rate}.json"]
  - name: best
    shell: true
    script: ["ls metrics > best"]
    deps: ["metrics/*.json"]
    outputs: [best]
workflows: {all: [train, best]}
"""


def test_a_step_runs_if_a_glob_of_another_one_needs_its_metrics_file(chain: ProjectDir) -> None:
    """A restored step has no metrics file: `best` would silently compare the others."""
    chain.project(SWEEP.replace("[1, 2]", "[1, 2, 3]"))
    run(chain, "all")
    other = colleague(chain)
    other.project(SWEEP)
    assert run(other, "all") == {"train@1": "ran", "train@2": "ran", "best": "ran"}
    other.project(SWEEP.replace("[1, 2]", "[1, 2, 3]"))
    assert other.proj("status", "--json").json[2]["state"] != "up to date"
    assert run(other, "all") == {"train@1": "up to date", "train@2": "up to date", "train@3": "ran", "best": "restored"}
    assert other.read("best") == "1.json\n2.json\n3.json\n"
    (other.path / "metrics" / "2.json").unlink()
    assert run(other, "best")["train@2"] == "ran"
    assert other.read("best") == "1.json\n2.json\n3.json\n"


# -- settings ---------------------------------------------------------------------------------------------------------


def test_no_cache_is_used_unless_something_names_one(chain: ProjectDir, cache: Path) -> None:
    write_chain(chain, CHAIN.replace("cache: local\n", ""))
    run(chain, "all")
    assert not cache.exists()


def test_a_mode_limits_what_is_done_with_the_cache(chain: ProjectDir, cache: Path) -> None:
    write_chain(chain, CHAIN.replace("cache: local", "cache: {remote: local, mode: read}"))
    run(chain, "prep")
    assert records_in(cache) == []
    write_chain(chain, CHAIN.replace("cache: local", "cache: {remote: local, mode: write}"))
    run(chain, "prep", "--force")
    assert len(records_in(cache)) == 1
    (chain.path / "data").unlink()
    assert run(chain, "prep") == {"prep": "ran"}
    write_chain(chain, CHAIN.replace("cache: local", "cache: {remote: local, mode: read}"))
    (chain.path / "data").unlink()
    assert run(chain, "prep") == {"prep": "restored"}


def test_a_read_only_remote_is_only_read(chain: ProjectDir, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    text = CHAIN.replace("cache: local", f"cache: shared\nremotes: {{shared: {{url: {remote}, read_only: true}}}}")
    write_chain(chain, text)
    done = chain.proj("run", "all")
    assert (done.code, "read-only" in done.err) == (0, False)
    assert not remote.exists()


def test_an_option_and_the_environment_name_another_cache(chain: ProjectDir, cache: Path, tmp_path: Path) -> None:
    run(chain, "prep", "--cache", str(tmp_path / "a"))
    assert objects_in(tmp_path / "a", "data") and not cache.exists()
    (chain.path / "data").unlink()
    chain.environ["PROJ_CACHE"] = str(tmp_path / "b")
    assert run(chain, "prep") == {"prep": "ran"}
    assert objects_in(tmp_path / "b", "data")
    chain.environ["PROJ_CACHE"] = "off"
    (chain.path / "data").unlink()
    assert run(chain, "prep") == {"prep": "ran"}


def test_a_push_finds_everything_that_the_cache_stored_there(chain: ProjectDir, tmp_path: Path) -> None:
    write_chain(chain, CHAIN.replace("cache: local", f"cache: default\nremotes: {{default: {tmp_path}/remote}}"))
    run(chain, "all")
    done = chain.proj("push")
    assert done.code == 0
    assert "already" in done.out + done.err
    other = colleague(chain)
    assert other.proj("pull").code == 0
    assert other.read("report") == chain.read("report")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cache: locl", "project.yml:2:8: error: no remote named `locl`"),
        ("cache: {remote: shred}", "project.yml:2:17: error: no remote named `shred`"),
        ("cache: {mode: read}", "project.yml:2:8: error: `cache` needs `remote`"),
        ("cache: {remote: local, mode: reed}", "`mode` must be `read`"),
        ("cache: [local]", "`cache` must be text or a mapping, not a list"),
    ],
)
def test_a_cache_that_is_not_valid_is_an_error(chain: ProjectDir, text: str, message: str) -> None:
    write_chain(chain, CHAIN.replace("cache: local", text))
    done = chain.proj("run", "all")
    assert done.code == 2
    assert message in done.err
    assert ran(chain) == []


def test_options_about_the_cache_exclude_each_other(chain: ProjectDir) -> None:
    assert chain.proj("run", "all", "--cache", "local", "--no-cache").code == 2
    done = chain.proj("run", "all", "--cache", "nowhere")
    assert (done.code, ran(chain)) == (2, [])
    assert "no remote named `nowhere`" in done.err


# -- bad days ---------------------------------------------------------------------------------------------------------


def test_a_broken_object_is_reported_and_replaced_by_the_run(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    broken = object_of(cache, "model")
    content = broken.read_bytes()
    broken.write_bytes(content[:-12] + b"something us")
    other = colleague(chain)
    done = other.proj("run", "all")
    assert done.code == 0
    assert "`train` was not restored from the cache" in done.err
    assert ran(other) == ["train"]
    assert other.read("model") == chain.read("model")
    assert broken.read_bytes() == content
    assert set(run(colleague(chain, "third"), "all").values()) == {"restored"}


def test_a_missing_object_is_stored_again(chain: ProjectDir, cache: Path) -> None:
    run(chain, "all")
    missing = object_of(cache, "model")
    missing.unlink()
    other = colleague(chain)
    assert run(other, "all")["train"] == "ran"
    assert missing.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 1', b"\xff\xfe", b"[" * 10_000])
def test_a_broken_record_counts_as_missing(chain: ProjectDir, cache: Path, content: bytes) -> None:
    run(chain, "prep")
    [record] = records_in(cache)
    record.write_bytes(content)
    (chain.path / "data").unlink()
    (chain.path / "project.lock").unlink()
    assert run(chain, "prep") == {"prep": "ran"}


def test_a_cache_that_cannot_be_reached_costs_one_warning(chain: ProjectDir, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file, not a directory")
    done = chain.proj("run", "all")
    assert done.code == 0
    assert ran(chain) == ["prep", "train", "evaluate"]
    assert done.err.count("warning:") == 1, done.err


def test_an_s3_server_that_is_down_costs_one_warning(chain: ProjectDir) -> None:
    chain.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"}
    remote = "{url: s3://bucket/x, endpoint_url: 'http://127.0.0.1:9', region: here}"
    write_chain(chain, CHAIN.replace("cache: local", f"cache: far\nremotes: {{far: {remote}}}"))
    done = chain.proj("run", "all")
    assert done.code == 0
    assert ran(chain) == ["prep", "train", "evaluate"]
    assert done.err.count("warning:") == 1, done.err


def test_two_processes_that_miss_the_same_key_both_run_and_both_records_are_kept(
    chain: ProjectDir, cache: Path
) -> None:
    other = colleague_before_any_run(chain)
    for project in (chain, other):
        project.write("step.sh", "cat $2 > $3; echo $1 >> $3; touch waits; until [ -e go ]; do sleep 0.02; done")
    first, second = chain.start("run", "prep"), other.start("run", "prep")
    wait_until(lambda: chain.exists("waits") and other.exists("waits"), "both runs")
    chain.write("go")
    other.write("go")
    assert (first.wait().code, second.wait().code) == (0, 0)
    assert len(records_in(cache)) == 2
    assert len(objects_in(cache, "data")) == 1


def colleague_before_any_run(project: ProjectDir) -> ProjectDir:
    project.write("project.lock")
    other = colleague(project)
    for each in (project, other):
        (each.path / "project.lock").unlink()
    return other


def test_the_log_says_that_no_script_ran_for_a_restored_result(chain: ProjectDir) -> None:
    run(chain, "prep")
    chain.remove("data")
    assert run(chain, "prep") == {"prep": "restored"}
    assert chain.proj("log", "-v", "-n", "1", "prep").out.endswith("\nno script ran here\n")
