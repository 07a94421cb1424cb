"""The graph as a page of HTML: what it contains, and what a browser makes of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import chromium
from harness import wait_until

from graphs.pictures import DIAMOND, HOSTILE, SWEEP, picture_of
from weaselish.engine.picture import Picture
from weaselish.engine.status import Status
from weaselish.graphs.page import as_page

Open = Callable[..., Any]


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_holds_what_there_is_to_know_about_each_step() -> None:
    steps = {step["name"]: step for step in data_of(as_page(DIAMOND))["steps"]}
    train = steps["train"]
    assert (train["state"], train["usual"], train["critical"]) == ("failed", "1 h 00 min", True)
    assert (train["script"], train["deps"], train["outputs"]) == (["make train"], ["out/clean"], ["out/train"])
    assert train["reasons"] == ["dep changed: out/x"]
    assert train["last"] == {"started": 1.7e9, "result": "failed", "took": "1.0 s", "code": 3}


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_text_adds_no_element_and_stays_text(name: str) -> None:
    page = as_page(picture_of({"a": (), name: ("a",)}, title=name))
    plain = as_page(picture_of({"a": (), "b": ("a",)}, title="t"))
    tags = [tag for tag, _ in Elements(page).found]
    assert tags == [tag for tag, _ in Elements(plain).found]
    assert page.count("</script>") == plain.count("</script>")
    for char in "\x1b\x07\u202e\u2028\u2066\ufffe\uffff":
        assert char not in page
    page.encode("utf-8")


def test_the_policy_allows_only_the_script_of_the_page() -> None:
    page = as_page(DIAMOND)
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(attrs["content"] for tag, attrs in Elements(page).found if "http-equiv" in attrs)
    assert policy and policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'")


def test_nothing_is_loaded_from_elsewhere() -> None:
    for tag, attrs in Elements(as_page(SWEEP)).found:
        assert tag not in ("link", "img", "iframe", "object", "base"), tag
        assert "src" not in attrs
        assert (attrs.get("href") or "#").startswith("#")


# -- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a picture in a browser without network. At the end, no script may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_page(picture: Picture, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Any:
        file = tmp_path / "graph.html"
        file.write_text(as_page(picture), "utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, has_touch=width < 500
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def wide_picture(count: int) -> Picture:
    needs = {
        f"step-{at}": tuple(f"step-{at - back}" for back in (7, 11) if at % back == 0 and at >= back)
        for at in range(count)
    }
    return picture_of(needs, statuses={"step-150": Status.FAILED}, seconds={"step-7": 3.0, "step-14": 2.0})


@pytest.mark.servers
def test_a_click_shows_the_details_of_a_step_and_escape_hides_them(open_page: Open) -> None:
    page = open_page(DIAMOND)
    assert page.locator("#details").is_hidden()
    page.get_by_role("button", name="train, failed").click()
    details = page.locator("#details").inner_text()
    for text in (
        "train",
        "failed",
        "dep changed: out/x",
        "make train",
        "out/clean",
        "exit code 3",
        "proj log -v train",
    ):
        assert text in details
    assert page.locator(".step.lit").count() == 4, "the step, its upstream and its downstream"
    page.get_by_role("button", name="report, never ran").first.click()
    assert page.locator("#name").inner_text() == "report"
    page.keyboard.press("Escape")
    assert page.locator("#details").is_hidden()


@pytest.mark.servers
def test_the_keyboard_reaches_everything(open_page: Open) -> None:
    page = open_page(DIAMOND)
    page.locator("#step-0").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("clean, ")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "name"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("clean, ")
    scale = float(page.locator("#stage").get_attribute("data-scale"))
    page.keyboard.press("+")
    assert float(page.locator("#stage").get_attribute("data-scale")) > scale
    page.keyboard.press("0")
    assert float(page.locator("#stage").get_attribute("data-scale")) == scale
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


@pytest.mark.servers
def test_search_highlights_steps_and_enter_goes_to_them(open_page: Open) -> None:
    page = open_page(wide_picture(200))
    page.locator("#search").fill("step-19")
    assert page.locator(".step.lit").count() == 11
    assert page.locator("#found").inner_text() == "11 found"
    page.keyboard.press("Enter")
    assert page.locator("#found").inner_text() == "1 of 11"
    wait_until(lambda: page.locator("#step-19").bounding_box()["y"] > 0)
    page.locator("#search").fill("nothing like it")
    assert page.locator("#found").inner_text() == "none found"


@pytest.mark.servers
def test_a_state_in_the_legend_highlights_its_steps(open_page: Open) -> None:
    page = open_page(DIAMOND)
    page.get_by_role("button", name="2 up to date").click()
    assert page.locator(".step.lit").count() == 2
    page.locator(".chip", has_text="critical path").click()
    assert page.locator(".step.lit").count() == 4
    page.locator(".chip", has_text="critical path").click()
    assert page.locator(".dims").count() == 0


@pytest.mark.servers
def test_the_wheel_zooms_and_a_drag_pans_without_choosing(open_page: Open) -> None:
    page = open_page(DIAMOND)
    box = page.locator("#step-1").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.wheel(0, -300)
    wait_until(lambda: float(page.locator("#stage").get_attribute("data-scale")) > 1.2)
    near = page.locator("#step-1").bounding_box()
    assert abs(near["x"] - box["x"]) < 10, "the place under the pointer stays"
    page.mouse.down()
    page.mouse.move(box["x"] + 105, box["y"] + 65, steps=5)
    page.mouse.up()
    moved = page.locator("#step-1").bounding_box()
    assert abs(moved["x"] - near["x"] - 100) < 6 and abs(moved["y"] - near["y"] - 60) < 6
    assert page.locator("#details").is_hidden()


@pytest.mark.servers
def test_two_hundred_steps_open_at_a_legible_size_around_the_failure(open_page: Open) -> None:
    page = open_page(wide_picture(200))
    assert page.locator(".step").count() == 200
    assert float(page.locator("#stage").get_attribute("data-scale")) > 0.7
    box = page.locator("#step-150").bounding_box()
    assert 0 < box["x"] < 1280 and 0 < box["y"] < 800


@pytest.mark.servers
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_details_over_the_lower_part(open_page: Open, scheme: str) -> None:
    page = open_page(DIAMOND, width=375, height=700, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.get_by_role("button", name="train, failed").tap()
    details = page.locator("#details").bounding_box()
    assert details["width"] == 375 and details["y"] > 200
    wait_until(lambda: bottom_of(page.locator(".step.chosen").bounding_box()) <= details["y"])


def bottom_of(box: dict[str, float]) -> float:
    return box["y"] + box["height"]


@pytest.mark.servers
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(open_page: Open, scheme: str) -> None:
    page = open_page(picture_of({"a": (), "b": ("a",)}, statuses={"b": Status.FAILED}), scheme=scheme)
    colours = page.evaluate(
        """() => Object.fromEntries(["paper", "card", "failed-card", "frame", "ink", "muted", "failed", "up-to-date",
            "out-of-date", "never-ran", "unrecorded", "interrupted", "always-runs", "critical", "glyph"].map((name) =>
            [name, getComputedStyle(document.body).getPropertyValue("--" + name).trim()]))"""
    )
    for ground in ("paper", "card", "failed-card", "frame"):
        for text in ("ink", "muted"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for icon in ("failed", "up-to-date", "out-of-date", "never-ran", "unrecorded", "interrupted", "always-runs"):
        assert contrast(colours[icon], colours["card"]) >= 3, icon
        assert contrast(colours[icon], colours["glyph"]) >= 3, icon


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of two colours, as WCAG defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.servers
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_text_runs_nothing_in_a_browser(open_page: Open, name: str) -> None:
    page = open_page(picture_of({"a": (), name: ("a",)}, title=name))
    page.locator("#step-1").click()
    assert page.locator("#details").is_visible()
    assert page.locator("img").count() == 0
