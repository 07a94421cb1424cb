"""Random small projects: steps that call work.sh, as data, and their project.yml."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import yaml

WORK = "../work.sh"
FLAGS = {"slow": 0.4, "inplace": 0.2, "background": 0.2, "deaf": 0.05, "long": 0.03}  # with how likely each is
SOURCES = {
    "cfg.txt": b"alpha = 1\n",
    "in put.txt": b"two words\n",
    "data/a.csv": b"1,2\n",
    "data/b.csv": b"3,4\n",
    "data/note.txt": b"n\n",
    "corpus/x/1.txt": b"one\n",
    "corpus/x/2.txt": b"two\n",
    "corpus/y/3.txt": b"three\n",
    "corpus/\xc3\xa9.txt".encode("latin-1").decode("utf-8"): b"e\n",
}
SOURCE_DEPS = ("cfg.txt", "in put.txt", "data", "data/a.csv", "data/*.csv", "corpus", "corpus/x", "corpus/x/2.txt")


@dataclass(frozen=True)
class Step:
    """One command. Outputs as work.sh takes them: `f:PATH`, `d:PATH`, `m:PATH`."""

    name: str
    salt: str = "s"
    outputs: tuple[str, ...] = ()
    no_cache: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()
    reads_own: bool = False  # its first output is a dep of it, too
    flags: frozenset[str] = frozenset()
    env: bool = False  # $VALUE is a part of it
    script_file: bool = False  # what it does stands in a file, which is a dep
    split: bool = False  # in two lines
    shell: bool = False
    no_skip: bool = False

    @property
    def is_bad(self) -> bool:
        return self.salt.startswith("bad")

    @property
    def all_outputs(self) -> tuple[str, ...]:
        return tuple(path_of(output) for output in (*self.outputs, *self.no_cache))

    @property
    def script_path(self) -> str:
        return f"scripts/{self.name}.sh"

    @property
    def declared_deps(self) -> tuple[str, ...]:
        own = self.all_outputs[:1] if self.reads_own else ()
        return (*((self.script_path,) if self.script_file else ()), *self.deps, *own)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of its script, in project.yml."""
        return (f"sh {self.script_path}",) if self.script_file else self.work

    @property
    def work(self) -> tuple[str, ...]:
        """What is done, wherever it stands."""
        outputs = (*self.outputs, *self.no_cache)
        parts = [outputs[:1], outputs[1:]] if self.split else [outputs]
        lines = []
        for index, part in enumerate(parts):
            ends = [*(["first"] if index == 0 else []), *(["last"] if index == len(parts) - 1 else [])]
            flags = ",".join(["", *ends, *sorted(self.flags), ""])
            lines.append(shlex.join(["sh", WORK, self.name, self.salt, flags, *part, "--", *self.deps]))
        return tuple(lines)

    @property
    def script_text(self) -> bytes:
        return ("set -e\n" + "".join(f"{line}\n" for line in self.work)).encode()


@dataclass(frozen=True)
class Project:
    steps: tuple[Step, ...]  # each after the producers of its deps
    listed: tuple[str, ...]  # the order of the file and of the workflow `all`
    digest: str = "md5"
    alternatives: frozenset[str] = frozenset()  # steps that share outputs, or read what is shared
    comment: int = 0
    some: tuple[str, ...] = field(default=())  # the workflow `some`
    cache: str = ""  # what `cache:` is; none if empty

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def with_step(self, changed: Step) -> Project:
        return replace(self, steps=tuple(changed if step.name == changed.name else step for step in self.steps))

    @property
    def is_ordered(self) -> bool:
        """The order of its list matters: it has barriers or alternatives."""
        return bool(self.alternatives) or any(not step.all_outputs for step in self.steps)

    def plan(self, target: str, *, only: bool = False) -> tuple[Step, ...]:
        """The steps that a run of the target brings up to date, in an order that respects the deps."""
        wanted = self._named(target)
        if not only:
            wanted = self._with_makers(wanted)
        return tuple(step for step in self.steps if step.name in wanted)

    def _named(self, target: str) -> set[str]:
        return set({"all": self.listed, "some": self.some}.get(target, (target,)))

    def _with_makers(self, names: Iterable[str]) -> set[str]:
        wanted, new = set(), set(names)
        while new:
            wanted |= new
            needed = {
                maker.name
                for name in new
                for dep in self.step(name).deps
                for maker in self.steps
                if any(overlap(dep, output) for output in maker.all_outputs)
            }
            new = needed - wanted
        return wanted

    def as_yaml(self) -> str:
        commands = [_command(self.step(name)) for name in self.listed]
        data: dict[str, Any] = {
            "title": "soak",
            "dotenv": [".env"],
            "env": {"value": "SOAK_VALUE"},
            "commands": commands,
            "workflows": {"all": list(self.listed)} | ({"some": list(self.some)} if self.some else {}),
        }
        if self.digest != "md5":
            data["digest"] = self.digest
        if self.cache:
            data["cache"] = self.cache
        return f"# {self.comment}\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _command(step: Step) -> dict[str, Any]:
    command: dict[str, Any] = {"name": step.name, "script": list(step.lines)}
    if step.declared_deps:
        command["deps"] = list(step.declared_deps)
    if step.outputs:
        command["outputs"] = [path_of(output) for output in step.outputs]
    if step.no_cache:
        command["outputs_no_cache"] = [path_of(output) for output in step.no_cache]
    if step.env:
        command["env"] = {"VALUE": "v-${env.value}"}
    if step.shell:
        command["shell"] = True
    if step.no_skip:
        command["no_skip"] = True
    return command


