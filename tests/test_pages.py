"""The pages show what happens: sessions run, projects are valid, generated pages are current, links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft202012Validator
from pages.blocks import DOCS, PAGES, ROOT, Block, blocks
from pages.checks import problems
from pages.environment import documented
from pages.generated import GENERATED
from pages.links import broken_links
from pages.picture import LINES, draw
from pages.project_keys import SCHEMA
from pages.sessions import matches, rewritten, run_page
from pages.supplies import Missing, Supplies, needs
from pages.variables_in_code import names_in_code

from weaselish.__main__ import main

NOT_RUN = {  # page -> what its console blocks that are not run would need
    "README.md": ["another environment", "this repository"],
    "docs/containers.md": ["a container engine", "a container engine"],
    "docs/dask.md": ["a Dask cluster"],
    "docs/install.md": [*["another environment"] * 3, "a shell with completion"],
    "docs/kubernetes.md": ["a cluster"],
    "docs/run.md": ["a second terminal"],
    "docs/serve.md": ["it serves until Ctrl-C", "it serves until Ctrl-C"],
    "docs/snapshots.md": ["a MinIO server"],
    "docs/tutorial/get-started.md": ["a minute of network"],
}
TEXTS = [(page, page.read_text("utf-8")) for page in PAGES]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def with_sessions() -> list[Any]:
    """Return the pages with console blocks. Those that need a server have its mark."""
    return [
        pytest.param(page, marks=[pytest.mark.servers] if needs(text) else [], id=name_of(page))
        for page, text in TEXTS
        if any(block.kind == "console" for block in blocks(text))
    ]


@pytest.fixture(scope="session")
def supplies() -> Iterator[Supplies]:
    with Supplies() as running:
        yield running


@pytest.mark.parametrize("page", with_sessions())
def test_a_session_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path, supplies: Supplies) -> None:
    text = page.read_text("utf-8")
    try:
        supplied = supplies.environ(needs(text))
    except Missing as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))
    for ran in run_page(text, tmp_path / "terminal", supplied):
        place = f"{name_of(page)}:{ran.block.line}: $ {ran.command}"
        assert ran.code == ran.expected, f"{place}\n{ran.output}"
        assert ran.is_as_shown, f"{place}: run `make docs`\n{ran.output}"


def test_only_the_listed_sessions_are_not_run() -> None:
    found = {
        name_of(page): needs
        for page, text in TEXTS
        if (needs := [need for block in blocks(text) if (need := block.marked("not run:")) is not None])
    }
    assert found == NOT_RUN


def projects() -> list[tuple[str, Block]]:
    """Return the blocks that are a project.yml, or a part of one, by page and line."""
    return [
        (f"{name_of(page)}:{block.line}", block)
        for page, text in TEXTS
        if name_of(page) not in GENERATED
        for block in blocks(text)
        if block.kind == "yaml" and block.text and _as_project(block.text) is not None
    ]


def _as_project(text: str) -> str | None:
    """Return the project.yml that a block is, completed if it is a part of one. Other YAML is None."""
    data = yaml.safe_load(text)
    if isinstance(data, list):
        return "commands:\n" + text
    if not data.keys() <= SCHEMA["properties"].keys():
        return None
    return text if "commands" in data else text + "commands: []\n"


@pytest.mark.parametrize(("place", "block"), projects(), ids=[place for place, _ in projects()])
def test_a_project_in_a_page_is_valid(
    place: str, block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _as_project(block.text or "")
    assert text is not None
    (tmp_path / "project.yml").write_text(text, "utf-8")
    code = main(["validate", str(tmp_path)])
    assert code == 0, f"{place}\n{capsys.readouterr()}"


def test_no_block_is_indented_which_would_hide_it_from_these_tests() -> None:
    assert [name_of(page) for page, text in TEXTS if re.search(r"^[ \t]+(```|~~~)", text, re.MULTILINE)] == []


def test_each_block_is_run_or_can_be_read() -> None:
    found = [
        f"{name_of(page)}:{problem}"
        for page, text in TEXTS
        if name_of(page) != "docs/project-yml.md"  # parts of a project.yml, which the next test validates
        for block in blocks(text)
        if block.text is not None
        for problem in problems(block)
    ]
    assert found == []


def keys_in(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each key of the schema, at any depth, with its own schema."""
    for name, key in schema.get("properties", {}).items():
        yield name, key
        yield from keys_in(key)


