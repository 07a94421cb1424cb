"""Assets over HTTP, from a server that behaves, and from one that does not."""

from __future__ import annotations

import random
import signal
import threading
from hashlib import md5, sha256

import pytest
from harness import ProjectDir, wait_until

from assets.conftest import left_beside
from assets.web import File, Web
from weaselish.sources.http import raw_url

DATA = random.Random(1).randbytes(1 << 20)


def one_asset(project: ProjectDir, web: Web, file: File, more: str = "") -> None:
    web.files["a.bin"] = file
    project.project(f"assets: [{{dest: data/a.bin, url: '{web.url('a.bin')}'{more}}}]")


def data(project: ProjectDir) -> bytes:
    return (project.path / "data/a.bin").read_bytes()


def test_an_asset_is_fetched_once_and_then_left_alone(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(DATA))
    done = project.proj("assets")
    assert (done.code, done.err) == (0, "✔ data/a.bin: fetched, 1.0 MiB\n1 fetched\n")
    assert data(project) == DATA
    before = project.files()
    again = project.proj("assets")
    assert (again.code, again.err) == (0, "✔ data/a.bin: already present\n1 already present\n")
    assert len(web.requests) == 1
    assert {name: text for name, text in project.files().items() if "cache" not in name} == {
        name: text for name, text in before.items() if "cache" not in name
    }
    assert left_beside(project.path) == []


def test_force_fetches_again(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(DATA))
    project.proj("assets")
    web.files["a.bin"] = File(b"new")
    assert project.proj("assets", "--force").code == 0
    assert data(project) == b"new"


def test_another_url_is_fetched_but_not_over_what_was_changed(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(DATA))
    project.proj("assets")
    web.files["b.bin"] = File(b"other")
    project.project(f"assets: [{{dest: data/a.bin, url: '{web.url('b.bin')}'}}]")
    assert project.proj("assets", "--json").json == [
        {"dest": "data/a.bin", "state": "fetched", "message": None, "hint": None, "size": 5}
    ]
    project.write("data/a.bin", "mine")
    done = project.proj("assets")
    assert (done.code, data(project)) == (0, b"mine")
    assert "left unchanged: it was changed since it was fetched\n  hint: `--force` fetches it" in done.err


@pytest.mark.parametrize("kind", ["md5", "MD5", "sha256"])
def test_a_checksum_in_any_case_is_verified(project: ProjectDir, web: Web, kind: str) -> None:
    digest = md5(DATA).hexdigest() if kind != "sha256" else f"sha256:{sha256(DATA).hexdigest().upper()}"
    one_asset(project, web, File(DATA), f", checksum: '{digest.upper() if kind == 'MD5' else digest}'")
    project.write("data/a.bin", "stale")
    assert project.proj("assets").code == 0
    assert data(project) == DATA
    assert "already present" in project.proj("assets").err
    assert len(web.requests) == 1


def test_a_200_mib_asset_that_is_cut_resumes_where_it_stopped_also_later(project: ProjectDir, web: Web) -> None:
    large = random.Random(2).randbytes(200 << 20)
    cut = 90 << 20
    file = File(large, cuts=[cut, 10 << 20], statuses=[0, 0, 503, 503])
    one_asset(project, web, file, f", checksum: {md5(large).hexdigest()}")
    done = project.proj("assets")
    assert done.code == 1
    assert "cannot fetch `" in done.err
    assert not project.exists("data/a.bin")
    assert project.proj("assets").code == 0
    assert web.ranges == [None, f"bytes={cut}-", *[f"bytes={100 << 20}-"] * 3]
    assert sum(request.sent for request in web.requests) == len(large)
    assert data(project) == large
    assert not list((project.path / ".proj/assets").glob("*.part*"))


def test_a_killed_proj_leaves_what_the_next_goes_on_with(project: ProjectDir, web: Web) -> None:
    going_on = threading.Event()
    one_asset(project, web, File(DATA, stall=going_on))
    running = project.start("assets")
    assert web.halfway.wait(60)
    # http libraries hold back nothing, but the file does: what it has is what counts
    wait_until(lambda: any(p.stat().st_size for p in project.path.glob(".proj/assets/*.part")))
    running.signal(signal.SIGKILL)
    running.wait()
    [partial] = project.path.glob(".proj/assets/*.part")
    had = partial.stat().st_size
    going_on.set()
    assert project.proj("assets").code == 0
    assert web.ranges == [None, f"bytes={had}-"]
    assert data(project) == DATA
    assert left_beside(project.path) == []


def test_ctrl_c_ends_it_at_once_and_leaves_nothing_but_the_partial_file(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(random.Random(3).randbytes(64 << 20)))
    web.files["a.bin"].stall = going_on = threading.Event()
    running = project.start("assets")
    assert web.halfway.wait(60)
    running.signal(signal.SIGINT)
    going_on.set()
    assert running.wait().code == 130
    assert left_beside(project.path) == []
    assert not project.exists("data/a.bin")


def test_a_download_starts_over_if_the_file_changed_on_the_server(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(DATA, cuts=[1000], statuses=[0, 503, 503, 503]))
    assert project.proj("assets").code == 1
    web.files["a.bin"] = File(DATA[::-1])
    assert project.proj("assets").code == 0
    assert web.ranges[-1] == "bytes=1000-"
    assert data(project) == DATA[::-1]


