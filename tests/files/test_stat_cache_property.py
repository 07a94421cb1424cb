"""Whatever happens to the files, a cached result equals a fresh one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.files.content import Digested
from weaselish.files.digests import Digests
from weaselish.files.walk import Unreadable, View
from weaselish.plan.digests import ManifestEntry

from .samples import SETTLE_TIME, VIEWS, CoarseClock, coarse_stats, md5, settle, write

FILES = ("a", "b", "sub/c")
CONTENTS = (b"aa", b"bb", b"", b"ccc")
Edit = Callable[[Path], object]


def rewrite(path: str, content: bytes) -> Edit:
    return lambda d: write(d / path, content)


def rewrite_unseen(path: str, content: bytes) -> Edit:
    """Write new bytes and set the mtime of the old ones."""

    def edit(d: Path) -> None:
        before = (d / path).stat().st_mtime_ns
        (d / path).write_bytes(content)
        os.utime(d / path, ns=(before, before))

    return edit


def replace_unseen(path: str, content: bytes) -> Edit:
    """Replace the file by another one with the old mtime."""

    def edit(d: Path) -> None:
        before = (d / path).stat().st_mtime_ns
        new = write(d.parent / "new", content)
        os.utime(new, ns=(before, before))
        os.replace(new, d / path)

    return edit


def set_clock(path: str, seconds: int) -> Edit:
    """Set an mtime as a wrong clock would."""
    return lambda d: os.utime(d / path, (time.time() + seconds,) * 2)


def swap(one: str, other: str) -> Edit:
    return lambda d: (
        (d / one).rename(d.parent / "swapped"),
        (d / other).rename(d / one),
        (d.parent / "swapped").rename(d / other),
    )


def rename(one: str, other: str) -> Edit:
    return lambda d: (d / one).rename(d / other)


def relink(path: str, target: str) -> Edit:
    return lambda d: ((d / path).unlink(missing_ok=True), (d / path).symlink_to(target))


def drop(path: str) -> Edit:
    return lambda d: (d / path).unlink()


def make_directory(path: str) -> Edit:
    return lambda d: (d / path).mkdir()


class Restore(NamedTuple):
    """A pull: everything is replaced at once by files whose digests are known."""

    content: bytes

    def __call__(self, d: Path, cached: Digests) -> None:
        modified = cached.past_time()
        assert modified is not None
        new = d.parent / "restored"
        shutil.rmtree(new, ignore_errors=True)
        for path in FILES:
            write(new / path, self.content)
            os.utime(new / path, ns=(modified, modified))
        shutil.rmtree(d)
        cached.put_restored(
            {"d": (new, [ManifestEntry(path.encode(), "f", md5(self.content)) for path in FILES])}, modified
        )
        new.rename(d)


paths = st.sampled_from(FILES)
contents = st.sampled_from(CONTENTS)
edits = st.one_of(
    st.builds(rewrite, paths, contents),
    st.builds(rewrite_unseen, paths, contents),
    st.builds(replace_unseen, paths, contents),
    st.builds(set_clock, paths, st.sampled_from([-1_000_000, -1, 0, 1_000_000])),
    st.builds(swap, paths, paths),
    st.builds(rename, paths, paths),
    st.builds(relink, paths, st.sampled_from(["a", "sub", "nowhere", "../d", "../outside"])),
    st.builds(drop, paths),
    st.builds(make_directory, st.sampled_from(["new", "sub/new"])),
    st.builds(Restore, contents),
)
waits = st.sampled_from(["now", "now", "settled"])
sessions = st.sampled_from(["same process", "next process"])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.lists(edits, max_size=3), waits, sessions), min_size=2, max_size=5))
def test_the_cache_never_shows_in_a_result(course: Sequence[tuple[list[Edit], str, str]]) -> None:
    with tempfile.TemporaryDirectory() as place, coarse_stats(SETTLE_TIME):
        root = Path(place, "project")
        cache = root / ".proj/cache"
        cache.mkdir(parents=True)
        for name in FILES:
            write(root / "d" / name, CONTENTS[0])
        write(root / "outside/x", b"x")
        clock = CoarseClock(cache, SETTLE_TIME)
        cached = Digests(root, cache=cache, clock=clock)
        for steps, wait, session in course:
            for edit in steps:
                with contextlib.suppress(OSError):  # an earlier edit removed the file
                    edit(root / "d", cached) if isinstance(edit, Restore) else edit(root / "d")
            if wait == "settled":
                settle(cache)
            if session == "next process":
                cached.save()
                cached = Digests(root, cache=cache, clock=clock)
            cached.forget()
            fresh = Digests(root)
            for path in ("d", "d/a", "d/sub"):
                for view in VIEWS:
                    assert result(cached, path, view) == result(fresh, path, view)


def result(digests: Digests, path: str, view: View) -> Digested | str | None:
    try:
        return digests.of(path, view)
    except Unreadable as error:
        return error.message
