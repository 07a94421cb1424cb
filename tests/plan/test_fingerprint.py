"""What goes into a run, its key, and why a step must run. The golden vectors are in test_formats.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weaselish.model.project import Command
from weaselish.plan.digests import ABSENT, digest_bytes
from weaselish.plan.fingerprint import (
    Fingerprint,
    Reason,
    ReasonKind,
    Record,
    RecordedOutput,
    fingerprint,
    reasons_to_run,
)

BASE = Fingerprint(
    script=("python train.py", "echo done"),
    args=("--n", "5"),
    deps=(("data", "d1.dir"), ("config", "c1")),
    env=(("A", "e1"), ("env.HOME", "e2"), ("env.X", None)),
    shell=False,
    workdir=".",
)

CHANGES: dict[str, Fingerprint] = {
    "a line changed": BASE._replace(script=("python train.py ", "echo done")),
    "a line added": BASE._replace(script=("python train.py", "echo done", "")),
    "lines joined": BASE._replace(script=("python train.pyecho done",)),
    "lines swapped": BASE._replace(script=("echo done", "python train.py")),
    "text moved between lines": BASE._replace(script=("python train.pye", "cho done")),
    "an argument moved into the script": BASE._replace(script=(*BASE.script, "--n"), args=("5",)),
    "arguments joined": BASE._replace(args=("--n5",)),
    "no arguments": BASE._replace(args=()),
    "a dep changed": BASE._replace(deps=(("data", "d2.dir"), ("config", "c1"))),
    "a dep missing": BASE._replace(deps=(("data", None), ("config", "c1"))),
    "a dep renamed": BASE._replace(deps=(("dat", "d1.dir"), ("config", "c1"))),
    "a dep removed": BASE._replace(deps=(("data", "d1.dir"),)),
    "digests of deps swapped": BASE._replace(deps=(("data", "c1"), ("config", "d1.dir"))),
    "a variable set": BASE._replace(env=(("A", "e1"), ("env.HOME", "e2"), ("env.X", digest_bytes(b"", "md5")))),
    "a variable unset": BASE._replace(env=(("A", None), ("env.HOME", "e2"), ("env.X", None))),
    "a variable undeclared": BASE._replace(env=(("A", "e1"), ("env.HOME", "e2"))),
    "a dep turned into a variable": BASE._replace(deps=(("data", "d1.dir"),), env=(*BASE.env, ("config", "c1"))),
    "a shell": BASE._replace(shell="sh"),
    "a shell named false": BASE._replace(shell="false"),
    "another directory": BASE._replace(workdir="sub"),
}


def test_every_part_changes_the_key() -> None:
    keys = {name: found.key for name, found in CHANGES.items()} | {"base": BASE.key}
    assert len(set(keys.values())) == len(keys)


def test_order_and_repetition_of_deps_and_variables_do_not_change_the_key() -> None:
    reordered = BASE._replace(deps=(*reversed(BASE.deps), BASE.deps[0]), env=tuple(reversed(BASE.env)))
    assert reordered.key == BASE.key


texts = st.one_of(st.text(max_size=4), st.sampled_from(['"', "\\", '","', "],[", "null", "a", "\udcff", "\u2028"]))
texts = texts.filter(lambda text: not any("\ud800" <= char < "\udc80" or "\udcff" < char <= "\udfff" for char in text))
pairs = st.dictionaries(texts, st.one_of(st.none(), texts), max_size=3).map(lambda found: tuple(found.items()))
fingerprints = st.builds(
    Fingerprint,
    script=st.lists(texts, max_size=3).map(tuple),
    args=st.lists(texts, max_size=3).map(tuple),
    deps=pairs,
    env=pairs,
    shell=st.one_of(st.just(False), texts),
    workdir=texts,
)


def parts(found: Fingerprint) -> tuple[object, ...]:
    return found.script, found.args, dict(found.deps), dict(found.env), found.shell, found.workdir


@given(fingerprints, fingerprints)
def test_two_fingerprints_have_one_key_only_if_all_parts_are_equal(one: Fingerprint, other: Fingerprint) -> None:
    assert (one.key == other.key) == (parts(one) == parts(other))


@given(st.lists(texts, min_size=1, max_size=8), st.data())
def test_text_that_moves_between_parts_never_gives_the_same_key(pieces: list[str], data: st.DataObject) -> None:
    """The same pieces of text, in the same order, dealt out to the parts in two ways."""

    def dealt() -> Fingerprint:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(pieces)), min_size=4, max_size=4)))
        script, args, deps, env, rest = (
            tuple(pieces[start:end]) for start, end in zip([0, *cuts], [*cuts, len(pieces)], strict=True)
        )
        joined = data.draw(st.booleans())
        return Fingerprint(
            script=("".join(script),) if joined else script,
            args=args,
            deps=tuple(dict.fromkeys(deps).items()),
            env=tuple(dict.fromkeys(env).items()),
            shell=False,
            workdir="".join(rest),
        )

    one, other = dealt(), dealt()
    assume(parts(one) != parts(other))
    assert one.key != other.key


# -- what a command is now --------------------------------------------------------------------------------------------


def digests_of(dep: str) -> list[tuple[str, str | None]]:
    return [("d/1", "one"), ("d/2", "two")] if dep == "d/*" else [(dep, None if dep == "absent" else f"of {dep}")]


def test_a_glob_enters_as_its_matches_and_what_is_absent_as_nothing() -> None:
    command = Command("a", deps=("x", "d/*", "absent"))
    now = fingerprint(command, {}.get, digests_of)
    assert now.deps == (("x", "of x"), ("d/1", "one"), ("d/2", "two"), ("absent", None))


def env_of(values: Mapping[str, str], **fields: object) -> dict[str, str | None]:
    command = Command("a")._replace(**fields)  # type: ignore[arg-type]
    return dict(fingerprint(command, values.get, digests_of).env)


def md5(text: str) -> str:
    return digest_bytes(text.encode(), "md5")


def test_the_env_part_is_what_the_command_sets_and_uses_and_no_more() -> None:
    found = env_of(
        {"X": "x", "Y": "y", "UNUSED": "u"},
        script=("echo ${env.X} ${env.X}",),
        env=(("A", "1"), ("B", "<${env.Y}>"), ("C", "${env.UNSET}")),
    )
    assert found == {
        "A": md5("1"),
        "B": md5("<y>"),
        "C": md5(""),
        "env.X": md5("x"),
        "env.Y": md5("y"),
        "env.UNSET": None,
    }


def test_unset_is_not_empty() -> None:
    script = ("echo ${env.X}",)
    assert env_of({}, script=script) != env_of({"X": ""}, script=script)


def test_values_of_the_environment_are_nowhere_in_a_fingerprint() -> None:
    command = Command("a", script=("login ${env.TOKEN}",), env=(("PASSWORD", "${env.TOKEN}"),))
    assert "s3cret" not in repr(fingerprint(command, {"TOKEN": "s3cret"}.get, digests_of))


def test_a_variable_that_is_no_text_has_a_digest_too() -> None:
    assert env_of({"X": "\udcff"}, script=("${env.X}",)) == {"env.X": digest_bytes(b"\xff", "md5")}


# -- why it must run --------------------------------------------------------------------------------------------------

COMMAND = Command(
    "train",
    script=BASE.script,
    deps=("data", "config"),
    outputs=("model", "plots"),
    outputs_no_cache=("log", "metrics"),
)
RECORD = Record(
    run=1,
    command="train",
    fingerprint=BASE,
    outputs=(RecordedOutput("model", "m"), RecordedOutput("plots", "p.dir")),
    outputs_no_cache=(RecordedOutput("log", "l"), RecordedOutput("metrics", ABSENT)),
)
DISK = {"model": "m", "plots": "p.dir", "log": "l"}


def reasons(
    command: Command = COMMAND,
    now: Fingerprint = BASE,
    last: Record | None = RECORD,
    disk: Mapping[str, str] = DISK,
) -> list[str]:
    return [str(reason) for reason in reasons_to_run(command, now, last, disk.get)]


def test_what_is_as_recorded_is_up_to_date() -> None:
    assert reasons() == []


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_key_is_a_reason(change: str) -> None:
    assert reasons(now=CHANGES[change]) != []


@given(fingerprints, fingerprints)
def test_inputs_are_a_reason_exactly_if_the_key_is_another(then: Fingerprint, now: Fingerprint) -> None:
    found = reasons_to_run(COMMAND, now, RECORD._replace(fingerprint=then), DISK.get)
    assert bool(found) == (then.key != now.key)


NAMED: dict[str, tuple[dict[str, object], list[str]]] = {
    "script": ({"script": ("python train.py --lr 2", "echo done")}, ["script changed: line 1"]),
    "a line added": ({"script": (*BASE.script, "ls")}, ["script changed: line 3"]),
    "a line removed": ({"script": BASE.script[:1]}, ["script changed: line 2"]),
    "arguments": ({"args": ()}, ["script changed: arguments"]),
    "shell and workdir": ({"shell": "bash", "workdir": "w"}, ["script changed: shell", "script changed: workdir"]),
    "deps": (
        {"deps": (("data", "d2.dir"), ("new", "n"))},
        ["dep changed: data", "dep added: new", "dep removed: config"],
    ),
    "a dep that is missing": ({"deps": (("data", None), ("config", "c1"))}, ["dep changed: data (missing)"]),
    "env": (
        {"env": (("A", "e9"), ("B", "e"), ("env.HOME", "e2"))},
        ["env changed: A", "env changed: B (added)", "env changed: env.X (removed)"],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_reason_names_what_changed(name: str) -> None:
    changes, expected = NAMED[name]
    found = reasons(now=BASE._replace(**changes))  # type: ignore[arg-type]
    assert [told[: len(start)] for told, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize("path", ["model", "plots", "log"])
def test_every_recorded_output_must_lie_there_as_it_was_made(path: str) -> None:
    assert reasons(disk={**DISK, path: "x"}) == [f"output changed: {path}"]
    assert reasons(disk={key: digest for key, digest in DISK.items() if key != path}) == [f"output missing: {path}"]


def test_an_absent_output_that_appeared_is_a_change() -> None:
    assert reasons(disk={**DISK, "metrics": "x"}) == ["output changed: metrics"]


def test_another_list_of_outputs_is_a_reason() -> None:
    command = COMMAND._replace(outputs=("model", "new"))
    assert reasons(command, disk={**DISK, "new": "n"}) == ["outputs list changed: new, plots"]


def test_what_may_be_absent_no_longer_is_missing() -> None:
    command = COMMAND._replace(outputs=("model", "plots", "metrics"), outputs_no_cache=("log",))
    assert reasons(command) == ["output missing: metrics"]


def test_what_never_ran_has_one_reason() -> None:
    assert reasons(last=None, disk={}) == ["never ran"]


def test_no_skip_is_a_reason_of_its_own() -> None:
    assert reasons(COMMAND._replace(no_skip=True)) == ["no_skip"]
    assert reasons(COMMAND._replace(no_skip=True), last=None) == ["no_skip", "never ran"]


def test_a_command_without_outputs_always_runs() -> None:
    assert reasons(Command("train"), last=None) == ["has no outputs"]


def test_a_reason_reads_as_one_line() -> None:
    assert str(Reason(ReasonKind.DEP_CHANGED, "data", "new a.txt")) == "dep changed: data (new a.txt)"
    assert str(Reason(ReasonKind.FORCED)) == "forced"
