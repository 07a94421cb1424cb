"""The documents of jobs that run elsewhere, and their URLs: docs/formats.md §9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from weaselish.engine.exec import document as documents
from weaselish.engine.exec import result as results
from weaselish.engine.exec.document import BadDocument, document_of
from weaselish.engine.exec.names import from_job_url, job_url
from weaselish.errors import UsageError
from weaselish.model.project import Command, Remote
from weaselish.plan.fingerprint import fingerprint

VECTOR: Any = json.loads(Path(__file__).parent.parent.joinpath("vectors", "jobs.json").read_text("utf-8"))


def test_a_document_is_read_and_written_as_the_vector_says() -> None:
    document = documents.decode(json.dumps(VECTOR["document"]).encode())
    assert json.loads(documents.encode(document)) == VECTOR["document"]
    assert document.command.limits.memory == 8 << 30


def test_a_document_with_roles_is_read_and_written_as_the_vector_says() -> None:
    document = documents.decode(json.dumps(VECTOR["document with roles"]).encode())
    assert json.loads(documents.encode(document)) == VECTOR["document with roles"]
    ps, worker = document.command.roles
    assert (ps.keep_alive, worker.replicas, worker.limits.memory) == (True, 2, 1 << 30)


def test_a_result_is_read_and_written_as_the_vector_says() -> None:
    result = results.decode(json.dumps(VECTOR["result"]).encode())
    assert result is not None
    outcome = result.outcome._replace(executor="local")
    assert json.loads(results.encode(outcome, None, result.kept)) == VECTOR["result"]
    part = results.decode(json.dumps(VECTOR["result of a replica"]).encode())
    assert part is not None
    assert part.outcome.replica == "worker.1"
    outcome = part.outcome._replace(executor="local")
    assert json.loads(results.encode(outcome, None, part.kept)) == VECTOR["result of a replica"]


def test_a_url_holds_the_settings_of_the_remote() -> None:
    remote = Remote(**VECTOR["remote"])
    assert job_url(remote, Path("/nowhere"), VECTOR["job"]) == VECTOR["url"]
    assert from_job_url(VECTOR["url"]) == (remote, VECTOR["job"])
    assert job_url(Remote("default", "../remote"), Path("/a/b"), "j") == "/a/remote/.proj/jobs/j.json"


@pytest.mark.parametrize(
    "url", ["", "s3://bucket/job.json", "/x/.proj/jobs/a/b.json", "/x/.proj/jobs/a.json?color=red"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        from_job_url(url)


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"key": "0" * 32}, {"deps": [{"path": 1}]}, {"run": "1"}, {"script": "echo"}]
)
def test_a_document_that_breaks_a_rule_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadDocument):
        documents.decode(json.dumps({**VECTOR["document"], **change}).encode())


def test_no_value_of_a_secret_or_of_the_environment_is_in_a_document() -> None:
    env = (("API_KEY", "in project.yml"), ("TOKEN", "${env.token}"), ("EPOCHS", "9"))
    command = Command("train", script=("echo ${env.user}",), env=env)
    values = {"token": "sesame", "user": "ada"}
    now = fingerprint(command, values.get, lambda dep: ())
    document = document_of(command, now, {"token": "MY_TOKEN"}, objects={}, run=1)
    text = documents.encode(document).decode()
    assert not [value for value in (*values.values(), "in project.yml") if value in text]
    assert dict(document.variables).keys() == {"MY_TOKEN", "user", "API_KEY"}
    assert documents.decode(text.encode()).key == now.key
