"""The pages in a real browser: they are accessible, fit on a phone, escape everything, and stay small."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
from harness import wait_until

from serve.pages.conftest import Open, Site, accessibility_faults
from serve.samples import HOSTILE

pytestmark = pytest.mark.servers
MEGABYTE = 1 << 20
KINDS = ("", "/graph", "/runs", "/metrics", "/remotes", "/artifacts", "/snapshots", "/jobs")


def runs_of(site: Site, project: str, step: str | None = None) -> list[dict[str, Any]]:
    answer = site.client.get(f"/api/v1/projects/{project}/runs", params={"step": step} if step else {})
    found: list[dict[str, Any]] = answer.json()["runs"]
    return found


def settled(site: Site, project: str) -> None:
    """Wait until everything that pages of a project show has been read once."""
    paths = [f"/api/v1/projects/{project}{kind}" for kind in ("", "/remotes", "/snapshots")]
    wait_until(lambda: '"is_running":true' not in "".join(site.client.get(p).text for p in paths), "the readings")


def paths_of(site: Site) -> list[str]:
    """Return a path to every kind of page."""
    trained = runs_of(site, "measured", "train")
    compared = "&".join(f"run={run['run']}" for run in trained)
    failed = runs_of(site, "hostile", "fails")[0]["run"]
    done = runs_of(site, "hostile", HOSTILE)[0]["run"]
    return [
        "/",
        *(f"/p/measured{kind}" for kind in KINDS),
        *(f"/p/{name}" for name in ("hostile", "empty", "broken", "vanished", "thousand")),
        *("/p/empty/graph", "/p/empty/runs", "/p/empty/metrics", "/p/hostile/graph", "/p/hostile/metrics"),
        *("/p/measured/steps/train", f"/p/hostile/step?name={quote(HOSTILE)}", "/p/hostile/steps/fails"),
        *(f"/p/measured/runs/{trained[0]['run']}", f"/p/hostile/runs/{failed}", f"/p/hostile/runs/{done}"),
        *(
            f"/p/measured/compare?{compared}",
            "/search?q=train",
            f"/search?q={quote(HOSTILE)}",
            "/search?q=nothing%20has",
        ),
    ]


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_fits_and_runs_no_foreign_script(site: Site, visit: Open, width: int) -> None:
    for project in ("measured", "hostile"):
        settled(site, project)
    page = visit(width=width)
    for path in paths_of(site):
        answer = page.goto(site.address + path)
        assert answer.status == 200 or "broken" in path or "vanished" in path, path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        if "thousand" in path:  # an audit of so many rows takes long and says nothing new
            continue
        broken = accessibility_faults(page)
        assert not broken, (path, broken)


def test_an_inline_script_is_refused(site: Site, browser: Any) -> None:
    page = browser.new_page()
    page.goto(site.entrance())
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "document.title = 'ran'";
            document.body.append(script);
        })"""
    )
    assert refused.startswith("script-src")
    assert page.title() != "ran"
    page.close()


def test_nothing_is_larger_than_1_mb_with_1000_steps(site: Site) -> None:
    settled(site, "thousand")
    wait_until(lambda: "Drawing" not in site.client.get("/p/thousand/graph").text, "the drawing")
    for path in ("", "/graph", "/steps/step-0500", "/runs"):
        page = site.client.get(f"/p/thousand{path}")
        assert page.status_code == 200
        assert len(page.content) < MEGABYTE, (path, len(page.content))
    assert site.client.get("/p/thousand").text.count("<tr data-state=") == 1000


def test_a_stranger_finds_why_a_run_ran_its_log_and_its_data(site: Site, visit: Open) -> None:
    page = visit()
    page.locator(".card-item", has_text="Measured").locator("a.name").click()
    page.get_by_role("heading", name="Why it ran").wait_for()  # of the last run, in one click
    assert "dep changed: model.txt" in page.locator("main").inner_text()
    page.locator("a.where").click()
    page.locator("#steps").get_by_role("link", name="train", exact=True).click()
    page.get_by_role("link", name="the data that it was made from").click()
    assert "data.csv" in page.locator("#made + ul").inner_text()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.locator("tr", has_text="train").first.locator("a").first.click()
    text = page.locator("main").inner_text()
    assert "script changed: line 1 (train.py 4 → train.py 5)" in text
    assert "data.csv" in text and "prepare" in text
    log = page.locator("pre.log")
    assert "100%" in log.inner_text() and " 10%" not in log.inner_text()
    assert log.locator(".c2").inner_text() == "green"
    page.get_by_role("link", name="compare with it").click()
    assert page.locator("mark").all_inner_texts() == ["4", "5"]
    page.locator("details.same summary").click()
    assert "train.py" in page.locator("details.same table").inner_text()
    page.get_by_role("link", name="Metrics", exact=True).click()
    assert page.locator("svg.plot").first.locator("a").count() == 3


def test_the_keyboard_reaches_search_filter_and_steps(site: Site, visit: Open) -> None:
    page = visit("/p/thousand")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.fill("#filter", "step-0999")
    assert page.locator("#steps tbody tr:visible").count() == 1
    page.locator("#steps tbody tr:visible a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/step-0999")


def test_a_request_does_not_read_large_files_until_a_visitor_asks(site: Site, visit: Open) -> None:
    large = site.measured.path / "data.csv"
    before = large.read_bytes()
    with open(large, "r+b") as file:
        file.truncate(20 << 30)  # a file with a hole: its size is all that counts
    site.measured.write("project.yml", site.measured.read("project.yml") + "\n")
    try:
        settled(site, "measured")
        began = time.monotonic()
        states = {step["step"]: step["state"] for step in site.client.get("/api/v1/projects/measured").json()["steps"]}
        assert states["prepare"] == "not checked"
        assert time.monotonic() - began < 30  # reading the file takes longer
    finally:
        large.write_bytes(before)
    page = visit("/p/measured")
    page.get_by_role("button", name="Check again").click()
    settled(site, "measured")
    page.goto(f"{site.address}/p/measured")
    assert "not checked" not in page.locator("#steps").inner_text()
