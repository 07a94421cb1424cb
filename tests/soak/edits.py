"""What people, editors, git and bad luck do to a project between two runs, and while one is going on."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from soak.model import read_tree
from soak.projects import FLAGS, SOURCE_DEPS, SOURCES, Project, Step, random_project

SOURCE_DIRS = ("data", "corpus", "corpus/x", "corpus/y")


@dataclass
class Site:
    """A project on disk, and what it should look like."""

    root: Path
    random: Random
    project: Project
    value: str | None = None  # of SOAK_VALUE
    in_dotenv: bool = False  # where it comes from; else from the environment of `proj`

    def write_project(self) -> None:
        _replace(self.root / "project.yml", self.project.as_yaml().encode())
        for step in self.project.steps:
            if step.script_file:
                path = self.root / step.script_path
                path.parent.mkdir(exist_ok=True)
                if not path.exists() or path.read_bytes() != step.script_text:
                    _replace(path, step.script_text)
        self.write_dotenv()

    def write_dotenv(self) -> None:
        text = f"SOAK_VALUE={self.value}\n" if self.in_dotenv and self.value is not None else "# nothing\n"
        _replace(self.root / ".env", text.encode())

    def environ(self) -> dict[str, str]:
        return {} if self.in_dotenv or self.value is None else {"SOAK_VALUE": self.value}

    def write_sources(self) -> None:
        for name, content in SOURCES.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def source_files(self) -> list[Path]:
        tree = read_tree(self.root)
        names = [name for name, (kind, _) in tree.items() if kind == "f" and is_source(name)]
        return [self.root / name for name in sorted(names)]

    def outputs(self) -> list[Path]:
        made = sorted({path for step in self.project.steps for path in step.all_outputs})
        return [self.root / path for path in made if os.path.lexists(self.root / path)]


def is_source(name: str) -> bool:
    return name.split("/")[0] in ("data", "corpus", "cfg.txt", "in put.txt")


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.edit")
    new.write_bytes(content)
    os.replace(new, path)


def restore_sources(site: Site) -> None:
    """Put all sources back as they were first."""
    _restore_sources(site)


def edit(site: Site, kind: str | None = None) -> str:
    """One random edit; what it was."""
    kinds = {"source": 50, "output": 22, "project": 22, "env": 6}
    kind = kind or site.random.choices(list(kinds), list(kinds.values()))[0]
    chosen = site.random.choice(EDITS[kind])
    told = chosen(site)
    return f"{kind}: {chosen.__name__.strip('_')}{f' {told}' if told else ''}"


# -- sources -----------------------------------------------------------------------------------------------------------


def _pick(site: Site, paths: list[Path]) -> Path:
    if not paths:
        site.write_sources()
        paths = site.source_files()
    return site.random.choice(paths)


def _content(site: Site) -> bytes:
    return f"{site.random.randrange(10**6)}\n".encode() * site.random.choice((1, 1, 1, 3, 400))


def _write_source(site: Site) -> str:
    path = _pick(site, site.source_files())
    path.write_bytes(_content(site))
    return path.name


def _same_size(site: Site) -> str:
    """Also several times within a tick of the clock, and with the old time put back."""
    path = _pick(site, site.source_files())
    before = path.stat()
    for _ in range(site.random.choice((1, 1, 3))):
        size = max(1, before.st_size)
        with open(path, "r+b") as file:
            file.write(bytes(site.random.choices(b"abcdefgh", k=size)))
    if site.random.random() < 0.5:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path.name


def _flip_and_back(site: Site) -> str:
    path = _pick(site, site.source_files())
    content = path.read_bytes()
    path.write_bytes(content.swapcase() + b"!")
    path.write_bytes(content)
    return path.name


def _touch(site: Site) -> str:
    path = _pick(site, site.source_files())
    at = time.time() + site.random.choice((0, -1, -3600, -(10**8), 3600, 10**8))
    os.utime(path, (at, at))
    return path.name


def _replace_source(site: Site) -> str:
    path = _pick(site, site.source_files())
    _replace(path, _content(site))
    return path.name


def _delete_source(site: Site) -> str:
    path = _pick(site, site.source_files())
    path.unlink()
    return path.name


def _restore_sources(site: Site) -> None:
    for name in SOURCES:
        path = site.root / name
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            for parent in path.parents:
                if parent.is_file() or parent.is_symlink():
                    parent.unlink()
    site.write_sources()


def _rename_in_directory(site: Site) -> str:
    path = _pick(site, site.source_files())
    path.rename(path.with_name(site.random.choice(("renamed.txt", f"n {site.random.randrange(9)}.csv", "ü"))))
    return path.name


def _move_to_directory(site: Site) -> str:
    path = _pick(site, site.source_files())
    directory = site.root / site.random.choice(SOURCE_DIRS)
    directory.mkdir(parents=True, exist_ok=True)
    path.rename(directory / path.name)
    return path.name


def _swap_files(site: Site) -> str:
    one, other = _pick(site, site.source_files()), _pick(site, site.source_files())
    if one != other:
        aside = one.with_name("aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
    return f"{one.name} {other.name}"


def _move_bytes(site: Site) -> str:
    """From one file's end to the next one's start."""
    files = site.source_files()
    one, other = _pick(site, files), _pick(site, files)
    content = one.read_bytes()
    other.write_bytes(content[-1:] + other.read_bytes())
    one.write_bytes(content[:-1])
    return f"{one.name} {other.name}"


def _new_entry(site: Site) -> str:
    directory = site.root / site.random.choice(SOURCE_DIRS)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"new{site.random.randrange(4)}"
    if not os.path.lexists(path):
        match site.random.randrange(5):
            case 0:
                path.mkdir()
            case 1:
                path.symlink_to("nowhere")
            case 2:
                files = [file for file in directory.iterdir() if file.is_file() and not file.is_symlink()]
                path.symlink_to(site.random.choice(files).name if files else "a.csv")
            case _:
                path.touch()
    return path.name


def _remove_entry(site: Site) -> str:
    directory = site.root / site.random.choice(SOURCE_DIRS)
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    small = [entry for entry in entries if entry.is_symlink() or not entry.is_dir() or not any(entry.iterdir())]
    if small:
        remove(site.random.choice(small))
    return str(len(small))


def _file_to_directory(site: Site) -> str:
    path = _pick(site, site.source_files())
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / path.name).write_bytes(content)
    return path.name


def _directory_to_file(site: Site) -> str:
    path = site.root / site.random.choice(("corpus/x", "cfg.txt", "corpus/y"))
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_content(site))
    return path.name


def _mode(site: Site) -> str:
    path = _pick(site, site.source_files())
    path.chmod(site.random.choice((0o755, 0o644)))
    return path.name


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


SOURCE_EDITS: list[Callable[[Site], str | None]] = [
    *([_write_source, _same_size, _replace_source] * 3),
    *([_flip_and_back, _touch, _rename_in_directory, _move_to_directory, _swap_files, _move_bytes] * 2),
    *(_new_entry, _remove_entry, _file_to_directory, _directory_to_file, _mode, _delete_source),
    *([_restore_sources] * 3),
]


# -- outputs -----------------------------------------------------------------------------------------------------------


def _files_of(path: Path) -> list[Path]:
    if path.is_symlink() or not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def _some_output_file(site: Site) -> Path | None:
    outputs = site.outputs()
    files = _files_of(site.random.choice(outputs)) if outputs else []
    return site.random.choice(files) if files else None


def _delete_output(site: Site) -> str | None:
    outputs = site.outputs()
    if not outputs:
        return None
    path = site.random.choice(outputs)
    remove(path)
    return path.name


def _delete_output_file(site: Site) -> str | None:
    if path := _some_output_file(site):
        path.unlink()
    return path.name if path else None


def _truncate_output(site: Site) -> str | None:
    if path := _some_output_file(site):
        os.truncate(path, path.stat().st_size // 2)
    return path.name if path else None


def _corrupt_output(site: Site) -> str | None:
    if path := _some_output_file(site):
        before = path.stat()
        path.write_bytes(bytes(reversed(path.read_bytes())))
        if site.random.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path.name if path else None


def _touch_output(site: Site) -> str | None:
    if path := _some_output_file(site):
        os.utime(path)
    return path.name if path else None


def _append_to_output(site: Site) -> str | None:
    if path := _some_output_file(site):
        with open(path, "ab") as file:
            file.write(b"more\n")
    return path.name if path else None


def _add_to_output(site: Site) -> str | None:
    outputs = [path for path in site.outputs() if path.is_dir() and not path.is_symlink()]
    if not outputs:
        return None
    path = site.random.choice(outputs) / "extra.txt"
    path.touch()
    return path.parent.name


def _other_kind_of_output(site: Site) -> str | None:
    outputs = site.outputs()
    if not outputs:
        return None
    path = site.random.choice(outputs)
    is_directory = path.is_dir()
    remove(path)
    if is_directory:
        path.write_text("a file\n")
    else:
        path.mkdir()
    return path.name


def _rewrite_output(site: Site) -> str | None:
    """The same bytes in a new file."""
    if path := _some_output_file(site):
        _replace(path, path.read_bytes())
    return path.name if path else None


OUTPUT_EDITS: list[Callable[[Site], str | None]] = [
    *(_delete_output, _delete_output_file, _truncate_output, _corrupt_output, _touch_output),
    *(_append_to_output, _add_to_output, _other_kind_of_output, _rewrite_output),
]


# -- project.yml, the environment --------------------------------------------------------------------------------------


def _with_random_step(site: Site, change: Callable[[Step], Step | None]) -> str | None:
    steps = [step for step in site.project.steps if step.name not in site.project.alternatives]
    if not steps:
        return None
    step = site.random.choice(steps)
    if changed := change(step):
        site.project = site.project.with_step(changed)
        site.write_project()
    return step.name


def _change_salt(site: Site) -> str | None:
    prefix = "bad" if site.random.random() < 0.08 else "s"
    salt = f"{prefix}{site.random.randrange(10 ** site.random.randint(1, 4))}"
    return _with_random_step(site, lambda step: replace(step, salt=salt))


def _mend_bad(site: Site) -> str | None:
    for step in site.project.steps:
        if step.is_bad:
            site.project = site.project.with_step(replace(step, salt="s" + step.salt[3:]))
    site.write_project()
    return None


def _change_flags(site: Site) -> str | None:
    flag = site.random.choice(list(FLAGS))
    return _with_random_step(site, lambda step: replace(step, flags=step.flags ^ {flag}))


def _change_how(site: Site) -> str | None:
    name = site.random.choice(("env", "split", "shell", "no_skip", "script_file"))

    def change(step: Step) -> Step | None:
        if not step.all_outputs or (name == "no_skip" and site.random.random() < 0.7):
            return None
        switched: dict[str, Any] = {name: not getattr(step, name)}
        return replace(step, **switched)

    return _with_random_step(site, change)


def _change_deps(site: Site) -> str | None:
    def change(step: Step) -> Step | None:
        if not step.all_outputs:
            return None
        if len(step.deps) > 1 and site.random.random() < 0.4:
            gone = site.random.choice(step.deps)
            return replace(step, deps=tuple(dep for dep in step.deps if dep != gone))
        if site.random.random() < 0.3:
            return replace(step, deps=tuple(reversed(step.deps)))
        return replace(step, deps=tuple(dict.fromkeys((*step.deps, site.random.choice(SOURCE_DEPS)))))

    return _with_random_step(site, change)


def _change_outputs(site: Site) -> str | None:
    def change(step: Step) -> Step | None:
        extra = f"f:out/{step.name}-extra"
        if not step.all_outputs:
            return None
        if extra in step.outputs:
            return replace(step, outputs=tuple(one for one in step.outputs if one != extra))
        return replace(step, outputs=(*step.outputs, extra))

    return _with_random_step(site, change)


def _comment(site: Site) -> None:
    site.project = replace(site.project, comment=site.project.comment + 1)
    site.write_project()


def _other_order(site: Site) -> str | None:
    if site.project.is_ordered:
        return None
    listed = list(site.project.listed)
    site.random.shuffle(listed)
    site.project = replace(site.project, listed=tuple(listed))
    site.write_project()
    return None


def _new_project(site: Site) -> None:
    """Rarely: all that was made stays where it is."""
    if site.random.random() < 0.15:
        site.project = replace(random_project(site.random), digest=site.project.digest, cache=site.project.cache)
    site.write_project()


PROJECT_EDITS: list[Callable[[Site], str | None]] = [
    *([_change_salt] * 4),
    *([_mend_bad] * 4),
    *(_change_flags, _change_how, _change_deps, _change_outputs, _comment, _other_order, _new_project),
]


def _change_env(site: Site) -> str:
    site.value = site.random.choice((None, "", "1", "2", "007"))
    site.in_dotenv = site.random.random() < 0.5
    site.write_dotenv()
    return repr(site.value)


# -- what proj keeps ---------------------------------------------------------------------------------------------------


class States:
    """What happens to project.lock and .proj. Each says whether what is recorded may be lost with it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._random = site.random
        self._lock = site.root / "project.lock"
        self._proj = site.root / ".proj"
        self._old: list[bytes] = []  # earlier states of project.lock
        self.broken: set[bytes] = set()  # what was made of project.lock here

    def remember(self) -> None:
        with contextlib.suppress(OSError):
            text = self._lock.read_bytes()
            if text not in self._old[-1:] and text not in self.broken:
                self._old = [*self._old[-5:], text]

    def harm(self) -> tuple[str, bool]:
        """Something random; (what it was, whether records may be lost)."""
        harms = {
            self._no_cache: 3,
            self._broken_cache: 5,
            self._unreadable_cache: 1,
            self._no_lock: 2,
            self._old_lock: 2,
            self._broken_lock: 2,
            self._markers: 3,
            self._merged_by_git: 3,
            self._broken_journal: 3,
            self._strange_journal: 1,
            self._no_state: 2,
        }
        chosen = self._random.choices(list(harms), list(harms.values()))[0]
        loses = chosen()
        with contextlib.suppress(OSError):
            self.broken.add(self._lock.read_bytes())
        return f"state: {chosen.__name__.strip('_')}", loses

    def _no_cache(self) -> bool:
        shutil.rmtree(self._proj / "cache", ignore_errors=True)
        return False

    def _broken_cache(self) -> bool:
        for path in self._files("cache", "*"):
            self._break(path)
        return False

    def _unreadable_cache(self) -> bool:
        """A directory in the place of a file."""
        for path in self._files("cache", "*"):
            path.unlink()
            path.mkdir()
        return False

    def _no_lock(self) -> bool:
        self._lock.unlink(missing_ok=True)
        return True

    def _old_lock(self) -> bool:
        if self._old:
            self._lock.write_bytes(self._random.choice(self._old))
        return True

    def _broken_lock(self) -> bool:
        if self._lock.exists():
            self._break(self._lock)
        return True

    def _markers(self) -> bool:
        """Both sides whole: the one of now among them."""
        if not self._old or not self._lock.exists():
            return False
        sides = [self._lock.read_bytes(), self._random.choice(self._old)]
        was_broken = sides[0] in self.broken
        self._random.shuffle(sides)
        self._lock.write_bytes(b"<<<<<<< ours\n%b=======\n%b>>>>>>> theirs\n" % tuple(sides))
        return was_broken

    def _merged_by_git(self) -> bool:
        """As git merges, piece by piece: what belongs together may come apart."""
        if len(self._old) < 2 or not self._lock.exists():
            return False
        others = [self._proj.parent.with_name(name) for name in ("base", "theirs")]
        for path, text in zip(others, self._random.sample(self._old, 2), strict=True):
            path.write_bytes(text)
        words = ["git", "merge-file", "-p", str(self._lock), *map(str, others)]
        merged = subprocess.run(words, capture_output=True, check=False).stdout
        self._lock.write_bytes(merged)
        for path in others:
            path.unlink()
        return True

    def _broken_journal(self) -> bool:
        journals = self._files("runs", "*.jsonl")
        for path in journals:
            self._break(path)
        return bool(journals)

    def _strange_journal(self) -> bool:
        runs = self._proj / "runs"
        if runs.is_dir():
            lines = b'null\n[1]\n{"event": "started"}\n{"event": "recorded", "record": 3}\n\xff\xfe\n{"event": "began"'
            (runs / "1-2-abc.jsonl").write_bytes(lines)
        return False

    def _no_state(self) -> bool:
        """As in a fresh clone. Journals that were not folded yet are lost."""
        shutil.rmtree(self._proj, ignore_errors=True)
        return True

    def _files(self, directory: str, pattern: str) -> list[Path]:
        found = (path for path in (self._proj / directory).glob(pattern) if path.is_file())
        return [path for path in sorted(found) if self._random.random() < 0.7]

    def _break(self, path: Path) -> None:
        content = path.read_bytes().rstrip(b" ")
        at = self._random.randrange(len(content) + 1)
        junk = bytes(self._random.choices(range(256), k=20))
        broken = self._random.choice((content[:at], b"", content[:at] + junk + content[at + 20 :], junk))
        path.write_bytes(broken)


EDITS: dict[str, list[Callable[[Site], str | None]]] = {
    "source": SOURCE_EDITS,
    "output": OUTPUT_EDITS,
    "project": PROJECT_EDITS,
    "env": [_change_env],
}
