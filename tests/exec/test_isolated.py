"""Steps that run in an empty directory, through a remote: what travels, what comes back, and what is refused."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from harness import ProjectDir, is_alive, wait_until
from remotes.test_servers import Counting, counted  # noqa: F401 - a fixture

from .samples import below, results, run, write_chain


@pytest.fixture
def chain(project: ProjectDir, remote: Path) -> ProjectDir:
    write_chain(project, remote)
    return project


def outputs(project: ProjectDir) -> dict[str, bytes | None]:
    return {path: data for path, data in project.files().items() if path.startswith(("corpus", "model", "notes"))}


def test_the_results_are_those_of_a_local_run_and_each_is_a_hit_for_the_other(chain: ProjectDir, remote: Path) -> None:
    assert run(chain, "all", "--executor", "away") == {"prep": "ran", "train": "ran"}
    away, lock = outputs(chain), chain.lock()
    assert away["corpus/link"] == b"-> deep/text"
    assert away["notes"] == b"prepared"
    for words in (["all"], ["all", "--executor", "isolated"]):
        assert run(chain, *words) == {"prep": "up to date", "train": "up to date"}
    assert run(chain, "all", "-F") == {"prep": "ran", "train": "ran"}
    assert outputs(chain) == away
    for name in ("prep", "train"):
        assert chain.lock()[name] == lock[name]
    shown = chain.proj("log", "train", "--json").json
    assert below(remote, ".proj/jobs") == []
    assert [past["executor"] for past in shown if past.get("executor")].count("away") <= 1


def test_a_pull_elsewhere_finds_what_was_computed_away(chain: ProjectDir, remote: Path) -> None:
    run(chain, "all", "--executor", "away")
    other = chain.beside("colleague")
    write_chain(other, remote)
    assert other.proj("pull", "team").code == 0
    assert run(other, "train") == {"prep": "up to date", "train": "up to date"}
    record = json.loads(next((remote / ".proj/runs").glob("*/*.json")).read_text())
    assert record["executor"] == "away"


def test_inputs_that_the_remote_has_are_not_sent_again(
    chain: ProjectDir,
    counted: list[Counting],  # noqa: F811
) -> None:
    run(chain, "all", "--executor", "away")
    sent = [call for store in counted for call in store.calls if call.startswith("put .proj/inputs")]
    assert len(sent) == len(set(sent)) == 3  # `corpus` is there as an output, although it holds a link
    counted.clear()
    chain.write("train.py", chain.read("train.py") + "# changed\n")
    assert run(chain, "all", "--executor", "away") == {"prep": "up to date", "train": "ran"}
    calls = [call for store in counted for call in store.calls]
    assert len([call for call in calls if call.startswith("put .proj/inputs")]) == 1
    assert len([call for call in calls if call.startswith("head")]) <= 8


def test_the_output_of_a_step_travels_once(project: ProjectDir, remote: Path) -> None:
    write_chain(project, remote)
    project.write("prep.py", "open('corpus', 'w').write('x'); open('notes', 'w')\n")
    project.write(
        "train.py", "import os; os.mkdir('model'); open('model/scores.json', 'w').write(open('corpus').read() and '{}')"
    )
    run(project, "all", "--executor", "away")
    assert len(below(remote, ".proj/inputs")) == 3  # two scripts and `raw`


def test_a_file_that_is_not_declared_is_missing_and_the_message_says_so(chain: ProjectDir) -> None:
    chain.write("settings.json", "{}")
    chain.write("train.py", "open('settings.json')\n")
    done = chain.proj("run", "train", "--executor", "isolated")
    assert done.code == 1
    assert "only declared deps exist on `isolated`: list `settings.json` under `deps`" in done.err
    assert "FileNotFoundError" in done.out
    assert run(chain, "prep") == {"prep": "up to date"}


def test_a_module_beside_the_script_is_named_too(project: ProjectDir) -> None:
    project.write("scripts/own.py", "X = 1\n")
    project.write("scripts/train.py", "import own\n")
    project.project("commands: [{name: a, script: [python scripts/train.py], deps: [scripts/train.py]}]")
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code == 1
    assert "hint: only declared deps exist on `isolated`: list `scripts/own.py` under `deps`\n" in done.err


def test_a_file_of_the_user_in_an_output_directory_is_not_replaced(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: ['mkdir -p out; echo 1 > out/x'], outputs: [out]}]")
    project.write("out/notes.md", "mine")
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code == 1
    assert "cannot be fetched: `out/notes.md` exists only locally\n" in done.err
    assert "  hint: move it out of `out`, which is replaced as a whole\n" in done.err
    assert project.read("out/notes.md") == "mine"
    project.remove("out/notes.md")
    assert project.proj("run", "a", "--executor", "isolated").code == 0
    assert project.read("out/x") == "1\n"


def test_output_and_exit_code_are_those_of_the_script(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['sh -c \"echo hello; exit 7\"', 'echo never']}]")
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code == 7
    assert "`a`, line 1 failed with exit code 7" in done.err
    assert "hello\n" in done.out
    assert "proj exec" not in done.out + done.err
    [log] = (project.path / ".proj/logs").iterdir()
    assert log.read_text().endswith("hello\n")


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("{name: a, script: [no-such-program]}", 127, "`a`: `no-such-program` was not found on PATH"),
        ("{name: a, script: [sleep 60], timeout: 300ms}", 124, "`a` was ended after its timeout"),
        ("{name: a, script: ['true'], outputs: [never]}", 1, "did not produce its output `never`"),
    ],
)
def test_a_step_fails_there_as_it_does_here(project: ProjectDir, command: str, code: int, message: str) -> None:
    project.project(f"commands: [{command}]")
    done = project.proj("run", "a", "--executor", "isolated")
    assert done.code == code
    assert message in done.err
    assert below(project.path / ".proj/isolated", ".proj") == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("{name: a, script: ['true'], deps: [../outside]}", "`../outside`, which is outside the project"),
        ("{name: a, script: ['true'], interactive: true}", "is interactive"),
        ("{name: a, script: ['true'], image: busybox}", "needs an image"),
        (
            "{name: a, deps: [x], outputs: [x/y], roles: {worker: {script: ['true']}}}",
            "has roles and reads `x`, which it also",
        ),
    ],
)
def test_what_cannot_run_there_is_refused_at_once(project: ProjectDir, command: str, message: str) -> None:
    project.write("../outside")
    project.project(f"commands: [{command}]")
    done = project.proj("run", "a", "--executor", "isolated")
    assert (done.code, message in done.err) == (1, True), done.err


def test_secrets_travel_in_the_environment_only(project: ProjectDir, remote: Path) -> None:
    project.project(f"""\
        remotes: {{team: {remote}}}
        executors: {{default: away, away: {{type: directory, remote: team}}}}
        env: {{token: MY_TOKEN}}
        commands:
          - name: a
            script:
              - cp -r {remote}/.proj/jobs saved
              - sh -c "echo $OWN $API_KEY ${{env.token}} > out"
              - echo ${{env.token}}
            env: {{OWN: "${{env.token}}", API_KEY: literal-secret}}
            outputs: [out, saved]
        """)
    done = project.proj("run", "a", env={"MY_TOKEN": "sesame-open"})
    assert done.code == 0, done.err
    assert project.read("out") == "sesame-open literal-secret sesame-open\n"
    assert "sesame" not in done.out + done.err
    [document] = [path.read_text() for path in (project.path / "saved").rglob("*.json")]
    assert "sesame" not in document
    assert "literal-secret" not in document
    job = next((project.path / "saved").glob("*.json"))
    (remote / ".proj/jobs").mkdir(exist_ok=True)
    url = remote / ".proj/jobs" / job.name
    url.write_text(document)
    missing = project.process("exec", str(url))
    assert missing.code == 1
    assert "`a` needs the environment variable `MY_TOKEN`, which is not set here" in missing.err
    other = project.process("exec", str(url), env={"MY_TOKEN": "other", "API_KEY": "literal-secret"})
    assert (other.code, "`MY_TOKEN` has another value here" in other.err) == (1, True)


def test_an_input_that_was_changed_on_the_remote_is_not_used(chain: ProjectDir, remote: Path) -> None:
    run(chain, "prep", "--executor", "away")
    stored = {path.stat().st_size: path for path in (remote / ".proj/inputs").iterdir()}
    small, large = stored[min(stored)], stored[max(stored)]
    large.write_bytes(small.read_bytes())
    done = chain.proj("run", "prep", "-F", "--executor", "away")
    assert done.code == 1
    assert "is not what it should be" in done.err or "cannot be fetched" in done.err


WAITING = """\
    executors: {{away: {{type: directory, remote: team}}}}
    remotes: {{team: {remote}}}
    commands:
      - name: a
        script: ['sh {root}/wait.sh {root}/a', touch out]
        outputs: [out]
    """


@pytest.fixture
def waiting(project: ProjectDir, remote: Path) -> ProjectDir:
    project.project(WAITING.format(root=project.path, remote=remote))
    project.write_wait()
    return project


def test_a_killed_proj_finds_its_job_again_and_nothing_runs_twice(waiting: ProjectDir, remote: Path) -> None:
    first = waiting.start("run", "a", "--executor", "away")
    waiting.wait_for("a")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    waiting.remove("a.running")
    second = waiting.start("run", "a", "--executor", "away", "--json")
    wait_until(lambda: "waits for its job from an earlier run on `away`" in second.err, "the second run to wait")
    waiting.let_go("a")
    done = second.wait()
    assert done.code == 0, done.err
    assert results(done) == {"a": "ran"}
    assert not waiting.exists("a.running")
    assert below(remote, ".proj/jobs") == []
    assert len(below(remote, ".proj/runs")) == 1


def test_ctrl_c_ends_the_script_and_publishes_nothing(waiting: ProjectDir, remote: Path) -> None:
    running = waiting.start("run", "a", "--executor", "away")
    script = waiting.wait_for("a")
    running.signal(signal.SIGINT)
    assert running.wait().code == 130
    assert not is_alive(script)
    assert below(remote, ".proj/runs") == []


def test_a_killed_attempt_publishes_nothing_and_the_next_run_starts_anew(waiting: ProjectDir, remote: Path) -> None:
    running = waiting.start("run", "a", "--executor", "away")
    script = waiting.wait_for("a")
    os.kill(_parent(script), signal.SIGKILL)  # `proj exec`
    done = running.wait()
    assert done.code == 128 + signal.SIGKILL
    assert not is_alive(script)
    assert below(remote, ".proj/runs") == []
    waiting.let_go("a")
    assert run(waiting, "a", "--executor", "away") == {"a": "ran"}


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_named_assets_have_the_same_variables_there_as_here(project: ProjectDir, remote: Path) -> None:
    disk = project.beside("disk")
    disk.write("x", "on the disk")
    words = project.beside("words")
    words.write("models/x", "fetched")
    for git in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=one"]):
        words.git(*git)
    project.project(f"""\
        executors: {{away: {{type: directory, remote: team}}}}
        remotes: {{team: {remote}}}
        assets:
          - {{name: my-words, dest: assets/words, git: {{repo: {words.path}, branch: main, path: models}}}}
          - {{name: disk, dest: disk, path: ../{disk.path.parent.name}/disk}}
        commands:
          - name: show
            shell: true
            script: ["cat $MY_WORDS_DIR/x $DISK_DIR/x > out; realpath --relative-to=. $MY_WORDS_DIR >> out"]
            deps: [assets/words]
            outputs: [out]
        """)
    assert project.proj("assets").code == 0
    for executor in ("local", "away"):
        done = project.proj("run", "show", "--executor", executor, "-F")
        assert done.code == 0, done.err
        assert project.read("out") == "fetchedon the diskassets/words\n"
        project.remove("out")
