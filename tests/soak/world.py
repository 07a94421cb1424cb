"""One project and its life: edits, runs, kills and faults in turn, each run judged by the model."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import yaml
from harness import BYTECODE

from soak import edits
from soak.caches import Cache
from soak.edits import Site, States, edit
from soak.model import Expected, Run, Tree, Turn, View, dep_views, expect, output_view, read_tree
from soak.projects import Step, path_of, random_project
from soak.runs import MARK, TIMEOUT, Ended, Log, Running, end_survivors, kill_all, start, survivors, wait_for
from soak.sharing import share
from soak.violation import Violation

CACHED = 0.6  # how many worlds have a run cache
CLAIMS = ("up to date", "ran", "restored")
KILLS = {"alone": 4, "all": 3, "terminate": 1.5, "interrupt": 1.5}


@dataclass
class Book:
    """What is known of a step's past."""

    sure: Run | None = None  # what its last record must hold, unless `unsure`
    unsure: str = "new"  # something happened of which a record may or may not tell; what
    history: set[Run] = field(default_factory=set)  # all successful runs
    anything: bool = False  # it ran while the project was edited, on unknown inputs
    cached: bool = False  # the cache may hold such a run
    restored: bool = False  # its last record may be a restored one, which lacks `outputs_no_cache`