def path_of(output: str) -> str:
    return output.partition(":")[2]


def overlap(dep: str, output: str) -> bool:
    """Of a dep and an output; globs are made for sources only."""
    return "*" not in dep and (dep == output or dep.startswith(f"{output}/") or output.startswith(f"{dep}/"))


def random_project(random: Random) -> Project:
    """5 to 20 steps. One in eight has alternatives, one in four barriers; the others are listed in any order."""
    kind = random.choices(("plain", "barriers", "alternatives"), (5, 2, 1))[0]
    steps: list[Step] = []
    open_groups = ["g0", "g1"]
    for index in range(random.randint(5, 20 if random.random() < 0.3 else 10)):
        if kind == "barriers" and index and random.random() < 0.2:
            steps.append(Step(f"b{index}", salt=_salt(random)))
        else:
            steps.append(_random_step(random, f"s{index}", steps, open_groups))
    alternatives: frozenset[str] = frozenset()
    if kind == "alternatives":
        new = _alternatives(random)
        steps += new
        alternatives = frozenset(step.name for step in new)
    listed = [step.name for step in steps]
    if kind == "plain" and random.random() < 0.6:
        random.shuffle(listed)
    some = () if alternatives else tuple(random.sample(listed, min(3, len(listed))))
    digest = "blake3" if random.random() < 0.15 else "md5"
    project = Project(tuple(steps), tuple(listed), digest, alternatives, some=some)
    return replace(project, some=()) if project.is_ordered else project


def _salt(random: Random) -> str:
    return f"{'bad' if random.random() < 0.06 else 's'}{random.randrange(10 ** random.randint(1, 3))}"


def _random_step(random: Random, name: str, before: list[Step], open_groups: list[str]) -> Step:
    deps = _random_deps(random, before, open_groups)
    group = random.choice(open_groups) if open_groups and random.random() < 0.4 else "out"
    kinds = random.choices("fd", (3, 2), k=random.choice((1, 1, 1, 2)))
    return Step(
        name,
        salt=_salt(random),
        outputs=tuple(f"{kind}:{group}/{name}-{number}" for number, kind in enumerate(kinds)),
        no_cache=tuple(f"{random.choice('mf')}:metrics/{name}.json" for _ in range(random.random() < 0.2)),
        deps=deps,
        reads_own=random.random() < 0.08,
        flags=frozenset(flag for flag, chance in FLAGS.items() if random.random() < chance),
        env=random.random() < 0.2,
        script_file=random.random() < 0.25,
        split=random.random() < 0.2,
        shell=random.random() < 0.15,
        no_skip=random.random() < 0.03,
    )


def _random_deps(random: Random, before: list[Step], open_groups: list[str]) -> tuple[str, ...]:
    deps = []
    for _ in range(random.randint(1, 3)):
        makers = [step for step in before if step.outputs]
        choice = random.random()
        if makers and choice < 0.55:
            maker = random.choice(makers[-4:] if random.random() < 0.7 else makers)
            output = random.choice(maker.outputs)
            inside = output.startswith("d:") and random.random() < 0.3
            deps.append(path_of(output) + ("/a.txt" if inside else ""))
        elif choice < 0.62 and any(made.startswith(f"{group}/") for group in open_groups for made in _made(before)):
            group = random.choice(open_groups)
            if any(made.startswith(f"{group}/") for made in _made(before)):
                open_groups.remove(group)  # it gets no more outputs: its producers all come before this step
                deps.append(group)
        else:
            deps.append(random.choice(SOURCE_DEPS))
    return tuple(dict.fromkeys(deps))


def _made(steps: list[Step]) -> list[str]:
    return [path for step in steps for path in step.all_outputs]


def _alternatives(random: Random) -> list[Step]:
    """make1 → x, use1, make2 → x, use2."""
    kind = random.choice("fd")
    makes = [Step(f"make{n}", f"s{n}", (f"{kind}:alt/x",), deps=(random.choice(SOURCE_DEPS),)) for n in (1, 2)]
    uses = [Step(f"use{n}", f"s{n}", (f"f:out/use{n}",), deps=("alt/x",)) for n in (1, 2)]
    return [makes[0], uses[0], makes[1], uses[1]]
