"""What goes into a run, and its key. The golden vectors are in test_formats.py."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import assume, given
from hypothesis import strategies as st

from plan.fingerprints import BASE, CHANGES, fingerprints, texts
from weaselish.model.project import Command
from weaselish.plan.digests import digest_bytes
from weaselish.plan.fingerprint import Fingerprint, fingerprint


def test_every_part_changes_the_key() -> None:
    keys = {name: found.key for name, found in CHANGES.items()} | {"base": BASE.key}
    assert len(set(keys.values())) == len(keys)


def test_order_and_repetition_of_deps_and_variables_do_not_change_the_key() -> None:
    reordered = BASE._replace(deps=(*reversed(BASE.deps), BASE.deps[0]), env=tuple(reversed(BASE.env)))
    assert reordered.key == BASE.key


def parts(found: Fingerprint) -> tuple[object, ...]:
    return (
        found.script,
        found.args,
        dict(found.deps),
        dict(found.env),
        found.shell,
        found.workdir,
        dict(found.environment),
    )


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
    now = fingerprint(command, dict[str, str]().get, digests_of)
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


def test_a_variable_outside_utf8_has_a_digest_too() -> None:
    assert env_of({"X": "\udcff"}, script=("${env.X}",)) == {"env.X": digest_bytes(b"\xff", "md5")}