@pytest.mark.parametrize(
    "file",
    [
        File(DATA, etag=None, cuts=[5000]),
        File(DATA, etag='W/"weak"', cuts=[5000]),
        File(DATA, ranges=False, cuts=[5000]),
        File(DATA, statuses=[500, 503]),
        File(DATA, statuses=[429]),
    ],
    ids=["no etag", "a weak etag", "no ranges", "errors of the server", "too many requests"],
)
def test_a_server_without_ranges_or_with_passing_errors_is_tried_again(
    project: ProjectDir, web: Web, file: File
) -> None:
    one_asset(project, web, file)
    assert project.proj("assets").code == 0
    assert data(project) == DATA


def test_a_server_that_always_cuts_is_given_up(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(DATA, etag=None, cuts=[5000, 6000, 5000, 6000, 5000, 6000]))
    done = project.proj("assets")
    assert done.code == 1
    assert 3 <= len(web.requests) <= 5
    assert not project.exists("data/a.bin")


def test_a_redirect_is_followed_and_credentials_stay_with_their_host(project: ProjectDir, web: Web) -> None:
    one_asset(project, web, File(b"", location=web.url("there")))
    web.files["there"] = File(DATA, password="Basic YWRhOnNlY3JldA==")
    assert "401" in project.proj("assets").err
    netrc = project.write("../scratch/home/.netrc", "machine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    assert project.proj("assets").code == 0


def test_no_secret_of_a_url_is_shown_or_kept(project: ProjectDir, web: Web) -> None:
    url = f"http://ada:hidden@127.0.0.1:{web.port}/${{env.PART}}?sig=hidden"
    project.project(f"env: {{PART: A_TOKEN}}\nassets: [{{dest: a, url: '{url}'}}, {{dest: b, url: '{url}x'}}]")
    web.files["hidden"] = File(DATA)
    done = project.proj("assets", env={"A_TOKEN": "hidden"})
    assert done.code == 0
    web.files.clear()
    failed = project.proj("assets", "--force", env={"A_TOKEN": "hidden"})
    assert "404" in failed.err
    assert "hidden" not in done.out + done.err + failed.err
    for name, text in project.files().items():
        if name.startswith(".proj/assets/"):
            assert b"hidden" not in (text or b"")


def test_all_assets_are_tried_and_one_that_fails_makes_exit_1(project: ProjectDir, web: Web) -> None:
    web.files["there"] = File(DATA)
    project.project(f"""\
        assets:
          - {{dest: gone, url: "{web.url("gone")}"}}
          - {{dest: nobody, url: "http://127.0.0.1:1/x"}}
          - {{dest: there, url: "{web.url("there")}"}}
          - {{dest: private/data.csv, description: Ask Ada}}
        """)
    done = project.proj("assets")
    assert done.code == 1
    assert f"✘ gone: cannot fetch `{web.url('gone')}`: the server answered 404 Not Found\n" in done.err
    assert "✘ nobody: cannot fetch `http://127.0.0.1:1/x`: [Errno 111] Connection refused\n" in done.err
    assert "✔ there: fetched" in done.err
    assert "✘ private/data.csv: missing" in done.err
    assert "put it there yourself: Ask Ada" in done.err
    assert done.err.endswith("1 fetched, 3 failed\n")


def test_several_are_fetched_at_a_time(project: ProjectDir, web: Web) -> None:
    going_on = threading.Event()
    for number in range(4):
        web.files[f"{number}"] = File(DATA, stall=going_on)
    lines = "".join(f"  - {{dest: d/{n}, url: '{web.url(str(n))}'}}\n" for n in range(4))
    project.project(f"assets:\n{lines}")
    running = project.start("assets", "-j", "3")
    wait_until(lambda: web.at_once == 3)
    going_on.set()
    assert running.wait().code == 0
    assert web.most_at_once == 3


def test_extra_assets_come_with_extra_or_by_name(project: ProjectDir, web: Web) -> None:
    web.files["a"] = web.files["b"] = File(DATA)
    project.project(f"assets: [{{dest: x/a, url: '{web.url('a')}', extra: true}}, {{dest: b, url: '{web.url('b')}'}}]")
    assert project.proj("assets").err.endswith("1 fetched\n")
    assert not project.exists("x/a")
    assert project.proj("assets", "x/a/").err == "✔ x/a: fetched, 1.0 MiB\n1 fetched\n"
    assert project.proj("assets", "-e", ".").err.endswith("2 already present\n")
    unknown = project.proj("assets", "x/b")
    assert (unknown.code, unknown.err) == (2, "error: no asset named `x/b`\n  hint: did you mean `x/a`?\n")
    assert not project.files().get("x/b")


@pytest.mark.parametrize(
    ("url", "raw"),
    [
        ("https://github.com/a/b/blob/main/c/d.txt", "https://raw.githubusercontent.com/a/b/main/c/d.txt"),
        ("https://www.github.com/a/b/tree/v1/c", "https://raw.githubusercontent.com/a/b/v1/c"),
        ("https://github.com/a/b/master/c.txt", "https://raw.githubusercontent.com/a/b/master/c.txt"),
        ("https://github.com/a/b/releases/download/v1/c.gz", None),
        ("https://github.com/a/b/raw/main/c.txt", None),
        ("https://github.com/a/b/archive/main.zip", None),
        ("https://github.com/a/b", None),
        ("https://gist.github.com/a/b/blob/c", None),
        ("https://example.org/github.com/a/b/blob/main/c", None),
    ],
)
def test_a_page_on_github_stands_for_its_raw_file(url: str, raw: str | None) -> None:
    assert raw_url(url) == (raw or url)
