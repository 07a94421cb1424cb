"""Live pages and forms in a real browser: what runs appears by itself; people with the right role start and stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir, is_alive

from serve.conftest import PLAY
from serve.dashboard import PASSWORD, Dashboard, served, with_accounts
from serve.pages.conftest import accessibility_faults
from weaselish.serve.access.roles import Role
from weaselish.serve.projects import Projects
from weaselish.serve.settings import Limits
from weaselish.serve.storage.audit import list_audit

pytestmark = pytest.mark.servers

Enter = Callable[..., Any]
Team = tuple[ProjectDir, Dashboard, str]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A project that a team may run from its dashboard, with an account of each role, and its address."""
    root: Path = tmp_path_factory.mktemp("team")
    project = ProjectDir(root / "play", root / "scratch")
    project.project(PLAY)
    project.write_wait()
    projects = Projects.of([project.path])
    dashboard = with_accounts(root / "data", allow_run=True, limits=Limits(runs=1, time=300), projects=projects)
    for name, role in (("vera", Role.VIEWER), ("ruth", Role.RUNNER), ("ada", Role.ADMIN)):
        dashboard.account(name, role)
    with served(dashboard) as address:
        yield project, dashboard, address


@pytest.fixture
def enter(team: Team, browser: Any) -> Iterator[Enter]:
    """Return a function that logs in with the form and opens a page. At the end, no script may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_page(name: str, path: str, *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(team[2] + path)
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(team[2] + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def prepared(project: ProjectDir, *names: str) -> None:
    """Let the scripts of these names wait again."""
    for name in names:
        for end in ("go", "running"):
            (project.path / f"{name}.{end}").unlink(missing_ok=True)


def test_a_run_of_a_terminal_appears_in_open_pages_with_its_log(team: Team, enter: Enter) -> None:
    project, _, _ = team
    prepared(project, "talk")
    page = enter("vera", "/p/play")
    page.evaluate("window.opened = 'once'")
    running = project.start("run", "talk")
    project.wait_for("talk")
    row = page.locator("[data-part=running] tr", has_text="talk")
    row.wait_for()
    row.locator("a").first.click()
    log = page.locator("pre.log")
    log.get_by_text("red", exact=True).wait_for()
    assert log.locator(".c1").inner_text() == "red"
    page.evaluate("window.opened = 'again'")
    project.let_go("talk")
    log.get_by_text("two", exact=True).wait_for()
    page.locator("[data-part=result]", has_text="done").wait_for()
    assert [log.get_by_text(text, exact=True).count() for text in ("one", "red", "two")] == [1, 1, 1]
    assert page.evaluate("window.opened") == "again"  # nothing was loaded anew
    assert running.wait().code == 0


def test_a_visitor_starts_follows_and_stops_a_run(team: Team, enter: Enter) -> None:
    project, dashboard, address = team
    prepared(project, "talk")
    page = enter("ruth", "/p/play")
    page.get_by_role("link", name="Run …").click()
    page.select_option("#targets", "talk")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/actions/*")
    action = page.url
    script = project.wait_for("talk")
    step = page.locator("[data-part=action] tr", has_text="talk").locator("a").first
    step.wait_for()
    other = page.context.new_page()  # a second run is more than `limits.runs`
    other.goto(f"{address}/p/play/act?step=prep")
    other.get_by_role("button", name="Run", exact=True).click()
    assert "1 of 1 possible run" in other.locator("main").inner_text()
    step.click()
    page.locator("pre.log").get_by_text("one", exact=True).wait_for()
    page.get_by_role("button", name="Stop this step").click()
    page.locator("[data-part=result]", has_text="failed").wait_for()
    assert "stopped on request" in page.locator("[data-part=message]").inner_text()
    assert not is_alive(script)
    page.goto(action)
    page.locator("[data-part=state]", has_text="failed (143)").wait_for()
    prepared(project, "talk")
    page.goto(f"{address}/p/play/act?step=talk")
    page.get_by_role("button", name="Run", exact=True).click()
    script = project.wait_for("talk")
    page.get_by_role("button", name="Stop").click()
    page.locator("[data-part=state]", has_text="ended").wait_for()
    assert not is_alive(script)
    audited = {
        (row.actor, row.action, row.detail.partition(":")[0], row.succeeded) for row in list_audit(dashboard.database)
    }
    assert {("ruth", "run", "play", True), ("ruth", "run", "play", False), ("ruth", "stop", "play", True)} <= audited


def test_a_viewer_sees_no_buttons_and_is_refused(team: Team, enter: Enter) -> None:
    project, _, address = team
    prepared(project, "talk")
    running = project.start("run", "talk")
    project.wait_for("talk")
    page = enter("vera", "/p/play/jobs")
    page.locator("tr", has_text="talk").wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0
    page.locator("tr", has_text="talk").locator("a").last.click()
    page.locator("pre.log").get_by_text("one", exact=True).wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0
    for path in ("/p/play", "/p/play/steps/talk"):
        page.goto(address + path)
        assert page.get_by_role("link", name="Run …").count() == 0
    answer = page.goto(f"{address}/p/play/act")
    assert (answer.status, "needs the role runner" in page.locator("main").inner_text()) == (403, True)
    refused = page.evaluate(
        """async () => {
            const visitor = await (await fetch("/api/v1/visitor")).json();
            const headers = {"x-form-token": visitor.form_token, "content-type": "application/json"};
            const ask = (path, body) => fetch(`/api/v1/projects/play/${path}`, {method: "POST", headers, body});
            return [(await ask("run", '{"targets": ["prep"]}')).status, (await ask("step/stop?name=talk")).status];
        }"""
    )
    assert refused == [403, 403]
    project.let_go("talk")
    assert running.wait().code == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_with_forms_are_accessible_and_fit(team: Team, enter: Enter, browser: Any, width: int) -> None:
    project, _, address = team
    prepared(project, "train")
    (project.path / "model").unlink(missing_ok=True)
    page = enter("ada", "/p/play/act", width=width)
    page.select_option("#targets", "all")
    page.keyboard.press("Tab")
    for summary in page.locator("summary").all():
        summary.focus()
        page.keyboard.press("Enter")
    assert page.locator("#v1").is_visible() and page.locator("#jobs").is_visible()
    assert not accessibility_faults(page)
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/actions/*")
    action = page.url
    project.wait_for("train")
    for path in (
        action.removeprefix(address),
        "/p/play/jobs",
        "/p/play",
        "/p/play/act",
        "/account",
        "/audit",
        "/backups",
    ):
        page.goto(address + path)
        page.wait_for_selector("[data-refresh]", state="detached")  # until then the page may load itself again
        assert not accessibility_faults(page), path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
    project.let_go("train")
    page.goto(action)
    page.locator("[data-part=state]", has_text="done").wait_for()
    assert not accessibility_faults(page)
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    for path in ("/login", "/first/used", "/p/play"):
        page.goto(address + path)
        assert not accessibility_faults(page), path
    context.close()
