"""The JSON of `/api/v1`: its description holds, for valid and invalid requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serve import samples
from serve.dashboard import Dashboard
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Settings

pytestmark = pytest.mark.servers
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    root = tmp_path_factory.mktemp("api")
    samples.measured(root / "measured", root / "scratch")
    samples.hostile(root / "hostile", root / "scratch")
    dashboard = Dashboard(
        Settings(root / "data", allow_run=True), projects=Projects.of([root / "measured", root / "hostile"])
    )
    yield dashboard
    dashboard.app.state.sources.close()


def test_the_description_holds_for_generated_requests(dashboard: Dashboard) -> None:
    visitor = dashboard.entered()
    headers = {
        "host": "localhost",
        "cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items()),
        "x-form-token": visitor.get("/api/v1/visitor").json()["form_token"],
    }
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", dashboard.app, headers=headers).include(
        tag=["reading", "actions", "visitor"]
    )
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 25
    for operation in operations:
        _try_requests(operation, headers)


@pytest.mark.parametrize(
    "path",
    ["runs/{}", "runs/{}/log", "compare?run={}", "runs?before={}", "actions/{}"],
)
def test_a_number_that_no_database_holds_is_refused_by_pages(dashboard: Dashboard, path: str) -> None:
    visitor = dashboard.entered()
    for number in (1 << 61, 1 << 80, -1):
        assert visitor.get(f"/p/measured/{path.format(number)}").status_code == 422, number


def _try_requests(operation: schemathesis.APIOperation[Any, Any, Any, Any], headers: dict[str, str]) -> None:
    """Send generated requests to one operation, most of them about a project that exists."""

    @settings(
        max_examples=8, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(), is_known=st.integers(0, 3).map(bool))
    def check(case: schemathesis.Case[Any], is_known: bool) -> None:
        starts = operation.path.endswith(("/push", "/pull"))  # an empty request is enough
        if is_known and "project" in case.path_parameters and not starts:
            case.path_parameters["project"] = "measured"
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()
