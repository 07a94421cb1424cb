"""What released versions left on disk, read by the current code.

`samples/write.py` wrote it. `answers/` holds what the released version itself answered.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

SAMPLES = Path(__file__).parent / "samples"
VERSIONS = sorted(path.name for path in SAMPLES.iterdir() if path.name.startswith("v"))
PROJECTS = ("plain", "pulled", "weasel", "blake3")


class Sample(ProjectDir):
    def __init__(self, version: str, name: str, scratch: Path) -> None:
        shutil.copytree(SAMPLES / version, scratch / version, symlinks=True)
        super().__init__(scratch / version / name, scratch / "scratch")
        self.environ["SAMPLE_LEVEL"] = "3"
        self._answers = SAMPLES / version / name / "answers"

    def then(self, name: str) -> list[dict[str, Any]]:
        """Return what the version that wrote the sample answered."""
        answer: list[dict[str, Any]] = json.loads((self._answers / f"{name}.json").read_text())
        return answer


@pytest.fixture(params=[(version, name) for version in VERSIONS for name in PROJECTS], ids=lambda pair: "-".join(pair))
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Sample:
    version, name = request.param
    return Sample(version, name, tmp_path)


def test_every_step_has_the_same_key_record_and_state(sample: Sample) -> None:
    wanted = [_identity(step) for step in sample.then("status")]
    for has_cache in (True, False):
        if not has_cache:
            shutil.rmtree(sample.path / ".proj/cache")
        assert [_identity(step) for step in sample.proj("status", "--json").json] == wanted


def _identity(step: dict[str, Any]) -> tuple[str, str, int | None, bool]:
    return step["step"], step["key"], step["run"], step["state"] == "up to date"


def test_push_finds_everything_on_the_remote(sample: Sample) -> None:
    there = [one["command"] for one in sample.then("push") if one["already_there"]]
    assert there
    done = sample.proj("push", "--json")
    assert done.code == 0
    assert [one["command"] for one in done.json if one["already_there"]] == there
    assert not any(one["stored"] for one in done.json)
    verified = sample.proj("push", "--verify", "--json")
    assert [one["command"] for one in verified.json if one["already_there"]] == there
    assert not any(one["stored"] for one in verified.json)


def test_pull_restores_and_verifies_what_was_pushed(sample: Sample) -> None:
    before = {step["step"] for step in sample.then("status") if step["state"] == "up to date"}
    there = [one["command"] for one in sample.then("push") if one["already_there"]]
    for name in ("corpus", ".proj"):
        shutil.rmtree(sample.path / name)
    for name in ("model.bin", "blake3.bin", "reports/scores.txt", "failed.txt", "weights.bin"):
        (sample.path / name).unlink(missing_ok=True)
    done = sample.proj("pull", "--json")
    assert [one["command"] for one in done.json if one["restored"]] == there
    after = {step["step"] for step in sample.proj("status", "--json").json if step["state"] == "up to date"}
    assert after >= before & set(there)


def test_log_lists_every_run(sample: Sample) -> None:
    wanted = [{**run, "log": run["log"] and run["log"].replace("ROOT", str(sample.path))} for run in sample.then("log")]
    listed = [
        {name: value for name, value in run.items() if name != "message"}
        for run in sample.proj("log", "-n", "1000", "--json").json
    ]
    assert [run for run in listed if run["result"] != "pulled"] == [run for run in wanted if run["result"] != "pulled"]
    assert pulled_commands(listed) == pulled_commands(wanted)  # 0.1.0 listed a pull and the run that it restored
    assert sample.proj("log", "-n", "1000", "--verbose").code == 0


def pulled_commands(runs: list[dict[str, Any]]) -> set[str]:
    return {run["command"] for run in runs if run["result"] == "pulled"}


def test_a_run_does_nothing_for_what_was_up_to_date(sample: Sample) -> None:
    before = [step["step"] for step in sample.then("status") if step["state"] == "up to date"]
    done = sample.proj("run", *before, "--json")
    assert done.code == 0
    assert {step["result"] for step in done.json["steps"]} == {"up to date"}
