"""`proj serve export`: pages as files, in a browser without network."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from environments import copy_template, with_scikit_learn
from harness import ProjectDir

from serve.pages.conftest import Site

pytestmark = pytest.mark.servers
_HREFS = "(all) => all.map((one) => new URL(one.getAttribute('href'), location).href.split('#')[0])"


def test_every_link_of_an_export_leads_to_a_file(site: Site, browser: Any, tmp_path: Path) -> None:
    target = tmp_path / "site"
    done = site.measured.proj("serve", "export", str(target), ".", "../hostile", "../empty", "../broken")
    assert done.code == 0, done.err
    context = browser.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("dialog", lambda dialog: dialog.dismiss())
    waiting = ["index.html"]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or not name.endswith(".html"):
            continue
        seen.add(name)
        page.goto((target / name).as_uri())
        for address in page.eval_on_selector_all("[href]:not(use)", _HREFS):
            path = unquote(address.removeprefix(target.as_uri() + "/"))
            assert (target / path).is_file(), (name, address)
            waiting.append(path)
    assert not complaints
    assert seen == {str(path.relative_to(target)) for path in target.rglob("*.html")}
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px"  # the style is applied
    context.close()


def test_an_export_replaces_only_an_export(project: ProjectDir) -> None:
    project.project("title: Small\n")
    project.write("mine/notes.txt", "mine")
    refused = project.proj("serve", "export", "mine")
    assert (refused.code, "`mine` holds other files" in refused.err) == (2, True)
    for _ in range(2):
        assert project.proj("serve", "export", "site").code == 0
    assert project.read("mine/notes.txt") == "mine"
    assert "Small" in project.read("site/index.html")


@pytest.mark.timeout(180)
def test_the_penguins_without_a_server(project: ProjectDir, browser: Any) -> None:
    copy_template("penguins", project.path)
    project.environ |= {"VIRTUAL_ENV": str(with_scikit_learn())}
    for strength in ("1.0", "0.001"):
        done = project.process("run", "all", "--vars.C", strength)
        assert done.code == 0, done.out + done.err
    assert project.proj("serve", "export", "../site").code == 0
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((project.path.parent / "site" / "index.html").as_uri())
    page.click("text=Palmer penguins")
    page.click("nav >> text=Metrics")
    accuracies = [float(cell) for cell in page.locator("tbody tr td:nth-child(4)").all_inner_texts()]
    assert len(accuracies) == 2
    assert accuracies[0] < accuracies[1]
    assert page.locator("[aria-label='Plot of accuracy'] circle").count() >= 2
    page.click("tbody tr:first-child a")
    text = page.inner_text("main")
    for shown in ("dep changed: training/model.joblib", "data/penguins.csv", "accuracy 0."):
        assert shown in text, text
    context.close()