class World:
    """`base` is a directory to use; `counts` tells what happened, `needless` what ran although it need not have."""

    def __init__(self, seed: int, base: Path) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.base = base
        self.mark = f"{os.getpid()}-{seed}"
        self.counts: Counter[str] = Counter()
        self.needless: Counter[str] = Counter()
        self.trail: list[str] = []
        self.books: dict[str, Book] = {}
        self._runs = 0
        self.typical = 0.2  # seconds that a run takes
        self.mount = base / "disk"
        self.mount.mkdir(parents=True)
        self.is_small = self.random.random() < 0.4 and _mount(self.mount)
        if not self.is_small:
            self.counts["without a disk of its own"] += 1
        self.log = Log(base / "log")
        shutil.copy(Path(__file__).with_name("work.sh"), self.mount / "work.sh")
        root = self.mount / "project"
        root.mkdir()
        self.cache: Cache | None = None
        project = random_project(self.random)
        if self.random.random() < CACHED:
            self.cache = Cache(self.mount / "cache", self.random, is_local=self.random.random() < 0.5)
            project = replace(project, cache=self.cache.setting)
            self.counts["worlds with a cache"] += 1
        self.site = Site(root, self.random, project)
        self.site.write_sources()
        self.site.write_project()
        self.states = States(self.site)

    def close(self) -> None:
        end_survivors(self.mark)
        if self.is_small:
            subprocess.run(["umount", "-l", str(self.mount)], check=False)
        shutil.rmtree(self.base, ignore_errors=True)

    # -- a turn of the wheel -----------------------------------------------------------------------------------------

    def turn(self) -> None:
        for _ in range(self.random.choice((0, 1, 1, 2, 3, 5, 8))):
            self.edit()
        if self.random.random() < 0.12:
            self._harm()
        if self.cache is not None and self.random.random() < 0.05:
            self.say(f"cache: {self.cache.harm()}")
            self.counts["cache: harms"] += 1
        self._complete_sources()
        self.states.remember()
        actions = {
            self._calm_run: 26,
            self._unnamed_run: 4,
            self._killed_run: 50,
            self._edited_run: 7,
            self._several_runs: 8,
            self._fault: 8,
            self._question: 4,
        }
        if self.cache is not None:
            actions |= {self._shared: 20, self._lazy: 8}
        self.random.choices(list(actions), list(actions.values()))[0]()
        if self.random.random() < 0.3:
            self._wait_for_orphans()

    def _complete_sources(self) -> None:
        """Put missing sources back: with a cache, their recorded digests could stand for them."""
        if self.cache is None:
            return
        tree = self.tree()
        deps = {dep for step in self.site.project.steps for dep in step.declared_deps if edits.is_source(dep)}
        if any(not view for dep in deps for _, view in dep_views(tree, dep)):
            edits.restore_sources(self.site)
            self.say("sources restored")

    def edit(self) -> str:
        try:
            what = edit(self.site)
        except OSError as error:  # an orphan, or an edit before, took away what was to be edited
            what = f"no edit: {error}"
        else:
            self.counts["edits"] += 1
        self.say(what)
        return what

    def say(self, what: str) -> None:
        self.trail = [*self.trail[-400:], what]

    def _harm(self) -> None:
        self.end_orphans()  # no later run would find them
        what, loses = self.states.harm()
        self.say(what)
        self.counts["harms"] += 1
        for book in self.books.values():
            book.unsure = book.unsure or (what if loses else "")

    def end_orphans(self) -> None:
        if survivors(self.mark):
            end_survivors(self.mark)
            self.say("orphans ended")

    def _wait_for_orphans(self) -> None:
        if not wait_for(lambda: not survivors(self.mark), 10):
            raise Violation("orphan", f"{survivors(self.mark)} never end")

    def target(self) -> tuple[str, bool]:
        project = self.site.project
        if project.alternatives or self.random.random() < 0.5:
            return "all", False
        if project.some and self.random.random() < 0.3:
            return "some", False
        return self.random.choice(project.listed), self.random.random() < 0.15 and self.cache is None

    def names_of(self, target: str, *, only: bool = False) -> list[str]:
        """Return the names of all steps of a plan. Named steps are never unrecorded."""
        return [step.name for step in self.site.project.plan(target, only=only)]

    def words(self, target: str, only: bool) -> list[str]:
        """Return a run that names every step of its plan, so that none of them can be unrecorded."""
        names = self.names_of(target, only=only)
        jobs = self.random.choice(([], ["-j4"], ["-j2"]))
        extra = [word for word, chance in (("-k", 0.2), ("--force", 0.04)) if self.random.random() < chance]
        return ["run", *names, "--json", *jobs, *extra, *(["--only"] if only else [])]

    def start(self, words: list[str], *, clock: float = 0, root: Path | None = None) -> tuple[Running, str]:
        """Start `proj` in the project or in a clone of it. Return it and the number of this run."""
        self._runs += 1
        number = str(self._runs)
        environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        environ |= {"LANG": "C.UTF-8", "NO_COLOR": "1", "PYTHONPYCACHEPREFIX": str(BYTECODE), MARK: self.mark}
        if self.cache is not None:
            environ["PROJ_CACHE_DIR"] = str(self.mount / "cache")
        environ |= {"SOAK_RUN": number, "SOAK_LOG": str(self.log.path), **self.site.environ()}
        self.counts["runs"] += 1
        where = f" in {root.name}" if root else ""
        self.say(f"proj {' '.join(words)} (run {number}{where}{f', clock {clock:+g} s' if clock else ''})")
        real = not clock and self.random.random() < 0.04
        return start(words, root or self.site.root, environ, self.base, clock=clock, real=real), number

    def tree(self) -> Tree:
        """The files as they are; orphans may be at work."""
        for _ in range(1000):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return read_tree(self.site.root)
        raise Violation("orphan", "the project never comes to rest")

    def expect(self, target: str, only: bool, tree: Tree) -> Expected:
        return expect(self.site.project, target, tree, self.site.value, only=only)

    # -- kinds of runs -----------------------------------------------------------------------------------------------

    def _calm_run(self) -> None:
        """Nothing but `proj` is at work; it may find orphans of earlier runs."""
        target, only = self.target()
        if only:
            self.end_orphans()
        self.run_calmly(self.words(target, only), target, only)

    def run_calmly(self, words: list[str], target: str, only: bool = False, *, clock: float = 0) -> None:
        self._complete_sources()
        orphans = bool(survivors(self.mark))
        before = self.tree()
        begun = time.monotonic()
        running, _ = self.start(words, clock=clock)
        ended = self.ended(running)
        self.typical = 0.8 * self.typical + 0.2 * (time.monotonic() - begun)
        self.counts["calm runs"] += 1
        if orphans:
            self.counts["runs that met orphans"] += 1
            self.counts["orphans that were waited for"] += "left running" in ended.err
        self.log.new()
        after = self.tree()
        if orphans and not self.site.project.alternatives:
            before = after  # what they made of it before they ended
        self.judge_calm(words, ended, self.expect(target, only, before), after, orphans)

    def _unnamed_run(self) -> None:
        """Run a workflow, whose steps are not named: existing outputs without a record stay as they are."""
        if self.site.project.alternatives:
            self._calm_run()
            return
        self.end_orphans()
        before = self.tree()
        words = ["run", "all", "--json"]
        ended = self.ended(self.start(words)[0])
        self.log.new()
        after = self.tree()
        rows = ended.steps or {}
        unrecorded = [name for name, row in rows.items() if row["result"] == "unrecorded"]
        if not unrecorded:
            self.judge_calm(words, ended, self.expect("all", False, before), after, orphans=False)
            return
        self.counts["runs with unrecorded steps"] += 1
        for name in unrecorded:
            self._check_unrecorded(self.site.project.step(name), before, after)
        for name in rows.keys() - set(unrecorded):
            book = self.book(self.site.project.step(name))
            book.cached = self.cache is not None
            book.unsure, book.anything = "unnamed run", True  # it may have read outputs that no run produced

    def _check_unrecorded(self, step: Step, before: Tree, after: Tree) -> None:
        book = self.book(step)
        if book.sure is not None and not book.unsure:
            raise Violation("wrong claim", f"`{step.name}` is unrecorded, but it has a record")
        for path in step.all_outputs:
            if output_view(before, path) != output_view(after, path):
                raise Violation("wrong claim", f"`{step.name}` is unrecorded, but `{path}` was replaced")

    def _killed_run(self) -> None:
        target, only = self.target()
        words = self.words(target, only)
        if self.random.random() < 0.5:
            words.remove("--json")
        orphans = bool(survivors(self.mark))
        expected = self.expect(target, only, self.tree())
        size = self.log.size
        running, number = self.start(words)
        if self.random.random() < 0.5:
            wait_for(lambda: self.log.size > size or running.wait(0) is not None, TIMEOUT)
            running.wait(self.random.random() * 0.06)
        else:
            running.wait(self.random.random() * 1.1 * self.typical)
        how = self.random.choices(list(KILLS), list(KILLS.values()))[0]
        self.kill(running, how)
        is_forced = "--force" in words
        self.judge_disturbed([(running, number, expected)], orphans=orphans, was_edited=False, is_forced=is_forced)
        if survivors(self.mark) and self.random.random() < 0.6:
            self.run_calmly(self.words(target, False), target)

    def kill(self, running: Running, how: str) -> None:
        if running.wait(0) is not None:
            self.say("it had ended before it was killed")
            return
        self.say(f"killed: {how}")
        self.counts["kills"] += 1
        self.counts[f"kills: {how}"] += 1
        running.was_killed = True
        match how:
            case "alone":
                running.signal(signal.SIGKILL)
            case "all":
                kill_all([running], self.mark)
            case "terminate":
                running.signal(signal.SIGTERM)
            case "interrupt":
                for _ in range(self.random.choice((1, 1, 2, 3))):
                    running.signal(signal.SIGINT)
                    if running.wait(self.random.random() * 0.05):
                        break

    def _edited_run(self) -> None:
        """People go on working while it runs."""
        target, only = self.target()
        expected = self.expect(target, only, self.tree())
        running, number = self.start(self.words(target, only))
        if self.random.random() < 0.3:
            self._change_and_change_back(running)
        edited = []
        for _ in range(self.random.randint(1, 4)):
            if running.wait(self.random.random() * self.typical * 0.6) is not None:
                break
            edited.append(self.edit())
        self.counts["runs edited meanwhile"] += 1
        self.judge_disturbed([(running, number, expected)], orphans=True, was_edited=True)
        if any(what.startswith("output:") for what in edited):
            self._remove_outputs()

    def _remove_outputs(self) -> None:
        """Remove all outputs: an edit hit them while a step produced them, so what was recorded is unknown."""
        self.end_orphans()
        for path in self.site.outputs():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if self.cache is not None:
            self.cache.clear()
        self.say("outputs removed")

    def _change_and_change_back(self, running: Running) -> None:
        """Change files and change them back while a step reads them, as a short look at another branch does."""
        path = self.site.root / self.random.choice(("cfg.txt", "in put.txt", "data/a.csv", "corpus/x/2.txt"))
        running.wait(self.random.random() * self.typical)
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            path.write_bytes(content + b"for a moment\n")
            running.wait(self.random.random() * 0.05)
            path.write_bytes(content)
            self.say(f"changed and changed back: {path.name}")
            self.counts["edits"] += 2

    def _several_runs(self) -> None:
        """Of one project, at once; one of them is killed at times."""
        self.end_orphans()
        before = self.tree()
        runs = []
        for _ in range(self.random.choice((2, 2, 3))):
            target, _ = self.target()
            expected = self.expect(target, False, before)
            words = [word for word in self.words(target, False) if word != "--force"]
            runs.append((*self.start(words), expected))
            if self.random.random() < 0.5:
                runs[-1][0].wait(self.random.random() * 0.1)
        self.counts["several runs at once"] += 1
        if is_killed := self.random.random() < 0.3:
            victim = self.random.choice(runs)[0]
            victim.wait(self.random.random() * self.typical)
            self.kill(victim, self.random.choice(("alone", "interrupt", "terminate")))
        for running, _, _ in runs:
            self.ended(running)
        if is_killed or self.site.project.alternatives or any(expected.fails for _, _, expected in runs):
            self.judge_disturbed(runs, orphans=True, was_edited=bool(self.site.project.alternatives))
            return
        self._judge_several(runs)

    def _question(self) -> None:
        self.end_orphans()
        before, state = self.tree(), self._state()
        words = self.random.choice((["status", "--json"], ["run", "all", "--dry", "--json"], ["status", "--check"], []))
        running, _ = self.start(words)
        ended = self.ended(running)
        if self.tree() != before or self._state() != state:
            raise Violation("question", f"`proj {' '.join(words)}` changed something")
        if words == ["status", "--json"] and ended.steps is not None:
            for turn in self.expect("all", False, before).turns:
                row = ended.steps.get(turn.step.name)
                if row and row["state"] == "up to date" and turn.step.name not in self.site.project.alternatives:
                    self._check_outputs(turn, before, "`proj status`")
        self.counts["questions"] += 1

    def _state(self) -> dict[str, bytes]:
        """What is of proj itself, without its cache."""
        root = self.site.root
        files = [*root.glob("project.*"), *(path for path in (root / ".proj").rglob("*") if path.is_file())]
        return {str(path): path.read_bytes() for path in files if ".proj/cache" not in str(path)}

    # -- the cache ---------------------------------------------------------------------------------------------------

    def _shared(self) -> None:
        """Several clones and collections of garbage, at once."""
        assert self.cache is not None
        share(self, self.cache)

    def _lazy(self) -> None:
        """Name one step only: what it needs may stay in the cache."""
        project = self.site.project
        if project.alternatives:
            return
        self.run_calmly(self.words("all", False), "all")
        outputs = self.site.outputs()
        for path in self.random.sample(outputs, self.random.randint(0, len(outputs))):
            edits.remove(path)
        if self.random.random() < 0.5:
            self.edit()
            self._complete_sources()
        self.end_orphans()
        plans = [(len(project.plan(name)), name) for name in project.listed]
        target = self.random.choice([name for count, name in plans if count > 1] or list(project.listed))
        before = self.tree()
        words = ["run", target, "--json", *self.random.choice(([], ["-j3"]))]
        ended = self.ended(self.start(words)[0])
        self.log.new()
        rows = ended.steps or {}
        if any(row["result"] == "unrecorded" for row in rows.values()):
            for name in rows:
                book = self.book(self.site.project.step(name))
                book.unsure, book.anything, book.cached = "unnamed run", True, True
            return
        self.counts["lazy runs"] += 1
        self.judge_calm(words, ended, self.expect(target, False, before), self.tree(), orphans=False)

    def check_cache(self) -> None:
        """Raise Violation unless every record in the cache has its objects, and every object is what its key says."""
        if self.cache is None:
            return
        for record in self.cache.records():
            if lost := self.cache.lost(record):
                raise Violation("cache", f"record `{record.name}` lacks {lost}")
        for problem in self.cache.broken():
            raise Violation("cache", problem)

    # -- faults ------------------------------------------------------------------------------------------------------

    def _fault(self) -> None:
        self.end_orphans()
        faults = [self._clock_off, self._lock_is_directory, self._fifo, self._immutable]
        if self.is_small:
            faults += [self._full_disk, self._full_disk, self._full_disk, self._read_only]
        fault = self.random.choice(faults)
        name = fault.__name__.strip("_").replace("_", " ")
        self.say(f"fault: {name}")
        self.counts["faults"] += 1
        self.counts[f"faults: {name}"] += 1
        fault()

    def _clock_off(self) -> None:
        target, only = self.target()
        by = self.random.choice((-(10**7), -3600, -1, 3600))
        self.run_calmly(self.words(target, only), target, only, clock=by)

    def _lock_is_directory(self) -> None:
        lock = self.site.root / "project.lock"
        aside = self.site.root / "project.lock.aside"
        is_there = lock.exists()
        if is_there:
            lock.rename(aside)
        lock.mkdir()
        try:
            self._faulty_run()
        finally:
            lock.rmdir()
            if is_there:
                aside.rename(lock)

    def _fifo(self) -> None:
        """Unreadable for whom no file is: what is neither a file nor a directory."""
        path = self.site.root / self.random.choice(edits.SOURCE_DIRS) / "pipe"
        try:
            os.mkfifo(path)
        except OSError:
            return
        try:
            target, only = self.target()
            self.run_calmly(self.words(target, only), target, only)
        finally:
            path.unlink()

    def _immutable(self) -> None:
        """Read-only folders: chmod proves nothing to root."""
        root = self.site.root
        choices = [*self.site.outputs(), root, root / ".proj", root / ".proj/runs", root / ".proj/cache", root / "out"]
        path = self.random.choice(choices)
        words = ["chattr", "+i", str(path)]
        if path.is_symlink() or subprocess.run(words, capture_output=True, check=False).returncode:
            self.counts["without chattr"] += 1
            return
        try:
            self._faulty_run()
        finally:
            subprocess.run(["chattr", "-i", str(path)], check=True)

    def _read_only(self) -> None:
        if subprocess.run(["mount", "-o", "remount,ro", str(self.mount)], capture_output=True, check=False).returncode:
            self.counts["without remount"] += 1
            return
        try:
            self._faulty_run()
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(self.mount)], check=True)

    def _full_disk(self) -> None:
        """A few pages are left, at first."""
        filler = self.mount / "filler"
        status = os.statvfs(self.mount)
        left = max(0, status.f_bavail - self.random.choice((0, 0, 1, 2, 4, 8, 16, 32, 64)))
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, left) * status.f_frsize)
        try:
            self._faulty_run()
        finally:
            filler.unlink()

    def _faulty_run(self) -> None:
        target, only = self.target()
        expected = self.expect(target, only, self.tree())
        words = self.words(target, only)
        running, number = self.start(words)
        if self.random.random() < 0.2:
            running.wait(self.random.random() * self.typical)
            self.kill(running, self.random.choice(("alone", "all")))
        self.judge_disturbed(
            [(running, number, expected)],
            orphans=False,
            was_edited=False,
            is_faulty=True,
            is_forced="--force" in words,
        )

    # -- judging -----------------------------------------------------------------------------------------------------

    def ended(self, running: Running) -> Ended:
        ended = running.wait()
        if ended is None:
            running.signal(signal.SIGABRT)
            stacks = running.wait(5.0)
            kill_all([running], self.mark)
            where = "" if stacks is None else stacks.err[-3000:]
            raise Violation("hang", f"a run that takes more than {TIMEOUT} s\n{where}")
        if running.is_real and running.was_killed and _ended_before_proj_began(ended.err):
            self.counts["interrupted while Python started"] += 1
        elif "Traceback (most recent call last)" in ended.err or ended.code == 70:
            raise Violation("crash", ended.err[-3000:])
        if ended.code is not None and ended.code < 0 and not running.was_killed:
            raise Violation("crash", f"signal {-ended.code}")
        self.say(f"→ {ended.code}")
        self._check_lock()
        return ended

    def _check_lock(self) -> None:
        lock = self.site.root / "project.lock"
        try:
            text = lock.read_bytes()
        except OSError:
            return
        if any(line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")) for line in text.splitlines()):
            return  # ours, and not yet rewritten
        try:
            data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
            if not self._lock_was_broken(text):
                raise Violation("lock", f"project.lock is no YAML: {error}") from None
            return
        if data is not None and not isinstance(data, dict) and not self._lock_was_broken(text):
            raise Violation("lock", "project.lock is no mapping")

    def _lock_was_broken(self, text: bytes) -> bool:
        return text in self.states.broken

    def book(self, step: Step) -> Book:
        return self.books.setdefault(step.name, Book())

    def judge_calm(self, words: list[str], ended: Ended, expected: Expected, after: Tree, orphans: bool) -> None:
        rows = ended.steps
        self.check_code(ended, expected, rows is not None)
        if rows is None:
            return
        project = self.site.project
        for turn in expected.turns:
            row = rows.get(turn.step.name)
            if row is None:
                raise Violation("plan", f"`{turn.step.name}` is not in the plan")
            book = self.book(turn.step)
            if row["result"] == "restored":
                self.counts["restores"] += 1
                book.restored = True
            elif row["result"] == "ran":
                book.restored = False
            if row["result"] == "available":
                self._check_available(turn, book, after)
                continue
            if row["result"] in CLAIMS:
                if turn.after is None:
                    raise Violation("wrong claim", f"`{turn.step.name}` cannot be {row['result']}")
                if turn.step.name not in project.alternatives:
                    self._check_outputs(turn, after, row["result"])
            elif row["result"] == "not recorded":
                raise Violation("wrong claim", f"`{turn.step.name}`: nothing changed while it ran")
            if "--force" not in words:
                self._check_reasons(turn, book, row["result"], row["reasons"], orphans)
            self.learn(turn, book, row["result"], after)
        if ended.code == 0:
            for turn in expected.turns:
                if rows[turn.step.name]["result"] != "available":
                    self._check_end(turn.step, after, expected.tree)

    def _check_available(self, turn: Turn, book: Book, after: Tree) -> None:
        """Its outputs are absent or right, and a run of it made them."""
        self.counts["available"] += 1
        if turn.after is None or turn.step.no_skip:
            raise Violation("wrong claim", f"`{turn.step.name}` cannot be available")
        if self.essence(turn.step, turn.after) not in book.history and not (book.anything or book.cached):
            raise Violation("wrong claim", f"`{turn.step.name}` is available, but never ran like this")
        for path, view in turn.after.outputs:
            if output_view(after, path) not in ((), view):
                raise Violation("wrong claim", f"`{turn.step.name}` is available, but `{path}` differs")

    def _check_end(self, step: Step, after: Tree, expected: Tree) -> None:
        for path in step.all_outputs:
            found = output_view(after, path)
            if found != output_view(expected, path) and not self._may_lack(step, path, found):
                raise Violation("wrong output", f"`{path}` after exit 0")

    def _may_lack(self, step: Step, path: str, found: View) -> bool:
        """Return whether a restored result explains that an `outputs_no_cache` path is absent."""
        return not found and path in map(path_of, step.no_cache) and self.book(step).restored

    def check_code(self, ended: Ended, expected: Expected, has_rows: bool) -> None:
        turns = expected.turns
        if not expected.fails:
            wanted = {0}
        elif any(turn.is_missing or turn.is_unreadable for turn in turns):
            wanted = {1, 3}
        else:
            wanted = {3}
        if ended.code not in wanted or (not has_rows and ended.code != 1):
            raise Violation("exit code", f"{ended.code}, expected {sorted(wanted)}: {ended.err[-2000:]}")

    def _check_outputs(self, turn: Turn, tree: Tree, claim: str) -> None:
        assert turn.after is not None
        for path, view in turn.after.outputs:
            found = output_view(tree, path)
            if found != view and not self._may_lack(turn.step, path, found):
                kind = "wrong skip" if claim != "ran" else "wrong output"
                what = f"`{turn.step.name}` is {claim}, but `{path}` is\n{found}\ninstead of\n{view}"
                raise Violation(kind, what)

    def _check_reasons(self, turn: Turn, book: Book, result: str, reasons: list[str], orphans: bool) -> None:
        """A skip needs a run that it stands for, and a run a reason that is true."""
        step = turn.step
        if not step.all_outputs or step.name in self.site.project.alternatives:
            return
        if result == "up to date":
            self.counts["skips"] += 1
            if self.essence(step, turn.before) not in book.history and not (book.anything or book.cached):
                raise Violation("wrong skip", f"`{step.name}` never ran as it is now, although its outputs are right")
            if step.no_skip:
                raise Violation("wrong skip", f"`{step.name}` has no_skip")
        elif result == "restored" and self.essence(step, turn.after or turn.before) not in book.history:
            if not book.cached:
                raise Violation("wrong claim", f"`{step.name}` is restored, but never ran like this")
        elif result in ("ran", "restored"):
            self.counts["executions"] += result == "ran"
            if not book.unsure and not orphans and not step.no_skip:
                self._check_need(turn, book, reasons)
            elif turn.before == book.sure and not step.no_skip:
                told = list(dict.fromkeys(reason.split(":")[0] for reason in reasons))
                self.needless[f"after {book.unsure}: {', '.join(told)}"] += 1

    def _check_need(self, turn: Turn, book: Book, reasons: list[str]) -> None:
        if book.sure is None:
            return
        if turn.before == book.sure:
            raise Violation("needless", f"`{turn.step.name}`: {reasons}")
        for reason in reasons:
            if not _is_true(reason, book.sure, turn.before):
                raise Violation("false reason", f"`{turn.step.name}`: {reason}")

    def essence(self, step: Step, run: Run) -> Run:
        """Return what of a run is the same for a restored one: without `outputs_no_cache`."""
        if self.cache is None:
            return run
        dropped = set(map(path_of, step.no_cache))
        return replace(run, outputs=tuple(pair for pair in run.outputs if pair[0] not in dropped))

    def learn(self, turn: Turn, book: Book, result: str, tree: Tree) -> None:
        """Note what a step's last record must hold after it came to a result. `tree`: after the run."""
        if result in CLAIMS and turn.after is not None:
            outputs = turn.after.outputs
            if book.restored:
                dropped = set(map(path_of, turn.step.no_cache))
                outputs = tuple((path, output_view(tree, path) if path in dropped else view) for path, view in outputs)
            book.sure, book.unsure, book.anything = replace(turn.after, outputs=outputs), "", False
            book.history.add(self.essence(turn.step, turn.after))
        elif result == "interrupted":
            book.unsure = "interrupted"

    def judge_disturbed(
        self,
        runs: list[tuple[Running, str, Expected]],
        *,
        orphans: bool,
        was_edited: bool,
        is_faulty: bool = False,
        is_forced: bool = False,
    ) -> None:
        """After a kill, a fault or an edit in its midst, only what is certain is judged and learned."""
        ended = {number: self.ended(running) for running, number, _ in runs}
        for running, _, _ in runs:
            if running.was_killed and running.wait() and not survivors(self.mark):
                self.counts["kills that left nobody"] += 1
        why = "edited" if was_edited else "fault" if is_faulty else "killed"
        events = self.log.new()
        started = {(step, number) for what, step, number in events if what == "start"}
        finished = {(step, number) for what, step, number in events if what == "end"}
        for _, number, expected in runs:
            told = ended[number].err
            for turn in expected.turns:
                name = turn.step.name
                book = self.book(turn.step)
                book.restored = book.restored or self.cache is not None
                is_settled = not book.unsure and not was_edited and not orphans and not is_faulty
                if (name, number) not in started:
                    if turn.before != book.sure or is_forced:
                        book.unsure = book.unsure or why  # perhaps its start was noted, and no more
                    continue
                if is_settled and len(runs) == 1 and turn.step.all_outputs and turn.before == book.sure:
                    self._check_disturbed_need(turn, told)
                book.unsure = why
                if turn.after is not None and (name, number) in finished:
                    book.history.add(self.essence(turn.step, turn.after))
                book.anything = book.anything or was_edited
                book.cached = book.cached or (was_edited and self.cache is not None)
                is_certain = not was_edited and len(runs) == 1 and name not in self.site.project.alternatives
                if is_certain and turn.after is not None and f"✔ {name} " in told:
                    book.sure, book.unsure, book.anything, book.restored = turn.after, "", False, False
                    self.counts["steps that ended before the kill"] += 1

    def _check_disturbed_need(self, turn: Turn, told: str) -> None:
        step = turn.step
        if step.no_skip or step.name in self.site.project.alternatives or f"{step.name}: forced" in told:
            return
        raise Violation("needless", f"`{step.name}` in a run that was killed: {told[-1000:]}")

    def _judge_several(self, runs: list[tuple[Running, str, Expected]]) -> None:
        """All of them must succeed, and nothing run twice."""
        numbers = {number for _, number, _ in runs}  # an orphan of an earlier run may have begun since its death
        times = Counter(step for what, step, number in self.log.new() if what == "start" and number in numbers)
        after = self.tree()
        for running, _, _ in runs:
            ended = self.ended(running)
            if ended.code != 0:
                raise Violation("exit code", f"{ended.code} in one of several runs: {ended.err[-2000:]}")
            for name, row in (ended.steps or {}).items():
                self.books.setdefault(name, Book()).restored |= row["result"] == "restored"
        for running, _, expected in runs:  # a step that one restored is up to date for the others
            rows = self.ended(running).steps or {}
            for turn in expected.turns:
                self._check_outputs(turn, after, rows[turn.step.name]["result"])
        for turn in {turn.step.name: turn for _, _, expected in runs for turn in expected.turns}.values():
            step, book = turn.step, self.book(turn.step)
            if step.all_outputs and not step.no_skip:
                if times[step.name] > 1:
                    raise Violation("needless", f"`{step.name}` ran {times[step.name]} times in several runs")
                if times[step.name] and not book.unsure and turn.before == book.sure:
                    raise Violation("needless", f"`{step.name}` in one of several runs")
            book.restored = book.restored or self.cache is not None
            self.learn(turn, book, "ran", after)


def _ended_before_proj_began(err: str) -> bool:
    """Whether a signal ended Python while it started, which shows a traceback of its own."""
    return "Python runtime state: core initialized" in err or ("KeyboardInterrupt" in err and "frozen" in err)


def _is_true(reason: str, then: Run, now: Run) -> bool:
    """Return whether a reported reason is true."""
    why, _, subject = reason.partition(": ")
    subject = subject.partition(" (")[0]
    deps, outputs = (dict(then.deps), dict(now.deps)), (dict(then.outputs), dict(now.outputs))
    match why:
        case "script changed":
            return then.lines != now.lines or then.shell != now.shell
        case "dep added" | "dep removed":
            return deps[0].keys() != deps[1].keys()
        case "dep changed":
            return deps[0].get(subject) != deps[1].get(subject)
        case "env changed":
            return then.value != now.value
        case "output missing" | "output changed":
            return outputs[0].get(subject) != outputs[1].get(subject) or subject not in outputs[0]
        case "outputs list changed":
            return outputs[0].keys() != outputs[1].keys()
    return why == "no_skip"


def _mount(directory: Path) -> bool:
    """A small disk of its own, if we may."""
    if os.geteuid():
        return False
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "soak", str(directory)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@contextmanager
def world(seed: int, base: Path) -> Iterator[World]:
    made = World(seed, base)
    try:
        yield made
    finally:
        made.close()