def test_each_example_of_a_key_is_valid() -> None:
    definitions = [SCHEMA, *SCHEMA["$defs"].values()]
    for name, key in (found for definition in definitions for found in keys_in(definition)):
        validator = Draft202012Validator({**key, "$defs": SCHEMA["$defs"]})
        for example in key["examples"]:
            assert [str(error) for error in validator.iter_errors(example)] == [], name


@pytest.mark.parametrize("name", sorted(GENERATED.keys() - {"docs/errors.md"}))  # that is in tests/test_errors.py
def test_a_generated_page_is_current(name: str) -> None:
    assert matches((ROOT / name).read_text("utf-8"), GENERATED[name]()), "run `make docs`"


def test_the_page_about_installation_has_each_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert [extra for extra in extras if f"| `{extra}` |" not in page] == ["bench", "dev"]


def test_the_page_of_variables_has_each_that_the_code_reads_or_sets() -> None:
    others = {  # texts that look like variables, and what proj tells only its own processes and git
        *("F_OFD_GETLK", "F_OFD_SETLK", "SC_PAGE_SIZE", "SC_PHYS_PAGES", "TREE_SUFFIX"),
        *("NODE_FAIL", "OUT_OF_MEMORY", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "STAGE_OUT"),
        *(
            "CONDA_DEFAULT_ENV",
            "GIT_ATTR_NOSYSTEM",
            "LC_ALL",
            "PROJ_JOB_SECRETS",
            "SLURMD_NODENAME",
            "SLURM_PROCID",
            "SLURM_RESTART_COUNT",
        ),
        *("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"),  # hidden from steps
        *("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP"),
    }
    assert names_in_code() - documented() == others
    assert documented() - names_in_code() == {"RANK"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_link_leads_to_a_file_and_heading(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_the_index_lists_each_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    missing = [name for page in PAGES[1:] if (name := in_docs(page)) != "index.md" and f"({name})" not in index]
    assert missing == []


def in_docs(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def pages_in(part: Any) -> list[str]:
    """Return the pages in one part of the navigation."""
    return [part] if isinstance(part, str) else [page for pages in part.values() for page in pages]


def test_the_list_of_decisions_names_each() -> None:
    decisions = ROOT / "docs" / "decisions"
    index = (decisions / "index.md").read_text("utf-8")
    assert [path.name for path in sorted(decisions.glob("0*.md")) if f"({path.name})" not in index] == []


def test_the_site_leads_to_each_page_and_is_built_without_a_warning(tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    listed = {page for part in settings["nav"] for page in pages_in(part)}
    assert {in_docs(page) for page in PAGES[1:]} <= listed
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=tmp_path, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site" / "run.html").stat().st_size > 10_000


def test_the_picture_can_be_drawn_and_the_committed_one_shows_the_same_commands(tmp_path: Path) -> None:
    drawn, committed = draw(tmp_path / "terminal"), (ROOT / "docs" / "run.svg").read_text("utf-8")
    for picture in (drawn, committed):
        assert "http" not in picture.replace("http://www.w3.org/", "")
        shown = picture.replace("&#160;", " ").replace("&#x27;", "'")
        assert all(line in shown for line in LINES)
        assert "up to date" in shown


@pytest.mark.parametrize(
    ("shown", "output", "expected"),
    [
        ("✔ a 0.1 s\n", "✔ a 12.3 s\n", True),
        ("one\n…\nlast\n", "one\ntwo\nthree\nlast\n", True),
        ("one\n…\n", "one\n", True),
        ("one\n", "one\ntwo\n", False),
        ("a  ---\n", "a ------\n", True),
    ],
)
def test_output_matches_up_to_times_and_elisions(shown: str, output: str, expected: bool) -> None:
    assert matches(shown, output) is expected


def test_a_page_that_differs_only_in_times_keeps_its_bytes(tmp_path: Path) -> None:
    page = "```console\n$ echo '0.1 s'\n0.2 s\n```\n"
    assert rewritten(page, tmp_path / "terminal") == page


def test_a_page_that_differs_gets_the_output_of_one_session(tmp_path: Path) -> None:
    elided = "$ printf '0.1 s\\nb\\nc\\n0.3 s\\n'\n{}\n…\n{}\n"
    page = "```console\n$ echo a\n{}\n" + elided + "```\n"
    old, new = page.format("b", "0.2 s", "0.4 s"), page.format("a", "0.1 s", "0.3 s")
    assert rewritten(old, tmp_path / "terminal") == new
